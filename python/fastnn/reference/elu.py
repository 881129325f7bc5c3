"""Exponential linear unit."""

from __future__ import annotations

import numpy as np

from fastnn.reference.flush import flushed


def elu(x: np.ndarray, alpha: float) -> np.ndarray:
    """y = x where x >= 0, else alpha (exp(x) - 1); any shape."""
    return np.where(x < 0, x.dtype.type(alpha) * np.expm1(np.fmin(x, 0)), x)


def elu_backward(grad_y: np.ndarray, x: np.ndarray, alpha: float, dtype: type | None = None) -> np.ndarray:
    """grad_x = grad_y where x > 0, else grad_y alpha exp(x), which ends at zero by dtype's limit."""
    return np.where(x > 0, grad_y, flushed(grad_y * (x.dtype.type(alpha) * np.exp(np.minimum(x, 0))), dtype))
