"""POSIX, with Linux's /proc where there is one, and macOS."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO

Path = str | os.PathLike[str]

_CGROUP = "/sys/fs/cgroup/memory."

_UNTOLD = os.urandom(8).hex()  # tells processes apart where the system tells too little


def after_fork_in_child(handler: Callable[[], None]) -> None:
    """Has the handler called in the child after every fork."""
    os.register_at_fork(after_in_child=handler)


def name_of(stream: object) -> str:
    """The path of the file that a stream writes to, where the system says it; else its name."""
    try:
        return os.readlink(f"/proc/self/fd/{stream.fileno()}")  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return str(getattr(stream, "name", "the output"))


def is_running(pid: int) -> bool:
    """Whether a process of this number, of whatever user, runs on this machine."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # another user's
    return True


def pid_space() -> str:
    """Where a process number means the same process as here, as 16 hexadecimal digits.

    Another machine (or another start of this one) and another container have another; where the system does not tell
    containers apart, so has every process.
    """
    from hashlib import sha256

    try:
        with open("/proc/sys/kernel/random/boot_id") as boot:
            space = f"{os.uname().nodename} {boot.read()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        space = f"process {_UNTOLD} {os.getpid()}"
    return sha256(space.encode()).hexdigest()[:16]


def seconds_since_start() -> float:
    """Seconds since this process was started, the interpreter's start included (not on Linux: its CPU time)."""
    try:
        with open("/proc/self/stat", "rb") as stat:
            started = int(stat.read().rsplit(b")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError, ValueError):
        return time.process_time()


def mapped_files() -> set[str]:
    """Paths of the files in this process's memory, libraries among them; none where the system does not say."""
    try:
        with open("/proc/self/maps") as maps:
            return {line.split(maxsplit=5)[5].strip() for line in maps if line.count("/")}
    except OSError:
        return set()


def resident_memory() -> int:
    """Bytes of memory that this process has; where the system does not tell, the most that it had."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        pass
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def machine_memory() -> int:
    """Bytes that the machine can give without swapping, as the kernel estimates, or has; 2**63: it does not say."""
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", "rb") as lines:
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(b"MemAvailable:")), 2**63)
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # macOS: all there is
    return 2**63


def container_memory() -> int:
    """Bytes that the container (cgroup) has left of its limit; 2**63 where there is none."""
    with (
        suppress(OSError, ValueError),
        open(_CGROUP + "max", "rb") as limit,
        open(_CGROUP + "current", "rb") as used,
    ):
        return max(int(limit.read()) - int(used.read()), 0)
    return 2**63


def open_to_read(path: Path) -> int:
    """A file descriptor; a pipe or a device is not waited for.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def open_new(path: Path) -> int:
    """A file descriptor to write a new file, with mode 0666 less the umask.

    Raises:
        OSError: it cannot be made, or there is a file or link of that name.
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


def nameless_file(folder: Path, size: int) -> FileIO:
    """A file in a folder to read and write, with room for so many bytes; without a name, so that it is gone with the
    process.

    Raises:
        OSError: it cannot be made, or there is no such room.
    """
    from tempfile import TemporaryFile

    file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
    try:
        _allocate(file.fileno(), folder, size)
    except BaseException:
        file.close()
        raise
    return file


def _allocate(fd: int, folder: Path, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    elif size > free_space(folder):  # macOS
        from errno import ENOSPC

        raise OSError(ENOSPC, os.strerror(ENOSPC))
    else:
        os.ftruncate(fd, size)


def read_into(fd: int, view: memoryview) -> int:
    """Reads the next bytes of a file, at most as many as there is room for; 0 at its end.

    Raises:
        OSError: it cannot be read.
    """
    return os.readv(fd, [view])


def write_at(fd: int, data: memoryview, place: int) -> int:
    """Writes bytes at a place of a file; it may take fewer than it was given.

    Raises:
        OSError: they cannot be written.
    """
    return os.pwrite(fd, data, place)


def set_mode(fd: int, mode: int) -> None:
    """Gives an open file permission bits.

    Raises:
        OSError: it cannot have them.
    """
    os.fchmod(fd, mode)


def free_space(folder: Path) -> int:
    """Bytes that this user may still write in the file system of a folder.

    Raises:
        OSError: the system does not say.
    """
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize


@contextmanager
def folder_sync(folder: Path) -> Iterator[Callable[[], None]]:
    """Opens a folder and gives the function that makes renames in it durable.

    Some network file systems cannot sync a folder, which is not the fault of what was saved: no error.

    Raises:
        OSError: the folder cannot be opened, or by the function, its sync failed.
    """
    from errno import EINVAL, ENOTSUP

    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def sync() -> None:
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno not in (EINVAL, ENOTSUP):
                raise

    try:
        yield sync
    finally:
        os.close(fd)
