"""Convolution of images, with its gradients, in the fixed orders of ``cpp/ops/convolution.h``.

Shapes are PyTorch's: x (N, C, H, W), weight (O, C / groups, kh, kw), y (N, O, oh, ow). padding is what lies before the
first row, before the first column, behind the last row and behind the last column. Every sum is written as the chain
that it is by definition; ``fma`` says how a step of it rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fastnn.reference.relu import relu as relu_of

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]
Fma = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

ALL = slice(None)


def rounded_twice(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """a b + c."""
    return a * b + c


def output_size(size: int, kernel: int, stride: int, before: int, behind: int, dilation: int) -> int:
    """How many places a window has along an axis."""
    return (size + before + behind - dilation * (kernel - 1) - 1) // stride + 1


def met(tap: int, inputs: int, outputs: int, stride: int, before: int, dilation: int) -> tuple[slice, slice]:
    """The outputs for which a tap of their window lies inside of the image, and what it meets there."""
    offset = tap * dilation - before  # output o meets input o stride + offset
    first = max(0, -(offset // stride))
    last = min(outputs - 1, (inputs - 1 - offset) // stride)
    if last < first:
        return slice(0, 0), slice(0, 0)
    return slice(first, last + 1), slice(first * stride + offset, last * stride + offset + 1, stride)


class Geometry:
    """Which pixels meet by which taps."""

    def __init__(self, image: Pair, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair) -> None:
        self.axes = [(image[i], kernel[i], stride[i], padding[i], padding[i + 2], dilation[i]) for i in range(2)]
        self.outputs = tuple(output_size(*axis) for axis in self.axes)

    def taps(self) -> Iterator[tuple[int, int, tuple, tuple]]:
        """kh, kw, both ascending; where it meets something: of the outputs, and of the inputs."""
        (h, kh, sh, top, _, dh), (w, kw, sw, left, _, dw) = self.axes
        for i in range(kh):
            out_h, in_h = met(i, h, self.outputs[0], sh, top, dh)
            for j in range(kw):
                out_w, in_w = met(j, w, self.outputs[1], sw, left, dw)
                yield i, j, (ALL, ALL, out_h, out_w), (ALL, ALL, in_h, in_w)


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    relu: bool = False,
    fma: Fma = rounded_twice,
) -> np.ndarray:
    """A chain from zero over kh, kw, channel; then + 0, bias, ReLU."""
    geometry = Geometry(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    y = np.zeros((x.shape[0], weight.shape[0], *geometry.outputs), x.dtype)
    for group in range(groups):
        own, source = _part(y, group, groups), _part(x, group, groups)
        w = np.split(weight, groups)[group]
        for i, j, out, inside in geometry.taps():
            for c in range(weight.shape[1]):
                a, b = source[inside][:, c : c + 1], w[:, c, i, j].reshape(1, -1, 1, 1)
                own[out] = fma(*np.broadcast_arrays(a, b), own[out])
    y = y + x.dtype.type(0)
    if bias is not None:
        y = y + bias.reshape(1, -1, 1, 1)
    return relu_of(y) if relu else y


def conv2d_grad_x(
    grad_y: np.ndarray,
    weight: np.ndarray,
    size: Pair,
    stride: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    fma: Fma = rounded_twice,
) -> np.ndarray:
    """A chain from zero over kh, kw, output channel, of the outputs that the pixel is part of; then + 0."""
    geometry = Geometry(size, weight.shape[2:], stride, padding, dilation)
    grad_x = np.zeros((grad_y.shape[0], weight.shape[1] * groups, *size), grad_y.dtype)
    for group in range(groups):
        own, source = _part(grad_x, group, groups), _part(grad_y, group, groups)
        w = np.split(weight, groups)[group]
        for i, j, out, inside in geometry.taps():
            for o in range(len(w)):
                a, b = source[out][:, o : o + 1], w[o, :, i, j].reshape(1, -1, 1, 1)
                own[inside] = fma(*np.broadcast_arrays(a, b), own[inside])
    return grad_x + grad_y.dtype.type(0)


def chunk_samples(channels: int, size: Pair, outputs: int, out_size: Pair, weights: int) -> int:
    """Samples whose gradient of the weight is one chain: cpp/ops/convolution.h has the derivation."""
    pixels = max(out_size[0] * out_size[1], 1)
    values = max(channels * size[0] * size[1] + outputs * pixels, 1)
    least = max(-(-weights // values), -(-256 // pixels))
    return 1 << (least - 1).bit_length()


def conv2d_grad_weight(
    grad_y: np.ndarray,
    x: np.ndarray,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    fma: Fma = rounded_twice,
) -> np.ndarray:
    """A chain from zero over samples, rows, columns for each chunk of samples, then + 0; the chunks' sums ascending."""
    outputs, channels = grad_y.shape[1], x.shape[1]
    shape = (outputs, channels // groups, *kernel)
    chunk = chunk_samples(channels, x.shape[2:], outputs, grad_y.shape[2:], int(np.prod(shape)))
    geometry = Geometry(x.shape[2:], kernel, stride, padding, dilation)
    total = np.zeros(shape, x.dtype)
    for first in range(0, len(x), chunk):
        some = slice(first, first + chunk)
        part = _grad_of_chunk(grad_y[some], x[some], shape, geometry, groups, fma) + x.dtype.type(0)
        total = part if first == 0 else total + part
    return total


def _grad_of_chunk(
    grad_y: np.ndarray, x: np.ndarray, shape: tuple[int, ...], geometry: Geometry, groups: int, fma: Fma
) -> np.ndarray:
    part = np.zeros(shape, x.dtype)
    for i, j, out, inside in geometry.taps():
        for group in range(groups):
            own = _part(part.swapaxes(0, 1), group, groups)[:, :, i, j]  # (I, O)
            g, a = _part(grad_y, group, groups)[out], _part(x, group, groups)[inside]
            for n, row, column in np.ndindex(len(g), *g.shape[2:]):
                pair = np.broadcast_arrays(a[n, :, row, column, np.newaxis], g[n, np.newaxis, :, row, column])
                own[...] = fma(*pair, own)
    return part


def conv2d_grad_bias(grad_y: np.ndarray) -> np.ndarray:
    """The sum of each channel: :func:`pixel_sums`, rounded once."""
    return pixel_sums(grad_y).astype(grad_y.dtype)


def pixel_sums(x: np.ndarray) -> np.ndarray:
    """In float64 at least, a chain from zero over the pixels of each sample, then one over the samples: (C,)."""
    wide = x.astype(np.promote_types(x.dtype, np.float64))
    samples = np.zeros(wide.shape[:2], wide.dtype)
    for row, column in np.ndindex(*wide.shape[2:]):
        samples = samples + wide[:, :, row, column]
    total = np.zeros(wide.shape[1], wide.dtype)
    for sample in samples:
        total = total + sample
    return total


def _part(array: np.ndarray, group: int, groups: int) -> np.ndarray:
    """The channels (second dimension) of one group."""
    count = array.shape[1] // groups
    return array[:, group * count : (group + 1) * count]
