"""Pooling of images (N, C, H, W)."""

from __future__ import annotations

import numpy as np

from fastnn import _core
from fastnn.kernels.results import into

__all__ = [
    "adaptive_avg_pool2d_backward",
    "adaptive_avg_pool2d_forward",
    "avg_pool2d_backward",
    "avg_pool2d_forward",
    "max_pool2d_backward",
    "max_pool2d_forward",
]


def max_pool2d_forward(
    x: np.ndarray,
    kernel_size: tuple[int, int],
    stride: tuple[int, int] | None = None,
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    ceil_mode: bool = False,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The largest of each window of x (N, C, H, W): (N, C, oh, ow). stride None: kernel_size. ceil_mode: windows that
    hang over count, where they begin inside.

    Raises:
        ValueError: a kernel larger than the padded image, padding of more than half of it.
    """
    y = _core.max_pool2d(x, kernel_size, stride or kernel_size, padding, dilation, ceil_mode)
    return into("max_pool2d", y, out)


def max_pool2d_backward(
    grad_y: np.ndarray,
    x: np.ndarray,
    kernel_size: tuple[int, int],
    stride: tuple[int, int] | None = None,
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    ceil_mode: bool = False,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of x, given that of y: each window's goes to its first largest.

    Raises:
        ValueError: as :func:`max_pool2d_forward`, or a grad_y of another shape than y.
    """
    grad_x = _core.max_pool2d_backward(grad_y, x, kernel_size, stride or kernel_size, padding, dilation, ceil_mode)
    return into("max_pool2d", grad_x, out)


def avg_pool2d_forward(
    x: np.ndarray,
    kernel_size: tuple[int, int],
    stride: tuple[int, int] | None = None,
    padding: tuple[int, int] = (0, 0),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor: int = 0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The mean of each window of x (N, C, H, W): (N, C, oh, ow). stride None: kernel_size. Zeros of the padding count
    unless count_include_pad is False; divisor (if not 0) divides instead of the window's pixels.

    Raises:
        ValueError: as :func:`max_pool2d_forward`, or a divisor below 0.
    """
    settings = (kernel_size, stride or kernel_size, padding, ceil_mode, count_include_pad, divisor)
    return into("avg_pool2d", _core.avg_pool2d(x, *settings), out)


def avg_pool2d_backward(
    grad_y: np.ndarray,
    size: tuple[int, int],
    kernel_size: tuple[int, int],
    stride: tuple[int, int] | None = None,
    padding: tuple[int, int] = (0, 0),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor: int = 0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of x (N, C, *size), given that of y (N, C, oh, ow).

    Raises:
        ValueError: as :func:`avg_pool2d_forward`, or a grad_y of another shape than y.
    """
    settings = (kernel_size, stride or kernel_size, padding, ceil_mode, count_include_pad, divisor)
    return into("avg_pool2d", _core.avg_pool2d_backward(grad_y, size, *settings), out)


def adaptive_avg_pool2d_forward(
    x: np.ndarray, output_size: tuple[int, int], out: np.ndarray | None = None
) -> np.ndarray:
    """Means of windows that cut x (N, C, H, W) into (N, C, *output_size).

    Raises:
        ValueError: a size below 1.
    """
    return into("adaptive_avg_pool2d", _core.adaptive_avg_pool2d(x, output_size), out)


def adaptive_avg_pool2d_backward(
    grad_y: np.ndarray, size: tuple[int, int], out: np.ndarray | None = None
) -> np.ndarray:
    """The gradient of x (N, C, *size), given that of y."""
    return into("adaptive_avg_pool2d", _core.adaptive_avg_pool2d_backward(grad_y, size), out)
