"""RMSprop (Tieleman and Hinton, lecture 6e, 2012; PyTorch's form)."""

from __future__ import annotations

import numpy as np

from fastnn.reference.flush import average_squares, flushed, least_root


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
    dtype: type | None = None,
) -> None:
    """One step; param, square and buffer (None without momentum) are updated in place; one shape, as grad.

    g += weight_decay w;  s = alpha s + (1 - alpha) g^2;  d = g / (sqrt(s) + eps)
    eps_inside: d = g / sqrt(s + eps);  momentum: b = momentum b + d, d = b;  w -= lr d
    dtype: whose limits hold (param's): s and b end at zero, and an eps that is too small for that is raised.
    """
    dtype = dtype or param.dtype.type
    if weight_decay:
        grad = grad + weight_decay * param
    average_squares(square, alpha, grad, dtype)
    least_eps = least_root(alpha, dtype)
    eps = max(eps, least_eps**2 if eps_inside else least_eps)
    step = grad / (np.sqrt(square + eps) if eps_inside else np.sqrt(square) + eps)
    if buffer is not None:
        buffer[...] = flushed(momentum * buffer + step, dtype)
        step = buffer
    param -= lr * step
