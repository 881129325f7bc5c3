"""Saving seen from outside: strace shows the order of the system calls and makes each fail or kill."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fastnn.io import sweep_stale, write_atomic
from fastnn.io.atomic import _temp_prefix
from fastnn.platform import pid_space
from io_files import ERRORS, NEW, OLD, needs_strace, run_python, temps
from processes import environment

# The name of the temporary file is made known, so that strace can be told to look at the save's three paths
# only: the n-th call is then the n-th of the save, whatever the interpreter did before.
SAVE = """
import os, sys
from fastnn.io import write_atomic
os.getpid, os.urandom = lambda: 4194304, bytes
try:
    write_atomic(sys.argv[1], [b"new ", b"checkpoint"])
except OSError as error:
    print(error.errno)
"""
TEMP = f"{_temp_prefix('model.safetensors')}{pid_space()}-4194304-0000000000000000.fastnn-tmp"
TRACED = "openat,write,fsync,rename,fchmod,close"


def strace(path: Path, *options: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Saves under strace: the process, and its calls on the target, its folder and the temporary file."""
    log = path.parent / "trace.log"
    paths = [part for name in ("", TEMP, path.name) for part in ("-P", str(path.parent / name))]
    done = run_python(SAVE, path, prefix=("strace", "-o", str(log), "-e", f"trace={TRACED}", *paths, *options))
    return done, log.read_text().splitlines()


@needs_strace
def test_order_of_system_calls(checkpoint):
    done, trace = strace(checkpoint)
    assert done.returncode == 0, done.stderr
    last = max(index for index, line in enumerate(trace) if line.startswith("fsync"))
    text = "\n".join(trace[: last + 2])
    folder = re.escape(str(checkpoint.parent))
    temp = f"{folder}/{re.escape(TEMP)}"
    flags = r"O_WRONLY\|O_CREAT\|O_EXCL\|O_NOFOLLOW\|O_CLOEXEC"
    expected = [
        rf'openat\(AT_FDCWD, "{folder}", O_RDONLY\|O_CLOEXEC\|O_DIRECTORY\) = (?P<folder>\d+)',
        rf'openat\(AT_FDCWD, "{temp}", {flags}, 0666\) = (?P<file>\d+)',
        r"fchmod\((?P=file), 0640\) += 0",
        r'write\((?P=file), "new ", 4\) += 4',
        r'write\((?P=file), "checkpoint", 10\) += 10',
        r"fsync\((?P=file)\) += 0",
        r"close\((?P=file)\) += 0",
        rf'rename\("{temp}", "{re.escape(str(checkpoint))}"\) += 0',
        r"fsync\((?P=folder)\) += 0",
        r"close\((?P=folder)\) += 0",
    ]
    assert re.fullmatch("\n".join(expected), text), text


def calls_in_save(checkpoint: Path) -> list[tuple[str, int]]:
    """Each system call of a save as (name, how many of that name the save made up to it)."""
    _, trace = strace(checkpoint)
    last = max(index for index, line in enumerate(trace) if line.startswith("fsync"))
    names = [line.partition("(")[0] for line in trace[: last + 1]]
    return [(name, names[: index + 1].count(name)) for index, name in enumerate(names)]


def check_injected(checkpoint: Path, call: str, nth: int, fault: str, renamed: bool) -> None:
    """One save with one fault in one system call."""
    checkpoint.write_bytes(OLD)
    done, trace = strace(checkpoint, "-e", f"inject={call}:{fault}:when={nth}")
    content = checkpoint.read_bytes()
    assert content == OLD or (renamed and content == NEW), (call, nth, fault, content)
    if fault.startswith("error="):
        # Python repeats a call that a signal interrupted, so that EINTR is mostly no failure.
        number = getattr(errno, fault.removeprefix("error="))
        assert sum("(INJECTED)" in line for line in trace) == 1, trace
        assert done.stdout.strip() == str(number) or fault == "error=EINTR", (call, nth, fault, done)
        assert temps(checkpoint.parent) == [], (call, nth, fault)
    else:
        assert trace[-1] == "+++ killed by SIGKILL +++", trace
    sweep_stale(checkpoint)
    assert temps(checkpoint.parent) == []


@needs_strace
def test_killed_at_every_system_call(checkpoint):
    calls = calls_in_save(checkpoint)
    assert len(calls) == 9, calls
    for index, (call, nth) in enumerate(calls):
        check_injected(checkpoint, call, nth, "signal=KILL", renamed=index >= 7)


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize("fault", [f"error={errno.errorcode[code]}" for code in ERRORS])
def test_every_system_call_fails(checkpoint, fault):
    calls = calls_in_save(checkpoint)
    for index, (call, nth) in enumerate(calls):
        check_injected(checkpoint, call, nth, fault, renamed=index >= 7 or fault == "error=EINTR")


KILL_LOOP = """
import sys
from fastnn.io import write_atomic
size = 0
while True:
    size = (size + 100_000) % 3_000_000
    write_atomic(sys.argv[1], [size.to_bytes(8, "little"), b"x" * size])
"""


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path):
    path = tmp_path / "ck"
    write_atomic(path, [(0).to_bytes(8, "little")])
    for attempt in range(25):
        process = subprocess.Popen([sys.executable, "-c", KILL_LOOP, path], env=environment())
        time.sleep(0.4 + 0.013 * attempt)
        process.send_signal(signal.SIGKILL)
        process.wait()
        data = path.read_bytes()
        assert len(data) == 8 + int.from_bytes(data[:8], "little")
        sweep_stale(path)
        assert os.listdir(tmp_path) == ["ck"]
