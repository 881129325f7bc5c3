"""softmax and log_softmax over the last dimension."""

from __future__ import annotations

import numpy as np

from fastnn.reference.flush import flushed


def softmax(x: np.ndarray) -> np.ndarray:
    """y = exp(x - max) / sum exp(x - max); x, y (..., C)."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(grad_y: np.ndarray, y: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """grad_x = y (grad_y - sum(grad_y y)), which ends at zero by dtype's limit."""
    return flushed(y * (grad_y - (grad_y * y).sum(axis=-1, keepdims=True)), dtype)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """y = x - max - log(sum exp(x - max)); x, y (..., C)."""
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def log_softmax_backward(grad_y: np.ndarray, y: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """grad_x = grad_y - exp(y) sum(grad_y), which ends at zero by dtype's limit."""
    return flushed(grad_y - np.exp(y) * grad_y.sum(axis=-1, keepdims=True), dtype)
