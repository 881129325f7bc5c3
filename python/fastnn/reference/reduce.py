"""sum, mean and max over one axis: x (outer, axis, inner), results (outer, inner)."""

from __future__ import annotations

import numpy as np


def sum(x: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """y = scale * sum over axis; scale = 1 / axis gives the mean."""
    return x.sum(axis=1) * x.dtype.type(scale)


def sum_backward(grad_y: np.ndarray, axis: int, scale: float = 1.0) -> np.ndarray:
    """grad_x = scale * grad_y for every element of the axis: (outer, axis, inner)."""
    return np.repeat(grad_y[:, np.newaxis, :] * grad_y.dtype.type(scale), axis, axis=1)


def max(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest and its index, the first of equals; NaN counts as largest. index is int64."""
    index = x.argmax(axis=1)
    return np.take_along_axis(x, index[:, np.newaxis, :], axis=1)[:, 0, :], index.astype(np.int64)


def max_backward(grad_y: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    """grad_x = grad_y at index, 0 elsewhere: (outer, axis, inner)."""
    grad_x = np.zeros((grad_y.shape[0], axis, grad_y.shape[1]), grad_y.dtype)
    np.put_along_axis(grad_x, index[:, np.newaxis, :], grad_y[:, np.newaxis, :], axis=1)
    return grad_x
