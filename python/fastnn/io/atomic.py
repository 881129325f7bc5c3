"""Files on disk: written whole or not at all, read whole from regular files only."""

import errno
import os
import re
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

from fastnn.errors import FormatError, told
from fastnn.io.checks import shown_bytes, shown_path
from fastnn.io.memory import ALWAYS_FINE
from fastnn.platform import (
    folder_sync,
    free_space,
    is_running,
    machine_memory,
    mapped,
    open_new,
    open_to_read,
    pid_space,
    read_into,
    set_mode,
)
from fastnn.text import did_you_mean

TEMP_SUFFIX = ".fastnn-tmp"
_TEMP_TAIL = re.compile(r"([0-9a-f]{16})-(\d{1,10})-[0-9a-f]{16}" + re.escape(TEMP_SUFFIX))
# A save of another machine or container, whose processes cannot be asked for: no clock is a day wrong, and no write
# stands still for one.
_ABANDONED_AFTER_S = 24 * 3600
_ALIGNMENT = 64

# Temporary files that this process is writing now. A name with our pid that is not here was left by a killed process
# that had the same pid: usual in containers, where every start gets the same one.
_in_flight: set[str] = set()


def write_atomic(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview], *, durable: bool = True) -> None:
    """Replaces the file at `path` by the chunks, one after the other, in one step.

    A reader, a crash or a full disk at any moment finds the old file or the complete new one: the chunks go to a
    temporary file in the same folder, which is synced, renamed over the target, and the folder is synced. The new file
    has the old one's mode, or 0666 less the umask. A symbolic link stays; the file that it names is replaced.

    Args:
        path: the file to write.
        chunks: buffers of bytes, taken completely before the first file operation.
        durable: False leaves out the syncs: for what can be made again and has checksums, as a power failure may leave
            a damaged file.

    Raises:
        OSError: of the type of the failed call. The temporary file is gone and the old file as it was, except
            when only the last step failed, the sync of the folder: then the new one is in place and the
            message says so.
    """
    pieces = [piece.cast("B") for piece in map(memoryview, chunks) if piece.nbytes]
    target = os.path.realpath(os.fsdecode(path))
    folder, name = os.path.split(target)
    temp = f"{_temp_prefix(name)}{pid_space()}-{os.getpid()}-{os.urandom(8).hex()}{TEMP_SUFFIX}"
    renamed = False
    try:
        mode = _mode_of_old(target)
        with folder_sync(folder) as sync:
            _write_and_rename(os.path.join(folder, temp), target, pieces, mode, durable)
            renamed = True
            if durable:
                sync()
    except OSError as error:
        needed = sum(piece.nbytes for piece in pieces)
        raise _save_error(error, path, target, needed, renamed) from error
    sweep_stale(target)


def sweep_stale(path: str | os.PathLike[str]) -> None:
    """Removes the temporary files that killed processes left beside `path` when they saved it.

    Only names of `write_atomic` for this target: those of processes that no longer run, and those of other machines and
    containers on which nobody wrote for a day. Never raises OSError: what cannot be listed or removed stays.
    `write_atomic` does this after every save.
    """
    folder, name = os.path.split(os.path.realpath(os.fsdecode(path)))
    prefix = _temp_prefix(name)
    with suppress(OSError):
        for entry in os.listdir(folder):
            tail = _TEMP_TAIL.fullmatch(entry, len(prefix)) if entry.startswith(prefix) else None
            if tail:
                with suppress(OSError):
                    _sweep(os.path.join(folder, entry), tail[1], int(tail[2]))


def read_regular(path: str | os.PathLike[str], limit: int | None = None) -> memoryview:
    """Reads a regular file, or its first `limit` bytes, into private memory.

    The memory is writable and begins at a multiple of 64 bytes. Never a mapping: a file that is cut while it is mapped
    would kill the process (:func:`map_regular` is for what nobody cuts). A FIFO or device is refused without waiting.

    Raises:
        FormatError: not a regular file, larger than the free memory, or shorter than its size said.
        OSError: from the operating system, with the path.
    """
    try:
        fd = open_to_read(path)
    except FileNotFoundError as error:
        folder, name = os.path.split(os.fsdecode(path))
        with suppress(OSError):
            if meant := did_you_mean(name, os.listdir(folder or ".")):
                error.add_note(meant[2:])
        told(error, "file.missing", path=shown_path(path))
        raise
    try:
        size = _regular_size(fd, path)
        size = size if limit is None else min(limit, size)
        view = _aligned_buffer(size, path)
        done = 0
        while done < size:
            count = read_into(fd, view[done:])
            if count == 0:
                raise FormatError(f"{shown_path(path)} ended after {done:,} of {size:,} bytes while being read")
            done += count
        return view
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        os.close(fd)


def map_regular(path: str | os.PathLike[str]) -> memoryview:
    """A regular file, read-only, its bytes read as they are needed: for files that are too large for the memory and
    that :func:`write_atomic` alone writes. It renames a new file over the old one, whose bytes stay for whom they are
    mapped by, as they do where it is removed. Only a file that another program cuts would kill the process.

    Raises:
        FormatError: not a regular file, or an empty one.
        OSError: from the operating system, with the path.
    """
    fd = open_to_read(path)
    try:
        size = _regular_size(fd, path)
        if size == 0:
            raise FormatError(f"{shown_path(path)} is empty (0 bytes)")
        return mapped(fd, size)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        os.close(fd)


def _regular_size(fd: int, path: str | os.PathLike[str]) -> int:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
        raise FormatError(f"{shown_path(path)} is {kind}, not a regular file")
    return status.st_size


def read_open(file: Any, where: str) -> memoryview:
    """The rest of a binary file that is open, or of any object with read, seek and tell, as :func:`read_regular` gives
    it; ``where`` begins every message.

    Raises:
        TypeError: it gives no bytes, or cannot seek.
        FormatError: larger than the free memory, or shorter than its size said.
    """
    try:
        here = file.tell()
        size = file.seek(0, os.SEEK_END) - here
        file.seek(here)
    except (AttributeError, OSError, TypeError) as error:
        raise TypeError(f"{where} cannot seek: read it into an io.BytesIO first") from error
    view = _aligned_buffer(max(size, 0), where)
    done = 0
    while done < size:
        piece = file.read(size - done)
        if not isinstance(piece, bytes):
            raise TypeError(f"{where} is open as text: open it with mode 'rb'")
        if not piece:
            raise FormatError(f"{where} ended after {done:,} of {size:,} bytes while being read")
        view[done : done + len(piece)] = piece
        done += len(piece)
    return view


def _mode_of_old(target: str) -> int | None:
    """The permission bits of the file to be replaced, None where there is none."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "there is a device, pipe or socket of that name")
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the old file is write-protected")
    return stat.S_IMODE(status.st_mode) & 0o777


def _write_and_rename(temp: str, target: str, pieces: list[memoryview], mode: int | None, durable: bool) -> None:
    """Writes and (where durable) syncs `temp`, then renames it to `target`; leaves no `temp` whatever happens."""
    entry = os.path.basename(temp)
    _in_flight.add(entry)
    try:
        fd = open_new(temp)
        try:
            if mode is not None and stat.S_IMODE(os.fstat(fd).st_mode) != mode:
                set_mode(fd, mode)
            for piece in pieces:
                _write_all(fd, piece)
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temp, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temp)
        raise
    finally:
        _in_flight.discard(entry)


def _write_all(fd: int, piece: memoryview) -> None:
    """Writes every byte: one call may take fewer than it was given."""
    while piece.nbytes:
        count = os.write(fd, piece)
        if count == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        piece = piece[count:]


def _save_error(error: OSError, path: str | os.PathLike[str], target: str, needed: int, renamed: bool) -> OSError:
    """The same error with what a person needs to know: path, cause, bytes needed and free, what is left."""
    space = f"needs {shown_bytes(needed)}"
    folder = os.path.dirname(target)
    with suppress(OSError):
        space += f", {shown_bytes(free_space(folder))} free in {shown_path(folder)}"
    outcome = "the old file is unchanged" if os.path.isfile(target) else "nothing was written"
    if renamed:
        outcome = "the new file is complete, but a power failure could still undo the save"
    reason = error.strerror or str(error)
    lacking = None if os.path.isdir(folder) else shown_path(folder)
    if lacking:
        reason, space = f"there is no folder {lacking}", "make it first"
    text = f"{shown_path(path)} could not be saved: {reason} ({space}); {outcome}"
    unsaved = OSError(error.errno or errno.EIO, text)
    return told(unsaved, "file.unsaved", path=shown_path(path), reason=reason, folder=lacking)


def _temp_prefix(name: str) -> str:
    """How the temporary names of a target begin: its name, cut because a file name has at most 255 bytes, and a hash of
    all of it.
    """
    from hashlib import sha256

    return f".{name[:40]}.{sha256(os.fsencode(name)).hexdigest()[:16]}-"


def _sweep(temp: str, space: str, pid: int) -> None:
    """Removes a temporary file unless the process that made it may still be at it."""
    if space != pid_space():
        alive = time.time() - os.lstat(temp).st_mtime < _ABANDONED_AFTER_S
    else:
        alive = os.path.basename(temp) in _in_flight if pid == os.getpid() else is_running(pid)
    if not alive:
        os.unlink(temp)


def _aligned_buffer(size: int, path: str | os.PathLike[str]) -> memoryview:
    """`size` writable bytes at a multiple of 64, refused where the machine has not that much memory free."""
    if size >= ALWAYS_FINE and size > (free := machine_memory()):
        raise FormatError(f"{shown_path(path)} needs {shown_bytes(size)} of memory; {shown_bytes(free)} are free")
    try:
        block = np.empty(size + _ALIGNMENT, np.uint8)
    except MemoryError as error:
        raise FormatError(f"{shown_path(path)} needs {shown_bytes(size)} of memory, more than is free") from error
    start = -block.__array_interface__["data"][0] % _ALIGNMENT
    return memoryview(block)[start : start + size]
