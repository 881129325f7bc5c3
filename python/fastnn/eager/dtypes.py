"""Element types under PyTorch's names, and :class:`Size`."""

from __future__ import annotations

from typing import Any

import numpy as np


class dtype:
    """An element type: prints as PyTorch's, stands for a NumPy dtype."""

    __slots__ = ("name", "numpy")

    def __init__(self, name: str, numpy: type) -> None:
        self.name = name
        self.numpy = np.dtype(numpy)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    @property
    def is_floating_point(self) -> bool:
        return self.numpy.kind == "f"

    @property
    def itemsize(self) -> int:
        return self.numpy.itemsize

    def __reduce__(self) -> str:
        return self.name


float32 = dtype("float32", np.float32)
float64 = dtype("float64", np.float64)
int64 = dtype("int64", np.int64)
int32 = dtype("int32", np.int32)
uint8 = dtype("uint8", np.uint8)
bool_ = dtype("bool", np.bool_)

# What tensors out of files may have: they can be looked at, converted and loaded into a module, not computed with.
float16 = dtype("float16", np.float16)
int16 = dtype("int16", np.int16)
int8 = dtype("int8", np.int8)
uint16 = dtype("uint16", np.uint16)
uint32 = dtype("uint32", np.uint32)
uint64 = dtype("uint64", np.uint64)

CLASS_NUMBERS = "take class numbers: classes = sorted(set(labels)); tensor([classes.index(each) for each in labels])"

_BY_NUMPY = {each.numpy: each for each in (float32, float64, int64, int32, uint8, bool_)}
_IN_FILES = {each.numpy: each for each in (float16, int16, int8, uint16, uint32, uint64)}


def from_numpy(numpy: np.dtype) -> dtype:
    """The fastnn dtype of a NumPy dtype.

    Raises:
        TypeError: there is none; the message lists those there are.
    """
    try:
        return _BY_NUMPY[numpy]
    except KeyError:
        known = ", ".join(each.name for each in _BY_NUMPY.values())
        how = f". For texts {CLASS_NUMBERS}" if numpy.kind in "US" else ""
        raise TypeError(f"fastnn has no tensors of dtype {numpy}; convert to one of {known}{how}") from None


def of(array: np.ndarray) -> dtype:
    """The dtype of an array that a tensor holds."""
    return _IN_FILES.get(array.dtype) or from_numpy(array.dtype)


def has(numpy: np.dtype) -> bool:
    """Whether there are tensors of a NumPy dtype."""
    return numpy in _BY_NUMPY


def is_integer(numpy: np.dtype) -> bool:
    """Whether tensors of a NumPy dtype hold integers that are computed with."""
    return numpy.kind in "iu" and numpy in _BY_NUMPY


def to_numpy(kind: Any) -> np.dtype:
    """The NumPy dtype of a fastnn dtype, a NumPy dtype or a Python type."""
    if isinstance(kind, dtype):
        return from_numpy(kind.numpy).numpy
    if kind is float:
        return float32.numpy
    return from_numpy(np.dtype(kind)).numpy


class Size(tuple[int, ...]):
    """A shape: a tuple that prints as PyTorch's."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def numel(self) -> int:
        count = 1
        for extent in self:
            count *= extent
        return count
