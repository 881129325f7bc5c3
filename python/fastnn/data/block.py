"""Room for the images of a data set: in memory, or in a file where they would take more of it than they may.

The file has no name, so that it is gone with the process, however that ends. It is written with calls and only read
through its mapping: a full disk is an error of the call that reserves the file, never a fault of a page. Nothing of
ours ever cuts a file that is mapped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from weakref import finalize

import numpy as np

from fastnn.data.paths import cache_folder
from fastnn.data.resident import allocate_block, images_of
from fastnn.io.checks import shown_bytes, shown_path
from fastnn.platform import free_space, mapped, nameless_file, write_at
from fastnn.text import way

_CHUNK = 256  # images that one thread reads at a time,
_CHUNK_BYTES = 2**25  # or fewer, where they go into a file and so many take more than this beside it


class Block:
    """Images uint8 (N, C, H, W) that several threads fill.

    chunk: how many images to ask :meth:`rows` for at a time.
    """

    chunk = _CHUNK

    def __init__(self, images: np.ndarray) -> None:
        self._images = images

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return self._images.shape[1:]

    def rows(self, start: int, count: int) -> np.ndarray:
        """Where so many images are to be written, before :meth:`put` has them in their places."""
        return self._images[start : start + count]

    def put(self, start: int, images: np.ndarray) -> None:
        """Images at their places, from ``start`` on."""
        if not np.may_share_memory(images, self._images):
            self._images[start : start + len(images)] = images

    def images(self, kept: np.ndarray | None = None) -> np.ndarray:
        """All of them, or the rows ``kept`` (ascending), moved together."""
        if kept is None:
            return self._images
        self.copy(self._images, kept)
        return self._images[: len(kept)]

    def copy(self, images: np.ndarray, rows: np.ndarray, start: int = 0) -> None:
        """Some rows of other images, or later ones of its own, put at the places from ``start`` on."""
        for at in range(0, len(rows), self.chunk):
            self.put(start + at, images_of(images.transpose(0, 2, 3, 1)[rows[at : at + self.chunk]]))


class FileBlock(Block):
    """The same in a file without a name, in a folder that is made where it is missing; :meth:`images` are read-only.

    Raises:
        OSError: there is no room for it.
    """

    def __init__(self, count: int, shape: tuple[int, int, int], folder: Path) -> None:
        channels, height, width = shape
        self._row = channels * height * width
        self.chunk = max(1, min(_CHUNK, _CHUNK_BYTES // self._row))
        size = count * self._row
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = nameless_file(folder, size)
        except OSError as error:
            raise _no_room(error, folder, size) from error
        finalize(self, self._file.close)  # of a block that is given up, too; what is mapped stays
        pixels = np.frombuffer(mapped(self._file.fileno(), size), np.uint8).reshape(count, height, width, channels)
        super().__init__(images_of(pixels))

    def rows(self, start: int, count: int) -> np.ndarray:
        return np.empty_like(self._images[start : start + count])

    def put(self, start: int, images: np.ndarray) -> None:
        data = memoryview(np.ascontiguousarray(images.transpose(0, 2, 3, 1))).cast("B")
        at = start * self._row
        while data.nbytes:
            done = write_at(self._file.fileno(), data, at)
            data, at = data[done:], at + done


@dataclass
class Memory:
    """How many bytes of memory the images of a data set may take together, and what they take so far.

    cache: a folder for what goes into files; None: fastnn's own.
    """

    allowed: int
    cache: Path | None = None
    taken: int = 0
    in_file: int = 0

    def fits(self, size: int) -> bool:
        """Whether so many bytes more may be taken."""
        return self.taken + size <= self.allowed

    def block(self, count: int, shape: tuple[int, int, int]) -> Block:
        """Room for so many images (C, H, W), channels last: in memory where they may be, else in a file."""
        channels, height, width = shape
        if not self.fits(count * channels * height * width):
            return FileBlock(count, shape, (self.cache or _own_cache()) / "tmp")
        return Block(images_of(np.empty((count, height, width, channels), np.uint8)))

    def note(self, images: np.ndarray) -> None:
        """Counts images that stay: read-only ones lie in a file."""
        if images.flags.writeable:
            self.taken += images.nbytes
        else:
            self.in_file += images.nbytes

    def drop(self, images: np.ndarray) -> None:
        """Takes that back."""
        if images.flags.writeable:
            self.taken -= images.nbytes
        else:
            self.in_file -= images.nbytes

    def line(self) -> str:
        """Where the images are, and what they take."""
        if not self.in_file:
            return f"{shown_bytes(self.taken)} of memory"
        return (
            f"{shown_bytes(self.in_file)} in a file read as needed, {shown_bytes(self.taken)} of memory, "
            f"where they may take {shown_bytes(self.allowed)} ({way('--memory', 'memory=')})"
        )


def memory_block(count: int, shape: tuple[int, int, int]) -> Block:
    """Room in memory, in C order.

    Raises:
        NotResident: that is more than half of the free memory.
    """
    return Block(allocate_block(count, shape))


def arranged(images: np.ndarray, order: np.ndarray, room: Callable[[int, tuple[int, int, int]], Block]) -> np.ndarray:
    """The images at ``order``, two ascending runs of rows at most, one behind the other; ``room`` gives them a place.

    Where they are all and may be written to, they change places instead: a second block would double the memory.
    """
    if np.array_equal(order, np.arange(len(images))):
        return images
    if len(order) < len(images) or not images.flags.writeable:
        block = room(len(order), images.shape[1:])
        block.copy(images, order)
        return block.images()
    first = 1 + int(np.argmax(np.diff(order) < 0))
    rest = images_of(images.transpose(0, 2, 3, 1)[order[first:]])
    block = Block(images)
    block.copy(images, order[:first])
    block.put(first, rest)
    return images


def _own_cache() -> Path:
    try:
        return cache_folder()
    except RuntimeError:  # no home folder is known
        from tempfile import gettempdir

        return Path(gettempdir())


def _no_room(error: OSError, folder: Path, size: int) -> OSError:
    try:
        there = f"{shown_bytes(free_space(folder))} are free there"
    except OSError:
        there = "which cannot be used"
    advice = f"{way('--size', 'size=')}, {way('--limit', 'limit=')}, more {way('--memory', 'memory=')}"
    place = way("--cache", "FASTNN_CACHE")
    text = (
        f"the images take {shown_bytes(size)}, more than they may of memory, and cannot be kept in a file in "
        f"{shown_path(folder)} ({error.strerror or error}; {there}). Use {advice} or another {place}"
    )
    return OSError(error.errno, text)
