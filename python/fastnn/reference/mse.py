"""Mean squared error: loss and gradient at once."""

from __future__ import annotations

import numpy as np


def mse(x: np.ndarray, target: np.ndarray, mean: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """losses = sum (x - t)^2 a sample; grad = 2 (x - t) scale, scale = 1 / x.size for a mean, else 1.

    x, target (N, ...). Returns total = scale sum(losses), losses (N,) and grad (N, ...).
    """
    scale = 1 / x.size if mean else 1.0
    error = x - target
    losses = (error * error).reshape(len(x), -1).sum(axis=1)
    return losses.sum() * scale, losses, error * (2 * scale)
