"""Binary cross-entropy with logits: loss and gradient at once."""

from __future__ import annotations

import numpy as np

from fastnn.reference.flush import flushed
from fastnn.reference.sigmoid import sigmoid


def bce_with_logits(
    x: np.ndarray, target: np.ndarray, mean: bool = True, dtype: type | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """losses = sum max(x, 0) - x t + log(1 + exp(-|x|)) a sample; grad = (sigmoid(x) - t) scale.

    x, target (N, ...); scale = 1 / x.size for a mean, else 1. grad ends at zero by dtype's limit.
    Returns total = scale sum(losses), losses (N,) and grad (N, ...).
    """
    scale = 1 / x.size if mean else 1.0
    elements = np.maximum(x, 0) - x * target + np.log1p(np.exp(-np.abs(x)))
    losses = elements.reshape(len(x), -1).sum(axis=1)
    return losses.sum() * scale, losses, flushed((sigmoid(x) - target) * scale, dtype)
