"""x within bounds."""

from __future__ import annotations

import numpy as np


def clamp(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """y = min(max(x, low), high), NaN where x is NaN; any shape."""
    least, most = x.dtype.type(low), x.dtype.type(high)
    raised = np.where(x < least, least, x)
    return np.where(raised > most, most, raised)


def clamp_backward(grad_y: np.ndarray, x: np.ndarray, low: float, high: float) -> np.ndarray:
    """grad_x = grad_y where low <= x <= high, else 0."""
    return np.where((x >= x.dtype.type(low)) & (x <= x.dtype.type(high)), grad_y, grad_y.dtype.type(0))
