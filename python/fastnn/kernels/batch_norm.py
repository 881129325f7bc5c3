"""Batch normalisation of images (N, C, H, W)."""

from __future__ import annotations

import numpy as np

from fastnn import _core
from fastnn.kernels.results import check_least, into

__all__ = [
    "batch_norm_backward",
    "batch_norm_forward",
    "batch_norm_inference_backward",
    "batch_norm_inference_forward",
]


def batch_norm_forward(
    x: np.ndarray,
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    running_mean: np.ndarray | None = None,
    running_var: np.ndarray | None = None,
    momentum: float = 0.1,
    eps: float = 1e-5,
    unbiased: bool = True,
    out: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y = (x - mean) / sqrt(var + eps) weight + bias, mean and var those of each channel in this batch (training).

    Args:
        x: (N, C, H, W).
        weight, bias: (C,) or None, which are 1 and 0.
        running_mean, running_var: (C,) or None; they are changed: (1 - momentum) of them and momentum of the new ones,
            of the variance the unbiased one or not.
        out: (N, C, H, W) or None.

    Returns:
        y (N, C, H, W), mean and 1 / sqrt(var + eps), float64 (C,), which :func:`batch_norm_backward` takes.

    Raises:
        ValueError: shapes that do not fit, fewer than two values a channel, a read-only array, an eps below 0.
        TypeError: dtypes that differ, or no arrays.
    """
    check_least("batch_norm", eps=eps)
    running = (running_mean, running_var)
    y, mean, inverse, *moved = _core.batch_norm(x, weight, bias, *running, momentum, eps, unbiased)
    for array, new in zip(running, moved, strict=True):
        if array is not None:
            into("batch_norm", new, array)
    return into("batch_norm", y, out), mean, inverse


def batch_norm_backward(
    grad_y: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    mean: np.ndarray,
    inverse: np.ndarray,
    out: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of :func:`batch_norm_forward`: of x (N, C, H, W), which out is for, of weight and of bias, (C,).

    Raises:
        ValueError, TypeError: as :func:`batch_norm_forward`.
    """
    grad_x, *others = _core.batch_norm_backward(grad_y, x, weight, mean, inverse)
    return into("batch_norm", grad_x, out), *others  # type: ignore[return-value]


def batch_norm_inference_forward(
    x: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    eps: float = 1e-5,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """:func:`batch_norm_forward` with running values, which stay: y (N, C, H, W)."""
    check_least("batch_norm_inference", eps=eps)
    y = _core.batch_norm_inference(x, weight, bias, running_mean, running_var, eps)
    return into("batch_norm_inference", y, out)


def batch_norm_inference_backward(
    grad_y: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    eps: float = 1e-5,
    out: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of :func:`batch_norm_inference_forward`: of x, which out is for, of weight and of bias."""
    check_least("batch_norm_inference", eps=eps)
    grad_x, *others = _core.batch_norm_inference_backward(grad_y, x, weight, running_mean, running_var, eps)
    return into("batch_norm_inference", grad_x, out), *others  # type: ignore[return-value]
