"""Runs the tutorials' scripts in a folder of their own, with this fastnn."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import fastnn
import numpy as np
from fastnn import _core

PACKAGE = Path(fastnn.__file__).parent.parent


def python(folder: Path, *words: str, seconds: int = 120) -> subprocess.CompletedProcess[str]:
    """Runs the interpreter in a folder, with this fastnn, for so many seconds at most."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(PACKAGE),
            "FASTNN_CACHE": str(folder / "cache"),
            "FASTNN_DATA": str(folder / "data/MNIST/raw"),
            "PYTHONIOENCODING": "utf-8",
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=seconds,
    )


class Run(Protocol):
    """run(script, ...): its lines, after the script and its neighbours were put into the test's folder."""

    def __call__(self, script: Path, *changes: tuple[str, str]) -> list[str]: ...


def runner(folder: Path, imports: Sequence[tuple[str, str]] | None, seconds: int = 120) -> Run:
    """One that changes the import lines, by patterns and what takes their place; None: by ``fastnn.run``, unchanged."""

    def run(script: Path, *changes: tuple[str, str]) -> list[str]:
        for source in script.parent.glob("*.py"):
            text = source.read_text()
            for pattern, replacement in imports or ():
                text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
            for before, after in changes:
                text = text.replace(before, after)
            (folder / source.name).write_text(text)
        done = python(folder, *([] if imports else ["-m", "fastnn.run"]), script.name, seconds=seconds)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.splitlines()

    return run


def write_mnist(folder: Path, count: int) -> None:
    """MNIST's four files, of drawn digits; the test set is the training set's beginning."""
    pixels, labels = _core.draw_digits(7, 0, count)
    folder.mkdir(parents=True)
    for split, rows in (("train", count), ("t10k", 10)):
        for name, magic, array in (("images-idx3", 0x803, pixels), ("labels-idx1", 0x801, labels.astype(np.uint8))):
            header = np.array([magic, rows, *array.shape[1:]], ">i4").tobytes()
            data = gzip.compress(header + array[:rows].tobytes())
            (folder / f"{split}-{name}-ubyte.gz").write_bytes(data)
