"""SIGINT and SIGTERM: the command ends at once, with the state saved if it was training, wherever they hit it."""

from __future__ import annotations

import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from job_runs import argv_of, environment, temporary_files, train_json

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@dataclass
class Ended:
    """How a process ended: exit code (128 + n also where signal n killed it), output, seconds since the signal.

    ``cpu``: the part of them that it computed, which other processes of the machine cannot lengthen.
    """

    code: int
    text: str
    seconds: float
    cpu: float


class Job:
    """A running command whose output can be waited for."""

    def __init__(self, argv: list[str], folder: Path) -> None:
        self.output, theirs = pty.openpty()
        self.process = subprocess.Popen(argv, cwd=folder, env=environment(), stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.text = ""

    def wait_for(self, words: str) -> None:
        while words not in self.text and self._read():
            pass
        assert words in self.text, self.text

    def _read(self) -> bool:
        try:
            piece = os.read(self.output, 65536)
        except OSError:  # how Linux says that the other end is closed
            piece = b""
        self.text += piece.decode()
        return bool(piece)

    def stop(self, number: int) -> Ended:
        """Sends a signal and waits for the end."""
        started, cpu_before = time.perf_counter(), self._cpu_seconds()
        os.kill(self.process.pid, number)
        while self._read():
            pass
        os.close(self.output)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = code = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime - cpu_before
        return Ended(code if code >= 0 else 128 - code, self.text, time.perf_counter() - started, cpu)

    def wait_until_guarded(self) -> None:
        """Waits until the process ended or has a handler for SIGTERM, which Python itself leaves alone."""
        while True:
            with open(f"/proc/{self.process.pid}/status") as file:
                status = dict(line.split(":\t", 1) for line in file if ":\t" in line)
            if status["State"].startswith("Z") or int(status["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1:
                return
            time.sleep(0.001)

    def _cpu_seconds(self) -> float:
        try:
            with open(f"/proc/{self.process.pid}/stat", "rb") as stat:
                ticks = stat.read().rsplit(b")", 1)[1].split()[11:13]
        except OSError:
            return 0.0
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """start(*words): the job on a terminal; killed at the end of the test if it still runs."""
    jobs: list[Job] = []

    def begin(*words: Any, argv: list[str] | None = None) -> Job:
        jobs.append(Job(argv or argv_of("fastnn.train", words), tmp_path))
        return jobs[-1]

    yield begin
    for job in jobs:
        if job.process.returncode is None:
            job.process.kill()
            job.process.wait()


def check_end(ended: Ended, number: int) -> None:
    """The right exit code, within a second of its own, or a few where others keep the machine busy; no traceback."""
    assert ended.code == 128 + number, ended.text
    assert "Traceback" not in ended.text
    assert ended.cpu < 1
    assert ended.seconds < 5


def check_resumable(words: tuple, folder: Path) -> None:
    """The state that was left leads to the end of an undisturbed run; no temporary file stays."""
    (folder / "whole").mkdir()
    found = train_json(*words, "--resume", cwd=folder, here=True)
    whole = train_json(*words, cwd=folder / "whole", here=True)
    for name in ("parameters_sha256", "train_loss", "test_correct"):
        assert found[name] == whole[name], name
    assert temporary_files(folder) == []


@pytest.fixture
def words(idx_folder: Path) -> tuple:
    """A job of 20 epochs, 1160 steps: half a second."""
    return ("--data", idx_folder, "--arch", "784-24-10", "--batch-size", 4, "--epochs", 20)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("engine", ["plan", "eager"])
def test_while_training(engine: str, number: int, start: Callable, words: tuple, tmp_path: Path) -> None:
    job = start(*words, "--engine", engine, "--out", "model.pth")
    job.wait_for("Epoch 2/20 | Batch 0")
    ended = job.stop(number)
    check_end(ended, number)
    last = ended.text.rstrip().splitlines()[-1]
    assert last.strip() == "stopped; the state is in model.pth.state: go on with --resume"
    check_resumable(words, tmp_path)


@pytest.mark.parametrize("number", SIGNALS)
def test_while_saving(number: int, start: Callable, words: tuple, tmp_path: Path) -> None:
    job = start(*words, "--checkpoint-every", 1, "--out", "model.pth")
    job.wait_for("Batch 0")
    while not any(tmp_path.glob(f".*-{job.process.pid}-*")):
        time.sleep(0.0005)
    check_end(job.stop(number), number)
    assert temporary_files(tmp_path) == []
    check_resumable(words, tmp_path)


@pytest.mark.parametrize("number", SIGNALS)
def test_while_reading_data(number: int, start: Callable, tree: Path, tmp_path: Path) -> None:
    """Class folders with so many links to one image that reading takes a second."""
    for i in range(12_000):
        folder = tmp_path / "data" / str(i % 3)
        if i < 3:
            folder.mkdir(parents=True)
        os.link(tree / "train" / "cat" / "000.png", folder / f"{i}.png")
    job = start("--data", "data", "--arch", "64-8-3")
    job.wait_for("images read")
    ended = job.stop(number)
    check_end(ended, number)
    assert "train_dataset" not in ended.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_does_not_wait(number: int, start: Callable, words: tuple) -> None:
    """With a save that never ends, as on a disk that hangs: the first signal waits for it, the second does not."""
    code = """
import sys, time, fastnn.training.checkpoint, fastnn.train
def hang(self, trainer):
    print("saving", flush=True)
    time.sleep(20)
fastnn.training.checkpoint.Checkpointer.save = hang
sys.exit(fastnn.train.main(sys.argv[1:]))
"""
    job = start(argv=[sys.executable, "-c", code, *map(str, words), "--checkpoint-every", "1"])
    job.wait_for("saving")
    job.process.send_signal(number)
    time.sleep(0.2)
    assert job.process.poll() is None
    check_end(job.stop(number), number)


def stop_at_random(start: Callable, words: tuple, folder: Path, times: int, seed: int) -> None:
    """Signals at any moment of the process, its import and its end included, resumed until it is through.

    SIGINT waits for our handler: before, Python's own raises KeyboardInterrupt, which what is being imported may drop.
    """
    draw = random.Random(seed)
    ends = []
    for _ in range(times):
        job = start(*words, "--checkpoint-every", 40, "--resume", "--out", "model.pth")
        time.sleep(draw.random() * 0.8)
        number = draw.choice(SIGNALS)
        if number == signal.SIGINT:
            job.wait_until_guarded()
        ended = job.stop(number)
        if "KeyboardInterrupt" not in ended.text:  # Python's own again, once the command is through
            assert ended.code in (0, 130, 143), ended.text
            assert "Traceback" not in ended.text
        assert ended.cpu < 1
        ends.append(ended.code)
    assert any(ends)
    check_resumable(words, folder)


def test_at_any_moment(start: Callable, words: tuple, tmp_path: Path) -> None:
    stop_at_random(start, (*words, "--epochs", 40), tmp_path, times=6, seed=4)


@pytest.mark.slow
def test_at_fifty_moments(start: Callable, idx_folder: Path, tmp_path: Path) -> None:
    words = ("--data", idx_folder, "--arch", "784-24-10", "--batch-size", 4, "--epochs", 200)
    stop_at_random(start, words, tmp_path, times=50, seed=5)


def test_a_signal_that_compiled_code_turned_into_another_error(words: tuple, start: Callable) -> None:
    code = """
import os, signal, sys, fastnn.data.source, fastnn.train
def interrupted(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException as stop:
        raise ImportError("could not import") from stop
fastnn.data.source.open_source = interrupted
sys.exit(fastnn.train.main(sys.argv[1:]))
"""
    job = start(argv=[sys.executable, "-c", code, *map(str, words)])
    while job._read():
        pass
    assert job.process.wait() == 128 + signal.SIGTERM, job.text
    assert "error" not in job.text


def test_importing_changes_no_handler() -> None:
    code = """
import signal
def handlers():
    return [signal.getsignal(n) for n in sorted(signal.valid_signals())]
before = handlers()
import fastnn, fastnn.train, fastnn.commands.fitting, fastnn.training.network, fastnn.datasets
assert handlers() == before
"""
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True, timeout=60)


def test_the_commands_work_outside_the_main_thread(words: tuple, tmp_path: Path) -> None:
    """Where a program may not take signals, it does without."""
    from concurrent.futures import ThreadPoolExecutor

    from fastnn import train

    with ThreadPoolExecutor(1) as pool:
        argv = [*map(str, words[:-1]), "1", "--quiet", "--out", str(tmp_path / "net.pth")]
        assert pool.submit(train.main, argv).result() == 0
