"""Rectified linear unit: y = max(x, 0)."""

from __future__ import annotations

import numpy as np


def relu(x: np.ndarray) -> np.ndarray:
    """y = x where x > 0, NaN where x is NaN, else +0; any shape."""
    return np.where((x > 0) | np.isnan(x), x, x.dtype.type(0))


def relu_backward(grad_y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """grad_x = grad_y where x > 0, else 0 (0 at x = 0, as in PyTorch); y serves as x."""
    return np.where(x > 0, grad_y, grad_y.dtype.type(0))
