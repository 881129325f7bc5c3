"""Threads above: every task once and by its owner, in C++ under stress; eager code beside busy processes."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fastnn import _core, nn, optim
from fastnn.eager.tensor import Tensor
from harness import configured
from models import eager_step, mlp
from repository import ROOT

COMPILER = os.environ.get("CXX") or shutil.which("c++")
SOURCES = ["parallel", "pool", "pace", "team", "check", "platform_posix"]
own_threads = pytest.mark.skipif(_core.threading() == "OpenMP", reason="OpenMP waits for all its threads")


def driver(folder: Path, *flags: str) -> Path:
    if COMPILER is None:
        pytest.skip("no C++ compiler")
    files = [*(ROOT / f"cpp/core/{name}.cpp" for name in SOURCES), ROOT / "tests/core/team/drive.cpp"]
    command = [COMPILER, "-std=c++17", "-O1", "-pthread", *flags, f"-I{ROOT / 'cpp'}", *map(str, files), "-o"]
    built = subprocess.run([*command, str(folder / "drive")], capture_output=True, text=True, check=False)
    if built.returncode and flags:
        pytest.skip(f"this compiler does not take {flags}")
    assert built.returncode == 0, built.stderr
    return folder / "drive"


def drive(program: Path, *arguments: str) -> tuple[int, int, str]:
    """Checks, failures and the output."""
    run = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r"(\d+) checks, (\d+) failures", run.stdout)
    assert found, run.stdout + run.stderr
    return int(found[1]), int(found[2]), run.stdout + run.stderr


def test_every_task_is_done_once(tmp_path: Path) -> None:
    program = driver(tmp_path)
    checks, failures, output = drive(program, "2")
    assert failures == 0, output
    assert checks > 1000
    assert drive(program, "0.2", "fault")[1] > 0


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["-fopenmp", "-fsanitize=thread"])
def test_every_task_is_done_once_in_other_builds(tmp_path: Path, flag: str) -> None:
    """With OpenMP's threads; and with ours, where nothing may be read that was not handed over."""
    checks, failures, output = drive(driver(tmp_path, flag), "10")
    assert (failures, output.count("WARNING")) == (0, 0), output
    assert checks > 1000


@own_threads
def test_parts_are_counted() -> None:
    x = np.ones((300, 300), np.float32)
    with configured("", 2):
        before = _core.team_counters()
        for _ in range(20):
            _core.matmul(x, x)
        done, helped = (now - then for now, then in zip(_core.team_counters(), before, strict=True))
    assert 20 <= done <= 40, "one or two parts a call"
    assert 0 <= helped <= done / 2


def step_seconds(rounds: int, steps: int) -> list[float]:
    """The median time of an eager step's rounds with one thread and with two, by turns."""
    rng = np.random.default_rng(0)
    x, y = Tensor(rng.standard_normal((64, 784), np.float32)), Tensor(rng.integers(0, 10, 64))
    model, criterion = mlp(784, 256, 10), nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=1e-5)
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(2 * rounds):
        with configured("", 1 + number % 2):
            start = time.perf_counter()
            for _ in range(steps):
                eager_step(model, criterion, optimizer, x, y)
            seconds[number % 2].append(time.perf_counter() - start)
    return [statistics.median(each) for each in seconds]


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.slow
@own_threads
@pytest.mark.skipif(_core.available_cpus() < 2, reason="needs two processors")
@pytest.mark.parametrize("spare", [1, 0])
def test_eager_code_beside_busy_processes(spare: int) -> None:
    """Two threads take at most 1.3 times what one takes, where one processor is left or none."""
    with busy_processes(_core.available_cpus() - spare):
        one, two = step_seconds(rounds=21, steps=60)
    assert two < 1.3 * one, (one, two)


@own_threads
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs an affinity mask")
def test_eager_code_with_more_threads_than_processors() -> None:
    """The calling thread does the parts of those that do not come to run."""
    allowed = os.sched_getaffinity(0)
    to_all(lambda thread: os.sched_setaffinity(thread, {min(allowed)}))
    try:
        one, two = step_seconds(rounds=11, steps=20)
    finally:
        to_all(lambda thread: os.sched_setaffinity(thread, allowed))
    assert two < 1.3 * one, (one, two)


def to_all(change: Callable[[int], None]) -> None:
    """Changes every thread of this process."""
    for thread in os.listdir("/proc/self/task"):
        change(int(thread))
