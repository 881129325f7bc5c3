"""The dense layer and matrix products."""

from __future__ import annotations

import numpy as np

from fastnn import _core, arrays

__all__ = [
    "dense_backward",
    "dense_forward",
    "matmul",
]


def dense_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    activation: str | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """y = x W^T + b, then ReLU where asked.

    Args:
        x: (N, I).
        weight: (O, I); fastest as the transposed view of an (I, O) array.
        bias: (O,) or None.
        activation: None or "relu".
        out: (N, O) or None.

    Returns:
        y, (N, O).

    Raises:
        ValueError: shapes that do not fit, or an unknown activation.
        TypeError: dtypes that differ, or no arrays.
    """
    if activation not in (None, "relu"):
        raise ValueError(f"[linear] activation must be None or 'relu', got {activation!r}")
    return _core.dense_forward(x, weight, bias, activation == "relu", out)


def dense_backward(
    grad_y: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    out: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of y = x W^T + b: grad_x = grad_y W, grad_weight = grad_y^T x, grad_bias = sum of grad_y over samples.

    Args:
        grad_y: (N, O); after a fused ReLU it must be masked first (:func:`relu_backward` with y for x).
        x: (N, I).
        weight: (O, I).
        out: arrays for the three results, each may be None.

    Returns:
        grad_x (N, I), grad_weight (O, I) in the memory layout of weight, grad_bias (O,).

    Raises:
        ValueError, TypeError: as :func:`dense_forward`.
    """
    into_x, into_weight, into_bias = out or (None, None, None)
    arrays.check_apart(
        "dense", {"grad_x": into_x, "grad_weight": into_weight, "grad_bias": into_bias}, (grad_y, x, weight)
    )
    grad_x = _core.dense_grad_x(grad_y, weight, into_x)
    if not isinstance(x, np.ndarray) or x.shape != grad_x.shape:
        raise ValueError(f"[linear] x has shape {np.shape(x)}; grad_y and weight belong to inputs of {grad_x.shape}")
    if into_weight is None and not weight.flags.f_contiguous:
        into_weight = np.empty(weight.shape, dtype=grad_x.dtype)
    return grad_x, _core.dense_grad_weight(grad_y, x, into_weight), _core.dense_grad_bias(grad_y, into_bias)


def matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """c = a b: a (..., M, K), b (..., K, N), c (..., M, N), with the same leading dimensions.

    Raises:
        ValueError, TypeError: as :func:`dense_forward`.
    """
    return _core.matmul(a, b, out)
