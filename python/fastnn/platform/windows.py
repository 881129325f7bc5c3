"""Windows: what Python lacks there is asked of kernel32 by ctypes. Docstrings: those of ``posix``."""

from __future__ import annotations

import ctypes
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from threading import Lock
from typing import Any

Path = str | os.PathLike[str]

# Not text, whose line ends would be changed; not for child processes.
_PLAIN = os.O_BINARY | os.O_NOINHERIT  # type: ignore[attr-defined]

_SYNCHRONIZE, _QUERY_LIMITED = 0x00100000, 0x1000
_ACCESS_DENIED, _TIMED_OUT = 5, 0x102
_UNIX_EPOCH_S = 11_644_473_600  # seconds from 1601, which file times count from, to 1970

_place_of_files = Lock()


class _Memory(ctypes.Structure):  # MEMORYSTATUSEX
    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in ("total", "available", "a", "b", "c", "d", "e")),
    ]


class _Counters(ctypes.Structure):  # PROCESS_MEMORY_COUNTERS
    _fields_ = [
        ("length", ctypes.c_uint32),
        ("faults", ctypes.c_uint32),
        *((name, ctypes.c_size_t) for name in ("peak", "resident", "a", "b", "c", "d", "e", "f")),
    ]


def _kernel() -> Any:
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.OpenProcess.restype = kernel.GetCurrentProcess.restype = ctypes.c_void_p
    return kernel


def after_fork_in_child(handler: Callable[[], None]) -> None:
    """There is no fork."""


def name_of(stream: object) -> str:
    return str(getattr(stream, "name", "the output"))


def is_running(pid: int) -> bool:
    """``os.kill(pid, 0)``, which only looks elsewhere, would send Ctrl-C here."""
    if not 0 < pid < 2**32:
        return False
    kernel = _kernel()
    process = kernel.OpenProcess(_SYNCHRONIZE | _QUERY_LIMITED, False, ctypes.c_uint32(pid))
    if not process:
        return ctypes.get_last_error() == _ACCESS_DENIED  # type: ignore[attr-defined]  # another user's
    try:
        return kernel.WaitForSingleObject(ctypes.c_void_p(process), 0) == _TIMED_OUT
    finally:
        kernel.CloseHandle(ctypes.c_void_p(process))


def pid_space() -> str:
    """Of this machine: the number that its installation got. A container has another host name."""
    import winreg
    from hashlib import sha256
    from socket import gethostname

    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography") as key:  # type: ignore[attr-defined]
        number = winreg.QueryValueEx(key, "MachineGuid")[0]  # type: ignore[attr-defined]
    return sha256(f"{gethostname()} {number}".encode()).hexdigest()[:16]


def seconds_since_start() -> float:
    times = [ctypes.c_uint64() for _ in range(4)]
    kernel = _kernel()
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    if not kernel.GetProcessTimes(process, *map(ctypes.byref, times)):
        return time.process_time()
    return time.time() - (times[0].value / 1e7 - _UNIX_EPOCH_S)  # in steps of 100 ns


def mapped_files() -> set[str]:
    return set()


def resident_memory() -> int:
    counters = _Counters(length=ctypes.sizeof(_Counters))
    kernel = _kernel()
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    known = kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.length)
    return counters.resident if known else 0


def machine_memory() -> int:
    memory = _Memory(length=ctypes.sizeof(_Memory))
    return memory.available if _kernel().GlobalMemoryStatusEx(ctypes.byref(memory)) else 2**63


def container_memory() -> int:
    return 2**63


def open_to_read(path: Path) -> int:
    return os.open(path, os.O_RDONLY | _PLAIN)


def open_new(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN, 0o666)


def nameless_file(folder: Path, size: int) -> FileIO:
    """A file with a name, which the system removes as soon as nobody has it open."""
    from errno import ENOSPC
    from tempfile import TemporaryFile

    if size > free_space(folder):
        raise OSError(ENOSPC, os.strerror(ENOSPC))
    file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
    try:
        file.truncate(size)
    except BaseException:
        file.close()
        raise
    return file  # type: ignore[return-value]


def read_into(fd: int, view: memoryview) -> int:
    most = 2**30  # the system's own call counts in 32 bits
    data = os.read(fd, min(view.nbytes, most))
    view[: len(data)] = data
    return len(data)


def write_at(fd: int, data: memoryview, place: int) -> int:
    with _place_of_files:
        os.lseek(fd, place, os.SEEK_SET)
        return os.write(fd, data)


def set_mode(fd: int, mode: int) -> None:
    """A file has no permission bits but one for writing, which a file that is written has."""


def free_space(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@contextmanager
def folder_sync(folder: Path) -> Iterator[Callable[[], None]]:
    """A folder cannot be synced; NTFS keeps a journal of renames."""
    yield lambda: None
