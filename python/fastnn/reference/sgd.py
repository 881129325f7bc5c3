"""Stochastic gradient descent with momentum (PyTorch's form)."""

from __future__ import annotations

import numpy as np

from fastnn.reference.flush import flushed


def sgd(
    param: np.ndarray,
    grad: np.ndarray,
    buffer: np.ndarray | None,
    lr: float = 1e-3,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    first: bool = False,
    dtype: type | None = None,
) -> None:
    """One step; param and buffer (None without momentum) are updated in place; one shape, as grad.

    g += weight_decay w;  b = momentum b + (1 - dampening) g (b = g in the first step);
    d = g + momentum b (nesterov) or b;  w -= lr d
    dtype: whose limits hold (buffer's): b ends at zero.
    """
    if weight_decay:
        grad = grad + weight_decay * param
    if buffer is not None:
        buffer[...] = flushed(grad if first else momentum * buffer + (1 - dampening) * grad, dtype)
        grad = grad + momentum * buffer if nesterov else buffer
    param -= lr * grad
