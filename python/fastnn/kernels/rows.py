"""Softmax, sums and largest elements, along a dimension; elements and rows by their numbers."""

from __future__ import annotations

import numpy as np

from fastnn import _core
from fastnn.kernels.results import into

__all__ = [
    "gather_rows",
    "gather_uint8",
    "log_softmax_backward",
    "log_softmax_forward",
    "max_backward",
    "max_forward",
    "softmax_backward",
    "softmax_forward",
    "sum_backward",
    "sum_forward",
    "take_backward",
    "take_forward",
]


def softmax_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """exp(x) / sum exp(x) along the last dimension of x (..., C)."""
    return _core.softmax(x, out)


def softmax_backward(grad_y: np.ndarray, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """y (grad_y - sum(grad_y y)) along the last dimension, y the softmax."""
    return _core.softmax_backward(grad_y, y, out)


def log_softmax_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """x - log(sum exp(x)) along the last dimension of x (..., C)."""
    return _core.log_softmax(x, out)


def log_softmax_backward(grad_y: np.ndarray, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y - exp(y) sum(grad_y) along the last dimension, y the log_softmax."""
    return _core.log_softmax_backward(grad_y, y, out)


def sum_forward(x: np.ndarray, scale: float = 1.0, out: np.ndarray | None = None) -> np.ndarray:
    """scale times the sum over the middle of x (outer, axis, inner): (outer, inner); 1 / axis makes the mean."""
    return into("sum", _core.sum(x, scale), out)


def sum_backward(grad_y: np.ndarray, axis: int, scale: float = 1.0, out: np.ndarray | None = None) -> np.ndarray:
    """scale grad_y (outer, inner) for each of axis elements: (outer, axis, inner)."""
    wide = np.broadcast_to(grad_y[:, None], (grad_y.shape[0], axis, grad_y.shape[1]))
    return into("sum", _core.multiply(wide, scale), out)


def max_forward(x: np.ndarray, out: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The largest over the middle of x (outer, axis, inner), which out is for, and its number there, the first of
    equals, int64: (outer, inner) both. NaN is largest.

    Raises:
        ValueError: the axis is empty.
    """
    y, index = _core.max(x)
    return into("max", y, out), index


def max_backward(grad_y: np.ndarray, index: np.ndarray, axis: int, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y (outer, inner) where index says, 0 elsewhere: (outer, axis, inner)."""
    return into("max", _core.max_backward(grad_y, index, axis), out)


def take_forward(x: np.ndarray, index: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Elements of x, of any shape and dtype, by their numbers in C order: index int64, y of index's shape.

    Raises:
        ValueError: a number that x does not have, negative ones included.
    """
    return into("take", _core.take(x, index), out)


def take_backward(
    grad_y: np.ndarray, index: np.ndarray, shape: tuple[int, ...], out: np.ndarray | None = None
) -> np.ndarray:
    """Zeros of a shape, to which each element of grad_y is added at its number, ascending."""
    return into("take", _core.take_backward(grad_y, index, shape), out)


def gather_rows(x: np.ndarray, index: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Rows of x (R, ...) by their numbers, int64 (N,): (N, ...), of any dtype.

    Raises:
        ValueError: a number that x does not have, negative ones included.
    """
    return _core.gather_rows(x, index, out)


def gather_uint8(
    x: np.ndarray,
    index: np.ndarray,
    mean: np.ndarray | None = None,
    std: np.ndarray | None = None,
    double_precision: bool = False,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Images of x, uint8 (R, C, ...), by their numbers (N,): / 255, then (y - mean) / std of each channel, float64 (C,)
    both: float32 (N, C, ...), or float64.

    Raises:
        ValueError: as :func:`gather_rows`, one of mean and std without the other, a std of 0.
    """
    return _core.gather_uint8(x, index, mean, std, double_precision, out)
