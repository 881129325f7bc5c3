"""Pooling of images (N, C, H, W): each window's largest or mean, in the orders of ``cpp/ops/pooling.h``."""

from __future__ import annotations

import numpy as np

from fastnn.reference.convolution import Geometry, Pair, pixel_sums


def pooled_size(size: int, kernel: int, stride: int, before: int, behind: int, dilation: int, ceil_mode: bool) -> int:
    """Windows along an axis. With ceil_mode also one that hangs over, as long as it begins inside or before."""
    reach = size + before + behind - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return reach // stride + 1
    count = -(-reach // stride) + 1
    return count - 1 if (count - 1) * stride >= size + before else count


class _Windows(Geometry):
    def __init__(self, image: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool) -> None:
        super().__init__(image, kernel, stride, (*padding, *padding), dilation)
        self.outputs = tuple(pooled_size(*axis, ceil_mode) for axis in self.axes)


def max_pool2d(
    x: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    ceil_mode: bool = False,
) -> np.ndarray:
    """The first largest of each window in scanning order; a NaN is larger than all; padding never is. A window that
    meets no pixel (by dilation) gives -inf, and its gradient goes nowhere.
    """
    return _largest(x, kernel, stride, padding, dilation, ceil_mode)[0]


def _largest(
    x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[np.ndarray, np.ndarray]:
    windows = _Windows(x.shape[2:], kernel, stride, padding, dilation, ceil_mode)
    y = np.full((*x.shape[:2], *windows.outputs), -np.inf, x.dtype)
    winner = np.full(y.shape, -1)
    for i, j, out, inside in windows.taps():
        wins = (winner[out] < 0) | (x[inside] > y[out]) | (np.isnan(x[inside]) & ~np.isnan(y[out]))
        y[out] = np.where(wins, x[inside], y[out])
        winner[out] = np.where(wins, i * kernel[1] + j, winner[out])
    return y, winner


def max_pool2d_backward(
    grad_y: np.ndarray,
    x: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    ceil_mode: bool = False,
) -> np.ndarray:
    """grad_y to each window's winner; a pixel that won several gets them in the order of the windows, from zero."""
    winner = _largest(x, kernel, stride, padding, dilation, ceil_mode)[1]
    grad_x = np.zeros(x.shape, grad_y.dtype)
    for row, column in np.ndindex(*winner.shape[2:]):
        for n, c in np.argwhere(winner[:, :, row, column] >= 0):
            i, j = divmod(winner[n, c, row, column], kernel[1])
            at = row * stride[0] - padding[0] + i * dilation[0], column * stride[1] - padding[1] + j * dilation[1]
            grad_x[n, c, at[0], at[1]] += grad_y[n, c, row, column]
    return grad_x


def _divisors(
    image: Pair, outputs: Pair, kernel: Pair, stride: Pair, padding: Pair, count_include_pad: bool, divisor: int
) -> np.ndarray:
    """What the sum of each window is divided by."""
    if divisor:
        return np.full(outputs, divisor)
    counts = []
    for axis in range(2):
        first = np.arange(outputs[axis]) * stride[axis] - padding[axis]
        last = np.minimum(first + kernel[axis], image[axis] + padding[axis])
        if not count_include_pad:
            first, last = np.maximum(first, 0), np.minimum(last, image[axis])
        counts.append(last - first)
    return np.multiply.outer(*counts)


def avg_pool2d(
    x: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Pair = (0, 0),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor: int = 0,
) -> np.ndarray:
    """A chain of adds from zero over each window in scanning order, divided by its pixels (or by divisor)."""
    windows = _Windows(x.shape[2:], kernel, stride, padding, (1, 1), ceil_mode)
    y = np.zeros((*x.shape[:2], *windows.outputs), x.dtype)
    for _, _, out, inside in windows.taps():
        y[out] = y[out] + x[inside]
    return y / _divisors(x.shape[2:], windows.outputs, kernel, stride, padding, count_include_pad, divisor).astype(
        x.dtype
    )


def avg_pool2d_backward(
    grad_y: np.ndarray,
    size: Pair,
    kernel: Pair,
    stride: Pair,
    padding: Pair = (0, 0),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor: int = 0,
) -> np.ndarray:
    """grad_y divided as above to each pixel of the window; a pixel of several gets them in their order, from zero."""
    outputs = grad_y.shape[2:]
    divided = grad_y / _divisors(size, outputs, kernel, stride, padding, count_include_pad, divisor).astype(
        grad_y.dtype
    )
    grad_x = np.zeros((*grad_y.shape[:2], *size), grad_y.dtype)
    for row, column in np.ndindex(*outputs):
        top, left = row * stride[0] - padding[0], column * stride[1] - padding[1]
        part = grad_x[:, :, max(top, 0) : max(top + kernel[0], 0), max(left, 0) : max(left + kernel[1], 0)]
        part += divided[:, :, row, column, np.newaxis, np.newaxis]
    return grad_x


def _adaptive(inputs: int, outputs: int) -> list[tuple[int, int]]:
    """PyTorch's windows that cut an axis into so many: neighbours share a pixel where it does not come out even."""
    return [(i * inputs // outputs, -(-(i + 1) * inputs // outputs)) for i in range(outputs)]


def adaptive_avg_pool2d(x: np.ndarray, outputs: Pair) -> np.ndarray:
    """Means of windows that cut the image into outputs; in float64 at least: a chain in scanning order, divided."""
    y = np.zeros((*x.shape[:2], *outputs), x.dtype)
    for i, (top, bottom) in enumerate(_adaptive(x.shape[2], outputs[0])):
        for j, (left, right) in enumerate(_adaptive(x.shape[3], outputs[1])):
            window = x[:, :, top:bottom, left:right]
            sums = np.array([pixel_sums(sample[np.newaxis]) for sample in window]).reshape(x.shape[:2])
            y[:, :, i, j] = sums / (window.shape[2] * window.shape[3])
    return y


def adaptive_avg_pool2d_backward(grad_y: np.ndarray, size: Pair) -> np.ndarray:
    """grad_y divided by the window's pixels to each of them; of several windows in their order, from zero."""
    grad_x = np.zeros((*grad_y.shape[:2], *size), grad_y.dtype)
    for i, (top, bottom) in enumerate(_adaptive(size[0], grad_y.shape[2])):
        for j, (left, right) in enumerate(_adaptive(size[1], grad_y.shape[3])):
            count = grad_y.dtype.type((bottom - top) * (right - left))
            grad_x[:, :, top:bottom, left:right] += (grad_y[:, :, i, j] / count)[:, :, np.newaxis, np.newaxis]
    return grad_x
