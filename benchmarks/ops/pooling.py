"""Pooling: the largest and the mean of windows, and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from fastnn import _core

from benchmarks.op_case import Arrays, OpCase, normal

# Behind LeNet's first layer, and behind that of a small network, at their batch sizes.
SHAPES = [(64, 28, 28, 6), (64, 32, 32, 32)]


def drawn(*shapes: tuple[int, ...]) -> Callable[[], Arrays]:
    draw = normal(*shapes)
    return lambda: tuple(array.transpose(0, 3, 1, 2) for array in draw())


def corners(x: np.ndarray) -> list[np.ndarray]:
    """The pixels of windows of 2 x 2, in scanning order."""
    return [x[:, :, i::2, j::2] for i in range(2) for j in range(2)]


def largest(x: np.ndarray) -> np.ndarray:
    a, b, c, d = corners(x)
    return np.maximum(np.maximum(a, b), np.maximum(c, d))


def largest_backward(grad_y: np.ndarray, x: np.ndarray) -> np.ndarray:
    winner = np.argmax(corners(x), axis=0)
    grad_x = np.empty(x.shape, grad_y.dtype)
    for number, part in enumerate(corners(grad_x)):
        part[...] = np.where(winner == number, grad_y, 0)
    return grad_x


def mean(x: np.ndarray) -> np.ndarray:
    a, b, c, d = corners(x)
    return (((a + b) + c) + d) / x.dtype.type(4)


def mean_backward(grad_y: np.ndarray) -> np.ndarray:
    return np.repeat(np.repeat(grad_y / grad_y.dtype.type(4), 2, axis=2), 2, axis=3)


def cases() -> Iterator[OpCase]:
    window = ([2, 2], [2, 2])
    for shape in SHAPES:
        n, h, w, c = shape
        name, half = f"{n}x{c}x{h}x{w}", (n, h // 2, w // 2, c)
        count = 4 * n * h * w * c
        yield OpCase(
            f"forward {name}",
            lambda x: _core.max_pool2d(x, *window),
            largest,
            drawn(shape),
            op="max_pool2d",
            torch="max_pool2d",
            nbytes=count * 1.25,
        )
        yield OpCase(
            f"backward {name}",
            lambda grad_y, x: _core.max_pool2d_backward(grad_y, x, *window),
            largest_backward,
            drawn(half, shape),
            op="max_pool2d",
            torch="max_pool2d_backward",
            nbytes=count * 2.25,
        )
        yield OpCase(
            f"forward {name}",
            lambda x: _core.avg_pool2d(x, *window),
            mean,
            drawn(shape),
            op="avg_pool2d",
            torch="avg_pool2d",
            nbytes=count * 1.25,
        )
        yield OpCase(
            f"backward {name}",
            lambda grad_y, size=(h, w): _core.avg_pool2d_backward(grad_y, size, *window),
            mean_backward,
            drawn(half),
            op="avg_pool2d",
            torch="avg_pool2d_backward",
            nbytes=count * 1.25,
        )
