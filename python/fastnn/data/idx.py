"""IDX files, the format of MNIST: two zero bytes, a type, the number of dimensions, their sizes, then the
values.

All big-endian, optionally gzip-compressed, which is told by the first bytes and not by the name. Nothing is
allocated before the sizes that a header claims have been compared with the size of the file.

Format: http://yann.lecun.com/exdb/mnist (archived).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np

from fastnn import _core
from fastnn.data.paths import StrPath, check_folder
from fastnn.errors import FormatError, told
from fastnn.io.atomic import read_regular
from fastnn.io.checks import element_count, shown_bytes, shown_name, shown_path
from fastnn.io.memory import fits_memory, free_memory
from fastnn.nn.labels import first_outside

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_MAX_RATIO = 1032  # deflate cannot do better than 258 bytes from 2 bits
_PIECE = 2**16
_LONGEST_HEADER = 4 + 4 * 8
_NAMED, _LONGEST_NAME = 8, 4096
_SPARE = 8  # bytes behind what the core inflates
_FOLDERS = (".", "raw", "MNIST/raw")
_SPELLINGS = ("{}-{}-idx{}-ubyte", "{}-{}.idx{}-ubyte")


class MnistFiles(NamedTuple):
    """The four files of MNIST and of data sets in its form."""

    train_images: Path
    train_labels: Path
    test_images: Path
    test_labels: Path


def read_idx(path: StrPath) -> np.ndarray:
    """The array in an IDX file, in native byte order.

    Raises:
        FormatError: not an IDX file, truncated, with bytes left over, or damaged. The message begins with the
            path.
        OSError: the file cannot be opened or read.
    """
    ahead = _ahead.pop(os.fspath(path), None)
    array = None if ahead is None else ahead.array()
    return _read(path) if array is None else array


class _Ahead(Thread):
    """Reads a file while its reader still does something else."""

    def __init__(self, path: StrPath) -> None:
        super().__init__()
        self._path = path
        self._array: np.ndarray | None = None

    def run(self) -> None:
        with suppress(FormatError, OSError, MemoryError):  # said when it is read again
            self._array = _read(self._path)

    def array(self) -> np.ndarray | None:
        """What it has read; None where that failed."""
        self.join()
        return self._array


_ahead: dict[str, _Ahead] = {}


@contextmanager
def reading_ahead(folder: StrPath) -> Iterator[None]:
    """Begins to read the four files of an MNIST data set, if these are in a folder; :func:`read_idx`, called inside,
    waits for them.
    """
    started: list[str] = []
    with suppress(OSError):
        for path in map(os.fspath, find_mnist(folder) or ()):
            _ahead[path] = _Ahead(path)
            _ahead[path].start()
            started.append(path)
    try:
        yield
    finally:
        for path in started:
            _ahead.pop(path, None)


def _read(path: StrPath) -> np.ndarray:
    return parse_idx(read_regular(path), shown_path(path))


def parse_idx(data: memoryview, where: str) -> np.ndarray:
    """As :func:`read_idx` from the bytes of a file; messages begin with ``where``."""
    if bytes(data[:2]) == _GZIP:
        return _read_compressed(data, where)
    dtype, dims, start = _header(bytes(data[:_LONGEST_HEADER]), where)
    _check_size(dtype, dims, len(data) - start, where)
    return _array(data[start:], dtype, dims)


def read_labelled(images: StrPath, labels: StrPath, classes: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (N, H, W) and their labels int64 (N,) from a pair of IDX files.

    Raises:
        FormatError: as :func:`read_idx`; not N images and N labels; a label outside 0..classes-1.
        OSError: a file cannot be opened or read.
    """
    return labelled(read_idx(images), read_idx(labels), (shown_path(images), shown_path(labels)), classes)


def labelled(x: np.ndarray, y: np.ndarray, where: tuple[str, str], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """What :func:`read_labelled` gives, of the arrays in its two files, and their names for messages."""
    x_path, y_path = where
    for array, path, kind, rank in ((x, x_path, "images", 3), (y, y_path, "labels", 1)):
        if array.dtype != np.uint8 or array.ndim != rank:
            shape = "x".join(map(str, array.shape))
            raise FormatError(f"{path} holds {array.dtype} {shape}; {kind} are uint8 with {rank} dimension(s)")
    if len(x) != len(y):
        text = f"{x_path} has {len(x):,} images but {y_path} has {len(y):,} labels: do they belong together?"
        raise told(FormatError(text), "idx.pair", x_path=x_path, images=len(x), y_path=y_path, labels=len(y))
    first = first_outside(y, classes)
    if first is not None:
        text = f"{y_path}: label {y[first]} at sample {first:,} is outside 0..{classes - 1}"
        raise told(FormatError(text), "idx.label", label=int(y[first]), sample=first, last=classes - 1)
    return x, y.astype(np.int64)


def find_mnist(folder: StrPath) -> MnistFiles | None:
    """The four files in ``folder``, ``folder/raw`` or ``folder/MNIST/raw``; None where none of them is there.

    Names as published (``train-images-idx3-ubyte``) or as often unpacked (``train-images.idx3-ubyte``), with or without
    ``.gz``.

    Raises:
        FileNotFoundError: the folder is missing, or it holds some of the four files; the message names the
            others.
        NotADirectoryError: it is a file.
    """
    check_folder(folder)
    for place in _FOLDERS:
        wanted = [(split, kind) for split in ("train", "t10k") for kind in ("images", "labels")]
        found = [_find(Path(folder, place), split, kind) for split, kind in wanted]
        missing = [mnist_name(split, kind) for (split, kind), path in zip(wanted, found, strict=True) if path is None]
        if not missing:
            return MnistFiles(*(path for path in found if path))
        if len(missing) < len(wanted):
            here = shown_path(Path(folder, place))
            raise FileNotFoundError(
                f"{here} holds a part of an MNIST data set; missing: {', '.join(missing)} (.gz or not)"
            )
    return None


def mnist_name(split: str, kind: str) -> str:
    """The published name of one of the four files: split train or t10k, kind images or labels."""
    return _SPELLINGS[0].format(split, kind, 3 if kind == "images" else 1)


def published() -> list[str]:
    """The names of MNIST's four files as they are published."""
    return [f"{mnist_name(split, kind)}.gz" for split in ("train", "t10k") for kind in ("images", "labels")]


def _find(folder: Path, split: str, kind: str) -> Path | None:
    stems = [spelling.format(split, kind, 3 if kind == "images" else 1) for spelling in _SPELLINGS]
    names = [stem + ending for stem in stems for ending in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _header(start: bytes, where: str) -> tuple[np.dtype, tuple[int, ...], int]:
    """(element type, dimensions, length of the header) from a file's first bytes."""
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES or not 1 <= start[3] <= 8:
        found = _shown_start(start)
        text = (
            f"{where} is not an IDX file: it starts with {found}, expected 00 00 08 01 (labels) or 00 00 08 03 (images)"
        )
        raise told(FormatError(text), "idx.foreign", path=where, start=found)
    length = 4 + 4 * start[3]
    if len(start) < length:
        text = f"{where} is truncated: its header has {length} bytes, the file {len(start)}"
        raise told(FormatError(text), "file.truncated", path=where)
    dims = tuple(int.from_bytes(start[at : at + 4], "big") for at in range(4, length, 4))
    return np.dtype(_TYPES[start[2]]), dims, length


def _check_size(dtype: np.dtype, dims: tuple[int, ...], present: int, where: str, at_most: bool = False) -> None:
    """Compares what the header claims with the bytes that are present (or ``at_most`` can be)."""
    claimed = element_count(dims, f"{where}: the array") * dtype.itemsize
    if claimed == present or (at_most and claimed < present):
        return
    shape = "x".join(map(str, dims))
    if claimed < present:
        raise FormatError(f"{where}: header says {shape} = {claimed:,} bytes, but {present - claimed:,} more follow")
    most = "holds at most" if at_most else "has"
    text = f"{where} is truncated: header says {shape} = {claimed:,} bytes, the file {most} {present:,}. Fetch it again"
    raise told(FormatError(text), "idx.truncated", path=where, shape=shape, claimed=claimed, present=present)


def _array(data: memoryview, dtype: np.dtype, dims: tuple[int, ...]) -> np.ndarray:
    return np.frombuffer(data, dtype).reshape(dims).astype(dtype.newbyteorder("="), copy=False)


def _read_compressed(data: memoryview, where: str) -> np.ndarray:
    """As :func:`read_idx` from the bytes of a gzip file; inflates no more than the header claims."""
    start = bytearray(_LONGEST_HEADER)
    dtype, dims, length = _header(bytes(start[: _inflate(data, memoryview(start), where, whole=False)]), where)
    _check_size(dtype, dims, len(data) * _MAX_RATIO, where, at_most=True)
    size = length + element_count(dims, where) * dtype.itemsize
    if not fits_memory(size):
        raise FormatError(f"{where} needs {shown_bytes(size)}, {shown_bytes(free_memory())} of memory are free")
    spare = np.empty(size + _SPARE, np.uint8)
    block = memoryview(spare)[:size]
    if not _is_one_member(data, spare):
        filled = _inflate(data, block, where, whole=True)
        _check_size(dtype, dims, filled - length, where)
    return _array(block[length:], dtype, dims)


def _is_one_member(data: memoryview, spare: np.ndarray) -> bool:
    """Whether a gzip file (RFC 1952) is one sound member that gives as many bytes as there are, but for _SPARE; these
    are in their place then. The core takes half the time of zlib by pieces.
    """
    if data[2] != 8 or data[3] not in (0, _NAMED):  # deflate; of the fields at most a file's name
        return False
    start = 10 if data[3] != _NAMED else bytes(data[:_LONGEST_NAME]).find(b"\0", 10) + 1
    checksum, size = (int.from_bytes(data[at : at + 4], "little") for at in (len(data) - 8, len(data) - 4))
    if not start or size != (len(spare) - _SPARE) % 2**32 or not _core.inflate_blocks(data[start:-8], spare):
        return False
    return zlib.crc32(spare[:-_SPARE]) == checksum


def _inflate(data: memoryview, block: memoryview, where: str, whole: bool) -> int:
    """Inflates gzip members one after the other into ``block``; returns how many bytes it got.

    With ``whole`` all of ``data`` must fit ``block`` and be sound to its last byte, otherwise it stops when it is full.
    """
    filled, at, member = 0, 0, zlib.decompressobj(wbits=31)
    while at < len(data):
        piece = bytes(data[at : at + _PIECE])
        try:
            out = member.decompress(piece, len(block) - filled + 1)
        except zlib.error as error:
            raise told(FormatError(f"{where} is damaged: {error}"), "file.damaged", what=where) from error
        room = len(block) - filled
        if len(out) > room and whole:
            raise FormatError(f"{where}: more data follows than the {len(block):,} bytes that its header says")
        block[filled : filled + len(out)] = out[:room]
        filled += min(len(out), room)
        if filled == len(block) and not whole:
            return filled
        at += len(piece) - len(member.unused_data)
        if member.eof and at < len(data):
            member = _next_member(data[at:], where)
    if whole and not member.eof:
        text = f"{where} is truncated: its gzip data ends after {filled:,} bytes"
        raise told(FormatError(text), "file.truncated", path=where)
    return filled


def _next_member(rest: memoryview, where: str) -> Any:
    """A decompressor for what follows a gzip member: another member, or it does not belong there."""
    if bytes(rest[:2]) != _GZIP:
        raise FormatError(f"{where}: {len(rest):,} bytes follow its gzip data")
    return zlib.decompressobj(wbits=31)


def _shown_start(start: bytes) -> str:
    if start[:4].isascii() and start[:4].decode("latin-1").isprintable():
        return shown_name(start[:14].decode("latin-1"))
    return start[:4].hex(" ")
