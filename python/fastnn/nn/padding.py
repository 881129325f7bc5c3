"""Padding: numbers around the last dimensions of a tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastnn.arrays import is_integer
from fastnn.eager import ops
from fastnn.eager.indexing import memory_order
from fastnn.eager.support import check_memory, contiguous, result, wrap
from fastnn.eager.tensor import Tensor
from fastnn.nn.module import Module


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """input with pad[0] and pad[1] elements more before and after its last dimension, pad[2] and pad[3] around the one
    before it, and so on; negative: so many fewer. value: what they are (0).

    Raises:
        ValueError: another mode, an odd number of sizes, more than there are dimensions, a dimension that ends below 0.
    """
    if mode != "constant":
        raise ValueError(f"[pad] mode {mode!r} is not supported, only 'constant'")
    sizes, shape = tuple(map(int, pad)), tuple(input.shape)
    if len(sizes) % 2 or len(sizes) > 2 * len(shape):
        raise ValueError(f"[pad] pad must be two sizes for each dimension from the last on, got {sizes} for {shape}")
    pairs = [(0, 0)] * (len(shape) - len(sizes) // 2) + [sizes[i : i + 2] for i in range(len(sizes) - 2, -1, -2)]
    wide = tuple(extent + before + after for extent, (before, after) in zip(shape, pairs, strict=True))
    if any(extent < 0 for extent in wide):
        raise ValueError(f"[pad] pad {sizes} would take more of shape {shape} than there is")
    check_memory("pad", wide)
    cuts = [(max(-before, 0), max(-after, 0)) for before, after in pairs]
    kept = tuple(slice(first, extent - last) for extent, (first, last) in zip(shape, cuts, strict=True))
    inner = input[kept] if any(map(any, cuts)) else input
    grown = [(max(before, 0), max(after, 0)) for before, after in pairs]
    return _grown(inner, grown, wide, 0 if value is None else value)


def _grown(x: Tensor, pairs: list[tuple[int, int]], shape: tuple[int, ...], value: float) -> Tensor:
    """x in the middle of a larger tensor."""
    inside = tuple(slice(before, size - after) for size, (before, after) in zip(shape, pairs, strict=True))
    if x._data.dtype.kind != "f":
        out = np.full(shape, value, x._data.dtype)
        out[inside] = x._read("pad() of integers")
        return wrap(out)
    order = memory_order(x._data)
    wide, inner, back = [shape[axis] for axis in order], tuple(inside[axis] for axis in order), np.argsort(order)
    places = np.arange(np.prod(wide, dtype=np.int64)).reshape(wide)[inner].copy()
    data = ops.take_backward(contiguous(x._data.transpose(order)), places, wide)
    if value:
        border = np.full(wide, value, data.dtype)
        border[inner] = 0
        data = ops.add(data, border)

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        return (ops.take(contiguous(g.transpose(order)), places).transpose(back),)

    return result(data.transpose(back), (x,), backward, "ConstantPadNd")


class _ConstantPad(Module):
    dimensions = 2

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__()
        count = 2 * self.dimensions
        sizes = (padding,) * count if is_integer(padding) else tuple(padding)
        if len(sizes) != count or not all(map(is_integer, sizes)):
            kind = type(self).__name__
            raise ValueError(f"{kind}: padding must be an integer, or {count} of them (left, right, ...): {padding!r}")
        self.padding = tuple(map(int, sizes))
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return pad(x, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad2d(_ConstantPad):
    """value around images (..., H, W); padding: of all sides, or (left, right, top, bottom)."""


class ConstantPad1d(_ConstantPad):
    """value around rows (..., W); padding: of both sides, or (left, right)."""

    dimensions = 1


class ZeroPad2d(_ConstantPad):
    """Zeros around images (..., H, W); padding: of all sides, or (left, right, top, bottom)."""

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(ZeroPad2d):
    """Zeros around rows (..., W); padding: of both sides, or (left, right)."""

    dimensions = 1
