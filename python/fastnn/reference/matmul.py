"""Matrix products: c = a b."""

from __future__ import annotations

import numpy as np


def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """c = a b; a (..., M, K), b (..., K, N), c (..., M, N)."""
    return np.matmul(a, b)


def matmul_backward(grad_c: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """grad_a = grad_c b^T, grad_b = a^T grad_c; shapes of a and b."""
    return np.matmul(grad_c, np.swapaxes(b, -1, -2)), np.matmul(np.swapaxes(a, -1, -2), grad_c)
