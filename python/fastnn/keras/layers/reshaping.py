"""Layers that put images in another shape, size or range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fastnn import nn
from fastnn.arrays import is_integer, to_array
from fastnn.eager.tensor import Tensor
from fastnn.keras.layers.layer import Layer, Shape
from fastnn.keras.layers.symbol import symbols_in
from fastnn.keras.layers.windows import Images, sizes_of
from fastnn.nn import functional

Sides = tuple[tuple[int, int], tuple[int, int]]


class _Permuted(nn.Module):
    def __init__(self, order: Shape) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(*self.order)


class Permute(Layer):
    """(N, ...) with its dimensions in another order: ``Permute((2, 1))`` swaps the first two behind that of the batch.

    Raises:
        ValueError: dims does not name each dimension from 1 on once.
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(int(dim) for dim in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute: dims is {self.dims}; it must name each dimension once, from 1 on")

    def make(self, shape: Shape) -> Shape:
        self.modules = [_Permuted((0, *self.dims))]
        return self.declared(vars(self), shape)[1]

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        if len(shape) != len(config["dims"]):
            raise ValueError(f"layer '{config['name']}' (Permute): dims {config['dims']} do not fit samples of {shape}")
        return [], tuple(shape[dim - 1] for dim in config["dims"])


class _Padded(nn.Module):
    """Pixels of 0 around (N, H, W, C); negative: so many fewer."""

    def __init__(self, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        super().__init__()
        self.sides = (0, 0, *columns, *rows)

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, self.sides)


class _Sides(Images):
    sign: ClassVar[int]
    sides: ClassVar[str]  # the name of what is given

    @classmethod
    def shapes(cls, config: Mapping[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        out = tuple(size + cls.sign * sum(pair) for size, pair in zip(shape, config[cls.sides], strict=False))
        if min(out) < 1:
            raise ValueError(f"{cls.label(config)}: {cls.sides} {config[cls.sides]} leaves nothing of {shape}")
        return [], (*out, shape[-1])

    def compute(self, shape: Shape, weights: list[Shape]) -> None:
        rows, columns = ((self.sign * a, self.sign * b) for a, b in getattr(self, self.sides))
        self.modules = [_Padded(rows, columns)]


class ZeroPadding2D(_Sides):
    """Zeros around images (N, rows, columns, channels): padding pixels on all sides, (rows, columns), or ((above,
    below), (left, right)).

    Raises:
        ValueError: something else.
    """

    sign, sides = 1, "padding"

    def __init__(self, padding: Any = 1, data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.padding = _sides_of("ZeroPadding2D", "padding", padding)


class Cropping2D(_Sides):
    """Images (N, rows, columns, channels) without pixels at their sides, which are given as for :class:`ZeroPadding2D`.

    Raises:
        ValueError: something else; once built, nothing is left.
    """

    sign, sides = -1, "cropping"

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.cropping = _sides_of("Cropping2D", "cropping", cropping)


def _sides_of(kind: str, name: str, given: Any) -> Sides:
    """((above, below), (left, right))."""
    axes = (given, given) if is_integer(given) else given
    if not isinstance(axes, list | tuple) or len(axes) != 2:
        raise ValueError(f"{kind}: {name} is {given!r}; it must be an integer, two, or ((above, below), (left, right))")
    rows, columns = (sizes_of(kind, name, axis, 2, least=0) for axis in axes)
    return (rows[0], rows[1]), (columns[0], columns[1])


class _Repeated(nn.Module):
    def __init__(self, size: Shape) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        n, rows, columns, channels = x.shape
        down, across = self.size
        spread = x.reshape(n, rows, 1, columns, 1, channels).expand(n, rows, down, columns, across, channels)
        return spread.reshape(n, rows * down, columns * across, channels)


class UpSampling2D(Images):
    """Each row and column of images (N, rows, columns, channels) size times: size for both, or (rows, columns).

    Raises:
        ValueError: a size below 1, or another interpolation than "nearest".
    """

    def __init__(self, size: Any = 2, data_format: Any = None, interpolation: str = "nearest", **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.size = sizes_of("UpSampling2D", "size", size, 2)
        if interpolation != "nearest":
            raise ValueError(f"UpSampling2D: interpolation is {interpolation!r}; there is 'nearest'")
        self.interpolation = interpolation

    @classmethod
    def shapes(cls, config: Mapping[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        down, across = config["size"]
        return [], (shape[0] * down, shape[1] * across, shape[2])

    def compute(self, shape: Shape, weights: list[Shape]) -> None:
        self.modules = [_Repeated(self.size)]


class Rescaled(nn.Module):
    """x scale + offset."""

    def __init__(self, scale: Any, offset: Any) -> None:
        super().__init__()
        self.scale, self.offset = (Tensor(np.asarray(each, np.float32)) for each in (scale, offset))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.offset


class Rescaling(Layer):
    """x scale + offset, as ``Rescaling(1 / 255)`` makes pixels numbers from 0 to 1. scale, offset: numbers, or one for
    each channel.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def make(self, shape: Shape) -> Shape:
        self.modules = [Rescaled(self.scale, self.offset)]
        return shape

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """The same of numbers of any shape and type, float32."""
        if symbols_in(x):
            return super().__call__(x)
        return Rescaled(self.scale, self.offset)(Tensor(to_array(x).astype(np.float32)))
