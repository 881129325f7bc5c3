"""A data set in memory: every image decoded once, into one uint8 block from which C++ makes the batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np

from fastnn import _core
from fastnn.io.checks import shown_bytes, shown_path
from fastnn.io.memory import fits_memory, free_memory
from fastnn.text import way

_CHUNK = 256  # images that are put into another order at once


class NotResident(ValueError):
    """Sound images that cannot be one block: their sizes differ, or they do not fit memory."""


def images_of(pixels: np.ndarray) -> np.ndarray:
    """(N, C, H, W) on the memory of pixels (N, H, W, C); in C order where there is one channel."""
    count, height, width, channels = pixels.shape
    return pixels.reshape(count, 1, height, width) if channels == 1 else pixels.transpose(0, 3, 1, 2)


def allocate_block(count: int, shape: tuple[int, int, int], channels_last: bool = False) -> np.ndarray:
    """uint8 (count, C, H, W), not filled; in C order, or with the channels last in memory.

    Raises:
        NotResident: that is more than half of the free memory.
    """
    channels, height, width = shape
    size = count * channels * height * width
    if not fits_memory(size):
        raise NotResident(
            f"{count:,} images of {width}x{height}x{channels} need {shown_bytes(size)}, "
            f"{shown_bytes(free_memory())} of memory are free. "
            f"Make them smaller ({way('--resize', 'transforms.Resize')}) or use fewer ({way('--limit', 'Subset')})"
        )
    pixels = np.empty(size, np.uint8)
    return images_of(pixels.reshape(count, height, width, channels)) if channels_last else pixels.reshape(count, *shape)


@dataclass(eq=False)
class Resident:
    """Images and labels, row by row.

    images: uint8 (N, C, H, W), in C order or, as convolutions read them, with the channels last in memory; read-only
    where they lie in a file. targets: int64 (N,). names: what to call each image on a screen or in a file. classes:
    their names by label. mean, std: float64 (C,), applied to u / 255, or both None.

    Raises:
        ValueError: the parts do not fit each other.
    """

    images: np.ndarray = field(repr=False)
    targets: np.ndarray = field(repr=False)
    names: Sequence[str] = field(repr=False)
    classes: list[str]
    mean: np.ndarray | None = None
    std: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or not _is_dense(self.images):
            raise ValueError(
                f"images must be contiguous uint8 (N, C, H, W), got {self.images.dtype} {self.images.shape}"
            )
        if self.targets.dtype != np.int64 or self.targets.shape != self.images.shape[:1]:
            raise ValueError(
                f"targets must be int64 ({len(self.images)},), got {self.targets.dtype} {self.targets.shape}"
            )
        if len(self.names) != len(self.images) or (self.mean is None) != (self.std is None):
            raise ValueError("names must be one an image, mean and std both given or both None")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return self.images.shape[1:]

    def batch(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(x, y) of the rows ``index`` (int64 (B,)): x float32 (B, C, H, W), normalised; y int64 (B,).

        Raises:
            ValueError: an index outside 0..N-1.
        """
        return _core.gather_uint8(self.images, index, self.mean, self.std), self.targets[index]

    def fingerprint(self) -> str:
        """SHA-256 over shape, pixels and labels as hex: equal where a run sees the same data, however it lies."""
        from hashlib import sha256

        digest = sha256(repr(self.images.shape).encode())
        for start in range(0, len(self.images), _CHUNK):
            digest.update(np.ascontiguousarray(self.images[start : start + _CHUNK]).data)
        digest.update(self.targets.astype("<i8", copy=False).data)
        return digest.hexdigest()


def _is_dense(images: np.ndarray) -> bool:
    return images.flags.c_contiguous or images.transpose(0, 2, 3, 1).flags.c_contiguous


@dataclass(frozen=True, eq=False)
class FileNames(Sequence[str]):
    """The paths of images, each in a file of its own; escaped where they could disturb a terminal."""

    paths: Sequence[str]

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return FileNames(self.paths[index])
        return shown_path(self.paths[index])


@dataclass(frozen=True, eq=False)
class NumberedNames(Sequence[str]):
    """The names of images that lie in one file: ``t10k-images-idx3-ubyte.gz[247]``."""

    file: str
    rows: Sequence[int] | np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return NumberedNames(self.file, self.rows[index])
        return f"{shown_path(self.file)}[{self.rows[index]}]"
