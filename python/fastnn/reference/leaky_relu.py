"""Leaky rectified linear unit: y = x where x > 0, else a fraction of it."""

from __future__ import annotations

import numpy as np


def leaky_relu(x: np.ndarray, negative_slope: float) -> np.ndarray:
    """y = x where x > 0, else negative_slope x (NaN where x is NaN); any shape."""
    return np.where(x > 0, x, x * x.dtype.type(negative_slope))


def leaky_relu_backward(grad_y: np.ndarray, x: np.ndarray, negative_slope: float) -> np.ndarray:
    """grad_x = grad_y where x > 0, else negative_slope grad_y (so at x = 0, as in PyTorch)."""
    return np.where(x > 0, grad_y, grad_y * grad_y.dtype.type(negative_slope))
