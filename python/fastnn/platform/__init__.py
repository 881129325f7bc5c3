"""What the operating system gives beyond what Python has everywhere: the only room of the package that asks it.

Forks and signals, processes, memory, files. What differs has a form in ``posix`` and one in ``windows``, with the same
names and meanings; the docstrings are those of ``posix``. Another system is one file more.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

if sys.platform == "win32":
    from fastnn.platform import windows as _system
else:
    from fastnn.platform import posix as _system

after_fork_in_child = _system.after_fork_in_child
container_memory = _system.container_memory
folder_sync = _system.folder_sync
free_space = _system.free_space
is_running = _system.is_running
machine_memory = _system.machine_memory
mapped_files = _system.mapped_files
name_of = _system.name_of
nameless_file = _system.nameless_file
open_new = _system.open_new
open_to_read = _system.open_to_read
pid_space = _system.pid_space
read_into = _system.read_into
resident_memory = _system.resident_memory
seconds_since_start = _system.seconds_since_start
set_mode = _system.set_mode
write_at = _system.write_at

# The exit code where nobody reads the output any more: as if SIGPIPE had ended the process.
BROKEN_PIPE = 128 + 13


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


def mapped(fd: int, size: int) -> memoryview:
    """The first bytes of a file, read as they are needed. Only for one that is nowhere cut while it is mapped: the
    process would be killed.

    Raises:
        OSError, ValueError: it cannot be mapped, or is shorter.
    """
    import mmap

    return memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_READ))


def in_c_library(name: str) -> bool:
    """Whether the system's C library has something of a name."""
    with suppress(ImportError):  # a Python without libffi
        import ctypes

        return hasattr(ctypes.CDLL("msvcrt" if sys.platform == "win32" else None), name)
    return False
