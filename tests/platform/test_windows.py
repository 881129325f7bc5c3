"""Windows, pretended: what Python lacks there is taken away, kernel32 and the registry are stand-ins."""

from __future__ import annotations

import ctypes
import inspect
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from fastnn import platform
from fastnn.platform import posix

# What Python's documentation has for Unix alone. (os.kill is there, but os.kill(pid, 0) sends Ctrl-C.)
UNIX = """
    fork register_at_fork kill uname sysconf statvfs posix_fallocate readv preadv pread pwrite writev fchmod mkfifo
    getuid geteuid sched_getaffinity O_NONBLOCK O_NOCTTY O_CLOEXEC O_NOFOLLOW O_DIRECTORY
"""
PRETENDED = f"""
import ctypes, os, shutil, sys, time, types
for name in {UNIX.split()}:
    if hasattr(os, name):
        delattr(os, name)
os.O_BINARY, os.O_NOINHERIT = 0, 0
shutil.disk_usage = lambda folder: types.SimpleNamespace(free=2**40)
sys.modules["fcntl"] = sys.modules["resource"] = sys.modules["termios"] = sys.modules["pwd"] = None

class Kernel:
    alive = set((os.getpid(), 77))
    class OpenProcess:
        def __call__(self, access, inherit, pid): return pid.value if pid.value in [*Kernel.alive, 5] else None
    OpenProcess = OpenProcess()
    def WaitForSingleObject(self, handle, wait): return 0x102 if handle.value in Kernel.alive else 0
    def CloseHandle(self, handle): return 1
    class GetCurrentProcess:
        def __call__(self): return 2**64 - 1
    GetCurrentProcess = GetCurrentProcess()
    def GetProcessTimes(self, handle, made, *others):
        made._obj.value = int((time.time() - 12 + 11_644_473_600) * 1e7)
        return 1
    def K32GetProcessMemoryInfo(self, handle, counters, length):
        counters._obj.resident = 12345
        return length == ctypes.sizeof(counters._obj)
    def GlobalMemoryStatusEx(self, memory):
        memory._obj.available = 2**33
        return memory._obj.length == 64

ctypes.WinDLL = lambda name, use_last_error: dict(kernel32=Kernel())[name]
ctypes.get_last_error = lambda: 0
class Key:
    def __enter__(self): return self
    def __exit__(self, *_): pass
winreg = types.ModuleType("winreg")
winreg.HKEY_LOCAL_MACHINE, winreg.OpenKey, winreg.QueryValueEx = 1, lambda *_: Key(), lambda *_: ("0-1-2", 1)
sys.modules["winreg"] = winreg
host, sys.platform = sys.platform, "win32"
import fastnn.platform
sys.platform = host
"""

JOB = """
from pathlib import Path
import numpy as np, fastnn
from fastnn import platform
assert platform.machine_memory() == 2**33 and platform.resident_memory() == 12345
assert [pid for pid in (0, 5, 6, 77, 2**40) if platform.is_running(pid)] == [77] and platform.is_running(os.getpid())
assert 11 < platform.seconds_since_start() < 60
from fastnn.__main__ import main
from PIL import Image
rng = np.random.default_rng(0)
for part in ("train", "val"):
    for kind in ("cat", "dog"):
        Path("photos", part, kind).mkdir(parents=True)
        for number in range(6):
            Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8)).save(f"photos/{part}/{kind}/{number}.png")
words = ["train", *"--data photos --model small_cnn --size 8 --batch-size 4 --cache cache".split(), "--memory", MEMORY]
for more in ([], ["--resume", "--epochs", "3"]):  # the second time from the cache's file, over the files of the first
    assert main([*words, "--epochs", "2", "--out", "m.pth", "--json", "m.json", *more]) == 0
assert main(["evaluate", "m.pth", "--model", "small_cnn", "--data", "photos"]) == 0
assert not [path for path in Path(".").rglob("*fastnn-tmp")]
"""


@pytest.mark.parametrize("memory", ["1G", "1k"])
def test_a_run_without_what_windows_lacks(memory: str, tmp_path: Path) -> None:
    """Trained, resumed, tested; images in memory, and in a file where they may take none."""
    script = tmp_path / "job.py"
    script.write_text(PRETENDED + JOB.replace("MEMORY", repr(memory)), "utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "test accuracy" in done.stdout


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of Windows, on this system's files."""
    for name in ("O_BINARY", "O_NOINHERIT"):
        monkeypatch.setattr(os, name, 0, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: 5, raising=False)
    from fastnn.platform import windows

    return windows


def test_both_have_the_same_functions(windows: Any) -> None:
    def functions(module: Any) -> dict[str, str]:
        found = vars(module).items()
        return {name: str(inspect.signature(f)) for name, f in found if inspect.isfunction(f) and name[0] != "_"}

    ours = {name: f for name, f in functions(posix).items() if getattr(posix, name).__module__ == posix.__name__}
    theirs = {
        name: f for name, f in functions(windows).items() if getattr(windows, name).__module__ == windows.__name__
    }
    assert ours == theirs
    assert all(getattr(platform, name) is getattr(posix, name) for name in ours)


def test_another_users_process_runs(windows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = SimpleNamespace(OpenProcess=lambda *_: None)
    monkeypatch.setattr(windows, "_kernel", lambda: refused)
    assert windows.is_running(1)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: 87)  # ERROR_INVALID_PARAMETER: there is none
    assert not windows.is_running(1)


def test_bytes_at_places_of_a_file_by_several_threads(windows: Any, tmp_path: Path) -> None:
    count, size = 8, 5000
    with windows.nameless_file(tmp_path, count * size) as file:

        def write(number: int) -> None:
            for at in range(size):
                assert windows.write_at(file.fileno(), memoryview(bytes([number])), number * size + at) == 1

        threads = [Thread(target=write, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert bytes(platform.mapped(file.fileno(), count * size)) == b"".join(bytes([n]) * size for n in range(count))


def test_no_room_for_a_nameless_file(windows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "free_space", lambda folder: 99)
    with pytest.raises(OSError, match="No space left"):
        windows.nameless_file(tmp_path, 100)
    windows.nameless_file(tmp_path, 99).close()
    assert not list(tmp_path.iterdir())


def test_reading_into_memory(windows: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1\r\n4567")
    fd, room = windows.open_to_read(tmp_path / "a"), bytearray(5)
    assert windows.read_into(fd, memoryview(room)) == 5
    assert room == b"1\r\n45"
    assert windows.read_into(fd, memoryview(room)) == 2
    assert windows.read_into(fd, memoryview(room)) == 0
    os.close(fd)
