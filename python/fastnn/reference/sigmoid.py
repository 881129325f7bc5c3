"""Logistic function: y = 1 / (1 + exp(-x))."""

from __future__ import annotations

import numpy as np

from fastnn.reference.flush import flushed


def sigmoid(x: np.ndarray) -> np.ndarray:
    """y = 1 / (1 + e) for x >= 0 and e / (1 + e) below, e = exp(-|x|): nothing overflows; any shape."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, e.dtype.type(1)) / (1 + e)


def sigmoid_backward(grad_y: np.ndarray, y: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """grad_x = grad_y y (1 - y), which ends at zero by dtype's limit."""
    return flushed(grad_y * (y * (1 - y)), dtype)
