"""log(1 + exp(x))."""

from __future__ import annotations

import numpy as np

from fastnn.reference.flush import flushed
from fastnn.reference.sigmoid import sigmoid


def softplus(x: np.ndarray) -> np.ndarray:
    """y = max(x, 0) + log(1 + exp(-|x|)); any shape."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softplus_backward(grad_y: np.ndarray, x: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """grad_x = grad_y sigmoid(x), which ends at zero by dtype's limit."""
    return flushed(grad_y * sigmoid(x), dtype)
