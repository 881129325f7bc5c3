"""Processes of their own that find the fastnn under test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import fastnn

PACKAGE_PARENT = Path(fastnn.__file__).parents[1]


def environment(*folders: Path, **changes: str) -> dict[str, str]:
    """This process's environment with the changes; these folders and the tested package come first on Python's path."""
    path = os.pathsep.join(filter(None, [*map(str, folders), str(PACKAGE_PARENT), os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path} | changes


def python(
    *words: object,
    cwd: Path | None = None,
    folders: Sequence[Path] = (),
    prefix: Sequence[str] = (),
    encoding: str = "utf-8",
    seconds: float = 120,
    **changes: str,
) -> subprocess.CompletedProcess[str]:
    """Runs the interpreter with these words, in :func:`environment`, for so many seconds at most.

    prefix: a command that runs it, with its words. encoding: of what it prints.
    """
    return subprocess.run(
        [*prefix, sys.executable, *map(str, words)],
        cwd=cwd,
        env=environment(*folders, PYTHONIOENCODING=encoding, **changes),
        capture_output=True,
        encoding=encoding,
        timeout=seconds,
        check=False,
    )


def printed(code: str, *arguments: object, **options: object) -> str:
    """What Python code prints; it must end well. The options are those of :func:`python`."""
    done = python("-c", code, *arguments, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout
