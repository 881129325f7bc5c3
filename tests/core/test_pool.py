"""Threads between calls: kept, given to whoever calls, and no hindrance to the end of the process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fastnn import _core
from processes import python

HEAD = """
import os, sys, threading, time
import numpy as np
from fastnn import _core
_core.set_num_threads(3)
x = np.ones((150, 150), np.float32)
threads = lambda: len(os.listdir("/proc/self/task"))
"""

# OpenMP ends the process where there are no more threads.
own_threads = pytest.mark.skipif(_core.threading() == "OpenMP", reason="needs a pool of our own")


def ends_with(code: str) -> tuple[int, str]:
    """The exit code and output of a fresh interpreter, which must end within seconds."""
    done = python("-c", HEAD + code, seconds=60)
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def test_threads_are_kept() -> None:
    code = """
before = threads()
_core.matmul(x, x)
once = threads()
for _ in range(50): _core.matmul(x, x)
print(once - before, threads() - before)
"""
    assert ends_with(code) == (0, "2 2")


def test_callers_at_the_same_time_have_threads_apart() -> None:
    """As many as they need together, and no more when they call again."""
    code = """
def work():
    barrier.wait()
    for _ in range(20): results.append(_core.matmul(x, x).tobytes())
expected = _core.matmul(x, x).tobytes()
before, results = threads(), []
for _ in range(3):
    barrier = threading.Barrier(3)
    callers = [threading.Thread(target=work) for _ in range(3)]
    for each in callers: each.start()
    for each in callers: each.join()
until = time.monotonic() + 10  # a joined caller's thread may take a moment to be gone
while threads() - before > 4 and time.monotonic() < until: time.sleep(0.01)
print(set(results) == {expected}, threads() - before <= 4)
"""
    assert ends_with(code) == (0, "True True")


@pytest.mark.parametrize("code", ["sys.exit(5)", "os._exit(5)"])
def test_a_child_ends_without_them(code: str) -> None:
    fork = f"""
import warnings
warnings.simplefilter("ignore")
_core.matmul(x, x)
child = os.fork()
if child == 0:
    _core.matmul(x, x)
    {code}
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert ends_with(fork) == (0, "5")


def test_the_process_ends_while_another_thread_calls() -> None:
    """By C's exit: Python's own would first stop the thread at its next look at the interpreter lock."""
    code = """
import ctypes, time
def work():
    while True: _core.matmul(x, x)
threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
ctypes.CDLL(None).exit(7)
"""
    assert ends_with(code) == (7, "")


@own_threads
def test_no_more_threads() -> None:
    """An error, the threads that there were are still there, and later calls work."""
    code = """
import resource
_core.matmul(x, x)
before = threads()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 40 * 2**20, resource.RLIM_INFINITY))
try:
    _core.fma_peak(200, 0.01)
except RuntimeError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert threads() >= before
assert _core.fma_peak(20, 0.01) > 0 and _core.matmul(x, x)[0, 0] == 150
"""
    assert ends_with(code) == (0, os.strerror(11))


@pytest.mark.parametrize("memory", [1, 4])
def test_fewer_threads_where_so_many_cannot_be_had(memory: int) -> None:
    """1,000 threads want 8 GB of stacks. Products, steps and predictions go on with those that there can be."""
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({memory} << 30, resource.RLIM_INFINITY))
_core.set_num_threads(1000)
import fastnn
from fastnn import nn, optim
assert 1 <= _core.get_num_threads() < 1000
a = fastnn.Tensor(np.ones((700, 700), np.float32))
assert (a @ a)[0, 0].item() == 700
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 2))
step = fastnn.compile(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
losses = [step(np.ones((512, 64), np.float32), np.zeros(512, np.int64)).item() for _ in range(3)]
assert losses[2] < losses[0]
_core.set_num_threads(2)
assert _core.get_num_threads() == min(2, _core.get_num_threads())
print("done")
"""
    assert ends_with(code) == (0, "done")


@own_threads
def test_a_step_whose_threads_can_no_longer_be_had() -> None:
    """They could when they were counted, nobody has started them yet: it goes on with those that there are."""
    code = """
import resource
import fastnn
from fastnn import nn, optim
def training():
    fastnn.manual_seed(1)
    model = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 2))
    return fastnn.compile(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
batch = np.ones((2048, 64), np.float32), np.zeros(2048, np.int64)
_core.set_num_threads(1)
one, many = training(), training()
expected = [one(*batch).item() for _ in range(4)]
losses = [many(*batch).item()]
_core.set_num_threads(32)
assert _core.get_num_threads() == 32
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 20 * 2**20, resource.RLIM_INFINITY))
before = threads()
assert losses + [many(*batch).item() for _ in range(3)] == expected
print("done", threads() - before < 31)
"""
    assert ends_with(code) == (0, "done True")


@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="its own memory is beyond any limit")
@pytest.mark.parametrize("megabytes", [300, 600, 1200])
def test_a_command_where_addresses_are_few(megabytes: int, tmp_path: Path) -> None:
    """ulimit -v: 64 threads' stacks and heaps would take them all, and the C library end the process."""
    words = f"-m fastnn.train --limit 100 --epochs 1 --quiet --out {tmp_path / 'net.pth'}".split()
    limited = ["bash", "-c", f'ulimit -v {megabytes}000 && exec "$@"', "bash"]
    done = python(*words, prefix=limited, FASTNN_NUM_THREADS="64", OPENBLAS_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
