"""Convolution of images (N, C, H, W)."""

from __future__ import annotations

import numpy as np

from fastnn import _core
from fastnn.kernels.results import into

__all__ = [
    "conv2d_backward",
    "conv2d_forward",
]


def conv2d_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    activation: str | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolution plus bias, then ReLU where asked.

    Args:
        x: (N, C, H, W).
        weight: (O, C / groups, kh, kw).
        bias: (O,) or None.
        stride, padding, dilation: of rows and columns.
        activation: None or "relu".
        out: (N, O, oh, ow) or None.

    Returns:
        y, (N, O, oh, ow).

    Raises:
        ValueError: shapes that do not fit, groups that do not divide, a kernel larger than the padded image, an unknown
            activation.
        TypeError: dtypes that differ, or no arrays.
    """
    if activation not in (None, "relu"):
        raise ValueError(f"[conv2d] activation must be None or 'relu', got {activation!r}")
    y = _core.conv2d(x, weight, bias, stride, (*padding, *padding), dilation, groups, activation == "relu")
    return into("conv2d", y, out)


def conv2d_backward(
    grad_y: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    out: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None] = (None, None, None),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of :func:`conv2d_forward` without activation, given that of y. out: arrays for the three results, each
    may be None.

    Returns:
        grad_x (N, C, H, W), grad_weight (O, C / groups, kh, kw), grad_bias (O,).

    Raises:
        ValueError, TypeError: as :func:`conv2d_forward`.
    """
    settings = (stride, (*padding, *padding), dilation, groups)
    grad_x = _core.conv2d_grad_x(grad_y, weight, x.shape[2:], *settings)
    grad_weight = _core.conv2d_grad_weight(grad_y, x, weight.shape[2:], *settings)
    grad_bias = _core.conv2d_grad_bias(grad_y)
    into_x, into_weight, into_bias = out
    return (
        into("conv2d", grad_x, into_x),
        into("conv2d", grad_weight, into_weight),
        into("conv2d", grad_bias, into_bias),
    )
