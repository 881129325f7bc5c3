"""Sigmoid linear unit, also swish."""

from __future__ import annotations

import numpy as np

from fastnn.reference.flush import flushed
from fastnn.reference.sigmoid import sigmoid


def silu(x: np.ndarray) -> np.ndarray:
    """y = x sigmoid(x); any shape."""
    return x * sigmoid(x)


def silu_backward(grad_y: np.ndarray, x: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """grad_x = grad_y (s + x s (1 - s)), s = sigmoid(x), which ends at zero by dtype's limit."""
    s = sigmoid(x)
    return flushed(grad_y * (s + x * (s * sigmoid(-x))), dtype)
