"""What the tests of convolution, pooling and batch norm share: images as the core keeps them, random sizes, an oracle.

Inputs are drawn in the order of memory, images [N][H][W][C] and kernels [kh][kw][I][O], so that tests that place arrays
in memory place them so; `images` and `kernels` give them PyTorch's shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from fastnn.reference import convolution as reference

CHANNELS = [1, 2, 3, 5, 6, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 70]


def images(memory: np.ndarray) -> np.ndarray:
    """(N, C, H, W) of [N][H][W][C]."""
    return memory.transpose(0, 3, 1, 2)


def kernels(memory: np.ndarray) -> np.ndarray:
    """(O, I, kh, kw) of [kh][kw][I][O]."""
    return memory.transpose(3, 2, 0, 1)


class Layer(NamedTuple):
    """The sizes of a convolution."""

    samples: int
    channels: int
    outputs: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def settings(self) -> tuple:
        return self.stride, self.padding, self.dilation, self.groups

    @property
    def geometry(self) -> reference.Geometry:
        return reference.Geometry(self.size, self.kernel, self.stride, self.padding, self.dilation)

    @property
    def out_size(self) -> tuple[int, int]:
        return self.geometry.outputs

    def x(self, draw: Callable[[tuple[int, ...]], np.ndarray]) -> np.ndarray:
        return draw((self.samples, *self.size, self.channels))

    def weight(self, draw: Callable[[tuple[int, ...]], np.ndarray]) -> np.ndarray:
        return draw((*self.kernel, self.channels // self.groups, self.outputs))

    def y(self, draw: Callable[[tuple[int, ...]], np.ndarray]) -> np.ndarray:
        return draw((self.samples, *self.out_size, self.outputs))


def random_layer(rng: np.random.Generator, channels: list[int] = CHANNELS) -> Layer:
    """Any strides, paddings, dilations and groups; plain ones most often."""
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    some = [n for n in channels if n <= (70 if groups == 1 else 9)]
    ins, outs = (groups * int(n) for n in rng.choice(some, 2))
    if rng.uniform() < 0.1:  # each channel by itself
        ins = outs = groups = int(rng.choice(channels))
    kernel = _pair(rng, 1, 6)
    stride = _pair(rng, 1, 4) if rng.uniform() < 0.4 else (1, 1)
    dilation = _pair(rng, 1, 4) if rng.uniform() < 0.3 else (1, 1)
    padding = tuple(int(n) for n in rng.integers(0, 4, 4)) if rng.uniform() < 0.6 else (0, 0, 0, 0)
    least = [dilation[i] * (kernel[i] - 1) + 1 - padding[i] - padding[i + 2] for i in range(2)]
    size = tuple(max(int(n), m) for n, m in zip(rng.integers(1, 13, 2), least, strict=True))
    return Layer(int(rng.integers(1, 6)), ins, outs, size, kernel, stride, padding, dilation, groups)


def _pair(rng: np.random.Generator, low: int, high: int) -> tuple[int, int]:
    return tuple(int(n) for n in rng.integers(low, high, 2))


def whole(rng: np.random.Generator, dtype: type) -> Callable[[tuple[int, ...]], np.ndarray]:
    """Draws whole numbers so small that no sum of their products is rounded."""
    return lambda shape: rng.integers(-7, 8, shape).astype(dtype)


def exact_convolution(layer: Layer, x: np.ndarray, weight: np.ndarray, grad_y: np.ndarray) -> tuple[np.ndarray, ...]:
    """y, grad_x, grad_weight of whole numbers, tap by tap in float64: exact in any order."""
    x, weight, grad_y = (array.astype(np.float64) for array in (x, weight, grad_y))
    y, grad_x, grad_weight = np.zeros(grad_y.shape), np.zeros(x.shape), np.zeros(weight.shape)
    for i, j, out, inside in layer.geometry.taps():
        for group in range(layer.groups):
            own, other = _channels(layer.outputs, layer.groups, group), _channels(layer.channels, layer.groups, group)
            w, g, a = weight[own, :, i, j], grad_y[:, own][out], x[:, other][inside]
            y[:, own][out] += np.moveaxis(np.tensordot(a, w, (1, 1)), -1, 1)
            grad_x[:, other][inside] += np.moveaxis(np.tensordot(g, w, (1, 0)), -1, 1)
            grad_weight[own, :, i, j] += np.tensordot(g, a, ((0, 2, 3), (0, 2, 3)))
    return y, grad_x, grad_weight


def _channels(count: int, groups: int, group: int) -> slice:
    return slice(group * count // groups, (group + 1) * count // groups)
