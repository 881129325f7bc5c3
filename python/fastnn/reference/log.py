"""Natural logarithm."""

from __future__ import annotations

import numpy as np


def log(x: np.ndarray) -> np.ndarray:
    """y = log(x): -inf at 0, NaN below; any shape."""
    return np.log(x)


def log_backward(grad_y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """grad_x = grad_y / x."""
    return grad_y / x
