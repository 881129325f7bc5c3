"""Powers with a fixed exponent."""

from __future__ import annotations

import numpy as np


def pow(x: np.ndarray, exponent: float) -> np.ndarray:
    """y = x^p; any shape. NaN where x < 0 and p is no whole number."""
    return np.power(x, x.dtype.type(exponent))


def pow_backward(grad_y: np.ndarray, x: np.ndarray, exponent: float) -> np.ndarray:
    """grad_x = grad_y p x^(p - 1)."""
    return grad_y * (x.dtype.type(exponent) * pow(x, exponent - 1))
