"""What the operating system gives beyond what Python has everywhere: the only module of the package that asks it.

Forks and signals, processes, memory, files. This is POSIX, with Linux's /proc where there is one; another system needs
this module written for it, and nothing else of the package.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from types import FrameType

Path = str | os.PathLike[str]

_CGROUP = "/sys/fs/cgroup/memory."

# The exit code where nobody reads the output any more: as if SIGPIPE had ended the process.
BROKEN_PIPE = 128 + 13

_UNTOLD = os.urandom(8).hex()  # tells processes apart where the system tells too little


def after_fork_in_child(handler: Callable[[], None]) -> None:
    """Has the handler called in the child after every fork."""
    os.register_at_fork(after_in_child=handler)


def take_stop_signals(handler: Callable[[int, FrameType | None], None]) -> Callable[[], None]:
    """Gives SIGINT (Ctrl-C) and SIGTERM to the handler, which gets the number and the frame. In the main thread only.

    Returns:
        A function that gives them back to whoever had them.
    """
    import signal

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}

    def give_back() -> None:
        for number, former in before.items():
            signal.signal(number, former)

    return give_back


def starts_command() -> bool:
    """Whether this process was started for a command of the package, and only now imports it."""
    words = getattr(sys, "argv", None) or [""]
    if words[0] != "-m":  # what runpy says while it looks for the module
        return os.path.splitext(os.path.basename(words[0]))[0] == "fastnn"
    return any(word.removeprefix("-m").split(".")[0] == "fastnn" for word in sys.orig_argv[1:])


def exit_on_interrupt() -> None:
    """Lets SIGINT (Ctrl-C) end the process with exit code 130 and no traceback. In the main thread only."""
    import _signal  # beneath signal, whose own import takes a millisecond

    with suppress(ValueError):
        _signal.signal(_signal.SIGINT, lambda number, frame: os._exit(128 + number))


def raise_on_interrupt() -> None:
    """Undoes :func:`exit_on_interrupt`: SIGINT is Python's KeyboardInterrupt again."""
    import signal

    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.default_int_handler)


def fill_standard_descriptors() -> None:
    """Opens the null device as standard input, output and error where a process was started without them, so that no
    file of ours gets their numbers, which libraries write to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number


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
    """Bytes of memory that this process has; where the system does not tell, the most that it had, or 0."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def machine_memory() -> int:
    """Bytes that the machine can give without swapping, as the kernel estimates; 2**63 where it does not say."""
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", "rb") as lines:
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(b"MemAvailable:")), 2**63)
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
        os.posix_fallocate(file.fileno(), 0, size)
    except BaseException:
        file.close()
        raise
    return file


def mapped(fd: int, size: int) -> memoryview:
    """The first bytes of a file, read as they are needed. Only for one that is nowhere cut while it is mapped: the
    process would be killed.

    Raises:
        OSError, ValueError: it cannot be mapped, or is shorter.
    """
    import mmap

    return memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_READ))


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
