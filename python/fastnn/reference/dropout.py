"""Dropout (Srivastava et al., 2014), inverted: what is kept is scaled by 1 / (1 - p)."""

from __future__ import annotations

import numpy as np

from fastnn.reference.random import unit, words

DROPOUT = 2  # the stream's purpose in cpp/core/philox.h


def dropout(x: np.ndarray, p: float, seed: int, call: int, module: int) -> tuple[np.ndarray, np.ndarray]:
    """mask = 1 / (1 - p) where u >= p, else 0; y = x mask. u is word i of the module's stream for element i.

    Any shape. Returns y and mask.
    """
    u = unit(words(x.size, seed, DROPOUT, call, module << 32)).astype(np.float32).reshape(x.shape)
    mask = np.where(u >= np.float32(p), x.dtype.type(1 / (1 - p)), x.dtype.type(0))
    return x * mask, mask


def dropout_backward(grad_y: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """grad_x = grad_y mask."""
    return grad_y * mask
