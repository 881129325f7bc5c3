"""What the tests of the job share: the commands run here or as a process, and small data sets to run them on."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import processes
from fastnn.io import notes


@dataclass(frozen=True)
class Outcome:
    """How a command ended: exit code (negative: by a signal) and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def accuracy(self) -> str:
        """The last line."""
        return self.lines[-1]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with the tested package first, one thread, and the changes."""
    inherited = processes.environment(Path(__file__).parent).items()
    kept = {name: value for name, value in inherited if not name.startswith(("FASTNN_", "OMP_"))}
    return kept | {"FASTNN_NUM_THREADS": "1", "FASTNN_LANG": "en"} | changes


def argv_of(module: str, words: Sequence[Any]) -> list[str]:
    return [sys.executable, "-m", module, *map(str, words)]


def run(*words: Any, cwd: Path, module: str = "fastnn.train", env: dict[str, str] | None = None) -> Outcome:
    """A command as a process of its own; ``env`` changes :func:`environment`."""
    done = subprocess.run(
        argv_of(module, words), cwd=cwd, env=environment(**(env or {})), capture_output=True, timeout=120, check=False
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def call(*words: Any, module: str = "fastnn.train") -> Outcome:
    """A command in this process: the same, a third of a second sooner."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    notes._said.clear()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = importlib.import_module(module).main(list(map(str, words)))
        except SystemExit as stop:
            code = stop.code
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    return Outcome(code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())


def train_json(
    *words: Any, cwd: Path, env: dict[str, str] | None = None, here: bool = False, module: str = "fastnn.train"
) -> dict[str, Any]:
    """What ``--json`` says of a quiet run that must succeed."""
    args = ("--quiet", "--out", cwd / "model.pth", "--json", cwd / "run.json", *words)
    outcome = call(*args, module=module) if here else run(*args, cwd=cwd, env=env, module=module)
    assert outcome.code == 0, outcome.err
    return json.loads((cwd / "run.json").read_text())


def refused(outcome: Outcome, *parts: str, lines: int = 1) -> None:
    """Exit code 2, so many lines that contain the parts, no traceback."""
    assert outcome.code == 2, outcome
    for part in parts:
        assert part in outcome.err
    assert outcome.err.count("\n") == lines
    assert outcome.err.startswith("fastnn")
    assert ": error: " in outcome.err
    assert "Traceback" not in outcome.err
    assert not any(line.startswith("Epoch") for line in outcome.lines)


def temporary_files(folder: Path) -> list[str]:
    """What killed or failed saves left behind."""
    return [path.name for path in folder.rglob("*") if "fastnn-tmp" in path.name]
