"""Softmax cross-entropy: loss and gradient at once."""

from __future__ import annotations

import numpy as np

from fastnn.reference.flush import flushed
from fastnn.reference.softmax import log_softmax


def cross_entropy(
    logits: np.ndarray,
    labels: np.ndarray,
    mean: bool = True,
    smoothing: float = 0.0,
    dtype: type | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """losses = -log_softmax(logits)[label]; grad = (softmax - onehot(label)) scale. With smoothing (Szegedy et al.,
    2016) the target is (1 - smoothing) onehot(label) + smoothing / C.

    logits (N, C), labels int64 (N,); scale = 1 / N for a mean, else 1. grad ends at zero by dtype's limit.
    Returns total = scale sum(losses), losses (N,) and grad (N, C).
    """
    rows = np.arange(len(labels))
    scale = 1 / len(labels) if mean else 1.0
    log_probabilities = log_softmax(logits)
    losses = -log_probabilities[rows, labels]
    if smoothing:
        losses = (1 - smoothing) * losses - smoothing * log_probabilities.mean(axis=1)
    grad = np.exp(log_probabilities) - smoothing / logits.shape[1]
    grad[rows, labels] -= 1 - smoothing
    return losses.sum() * scale, losses, flushed(grad * scale, dtype)
