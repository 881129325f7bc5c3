"""Runs of the job that are killed at any moment, and resumed until they are through."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from fastnn import io
from job_runs import argv_of, environment, temporary_files, train_json


def position(state: Path) -> tuple[int, int]:
    record = io.load_state(state)[1]
    return record["position"]["epoch"], record["position"]["step"]


def kill_and_resume(
    job: tuple, folder: Path, kills: int, seed: int, module: str = "fastnn.train"
) -> tuple[dict[str, Any], int]:
    """Starts the job, kills it so often, every other time inside a save, lets it end.

    Returns its JSON, and how many kills left a half-written file behind.
    """
    draw = random.Random(seed)
    words = (*job, "--resume", "--out", folder / "net.pth", "--json", folder / "run.json", "--quiet")
    state, positions, inside = folder / "net.pth.state", [(0, 0)], 0
    while len(positions) <= kills:
        process = subprocess.Popen(argv_of(module, words), cwd=folder, env=environment())
        _wait_for_saves(process, state, draw.randint(1, 12))
        _wait_for_save_to_begin(process, folder) if len(positions) % 2 else time.sleep(draw.random() * 0.03)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the job was over before it was killed: make it longer"
        positions.append(position(state))
        inside += bool(temporary_files(folder))
    assert positions == sorted(positions)
    assert positions[-1] > positions[1]
    return train_json(*words, cwd=folder, module=module), inside


def _wait_for_saves(process: subprocess.Popen, state: Path, saves: int) -> None:
    """Until a state file was replaced so many times."""
    seen, before = 0, _identity(state)
    while seen < saves and process.poll() is None:
        time.sleep(0.0005)
        now = _identity(state)
        seen, before = seen + (now != before), now


def _wait_for_save_to_begin(process: subprocess.Popen, folder: Path) -> None:
    while process.poll() is None and not any(folder.glob(f".*-{process.pid}-*")):
        time.sleep(0.0005)


def _identity(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
