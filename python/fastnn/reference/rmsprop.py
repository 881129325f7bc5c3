"""RMSprop (Tieleman and Hinton, lecture 6e, 2012; PyTorch's form)."""

from __future__ import annotations

import numpy as np


def rmsprop(
    param: np.ndarray,
    grad: np.ndarray,
    square: np.ndarray,
    buffer: np.ndarray | None,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    eps_inside: bool = False,
) -> None:
    """One step; param, square and buffer (None without momentum) are updated in place; one shape, as grad.

    g += weight_decay w;  s = alpha s + (1 - alpha) g^2;  d = g / (sqrt(s) + eps)
    eps_inside: d = g / sqrt(s + eps);  momentum: b = momentum b + d, d = b;  w -= lr d
    """
    if weight_decay:
        grad = grad + weight_decay * param
    square *= alpha
    square += (1 - alpha) * (grad * grad)
    step = grad / (np.sqrt(square + eps) if eps_inside else np.sqrt(square) + eps)
    if buffer is not None:
        buffer[...] = momentum * buffer + step
        step = buffer
    param -= lr * step
