"""Losses, each with its gradient."""

from __future__ import annotations

import numpy as np

from fastnn import _core

__all__ = [
    "bce_with_logits",
    "mse",
    "softmax_cross_entropy",
]


def softmax_cross_entropy(
    logits: np.ndarray, labels: np.ndarray, out: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """Mean over samples of log(sum exp(x)) - x[label], and its gradient (softmax - onehot) / N.

    Args:
        logits: (N, C), N at least 1.
        labels: int64 (N,), 0 .. C-1.
        out: (N, C) for the gradient.

    Returns:
        mean loss as a float, grad_logits (N, C).

    Raises:
        ValueError: a label out of range (the first is named), an empty batch, sizes that differ.
    """
    total, _, grad = _core.cross_entropy(logits, labels, True, 0.0, out)
    return float(total), grad


def mse(x: np.ndarray, target: np.ndarray, out: np.ndarray | None = None) -> tuple[float, np.ndarray]:
    """Mean of (x - target)^2 over all elements, and its gradient 2 (x - target) / count.

    Args:
        x, target: (N, ...), N at least 1.
        out: of that shape, for the gradient.

    Raises:
        ValueError: an empty batch, shapes that differ.
    """
    total, _, grad = _core.mse(x, target, True, out)
    return float(total), grad


def bce_with_logits(x: np.ndarray, target: np.ndarray, out: np.ndarray | None = None) -> tuple[float, np.ndarray]:
    """Mean of max(x, 0) - x target + log(1 + exp(-|x|)) over all elements, and its gradient (sigmoid(x) - target) /
    count.

    Args:
        x, target: (N, ...), N at least 1; targets from 0 to 1.
        out: of that shape, for the gradient.

    Raises:
        ValueError: an empty batch, shapes that differ.
    """
    total, _, grad = _core.bce_with_logits(x, target, True, out)
    return float(total), grad
