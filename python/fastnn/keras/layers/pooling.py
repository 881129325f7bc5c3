"""Pooling: the largest or the mean of windows, or of whole images and sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.keras.layers.layer import Shape
from fastnn.keras.layers.windows import Images, Windowed, channels_first, padding_of, sizes_of
from fastnn.nn import functional


class _Pool(nn.Module):
    """The largest or the mean of each window of (N, H, W, C) or (N, W, C); padding never counts."""

    def __init__(self, largest: bool, window: Shape, strides: Shape, padding: Shape) -> None:
        super().__init__()
        self.largest, self.window, self.strides, self.padding = largest, window, strides, padding

    def forward(self, x: Tensor) -> Tensor:
        return channels_first(self._pooled, x)

    def _pooled(self, x: Tensor) -> Tensor:
        if self.largest:
            return functional.max_pool2d(x, self.window, self.strides, self.padding)
        return functional.avg_pool2d(x, self.window, self.strides, self.padding, count_include_pad=False)


class Pooling(Windowed):
    """Base of the layers that pool windows of pool_size; strides: how far apart they are (None: pool_size).

    padding ``"valid"``: whole windows; ``"same"``: those that begin in the image, of which only the pixels count.

    Raises:
        ValueError: sizes that are not positive, another padding; once built, a window larger than the images.
    """

    window = "pool_size"
    largest: ClassVar[bool]
    former: ClassVar = {"border_mode": "padding", "pool_length": "pool_size", "stride": "strides"}

    def __init__(
        self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        kind = type(self).__name__
        self.pool_size = sizes_of(kind, "pool_size", pool_size, self.axes)
        self.strides = self.pool_size if strides is None else sizes_of(kind, "strides", strides, self.axes)
        self.padding = padding_of(kind, padding)

    @classmethod
    def shapes(cls, config: Mapping[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        return [], (*cls.places(config, shape)[0], shape[-1])

    def compute(self, shape: Shape, weights: list[Shape]) -> None:
        lead = (1,) * (2 - self.axes)
        sides = self.places(vars(self), shape)[1]
        self.modules = [_Pool(self.largest, (*lead, *self.pool_size), (*lead, *self.strides), sides)]


class MaxPooling2D(Pooling):
    """The largest of each window of images (N, rows, columns, channels), see :class:`Pooling`."""

    largest = True


class AveragePooling2D(Pooling):
    """The mean of each window of images (N, rows, columns, channels), see :class:`Pooling`."""

    largest = False


class MaxPooling1D(Pooling):
    """The largest of each window of sequences (N, steps, channels), see :class:`Pooling`."""

    axes, largest = 1, True


class AveragePooling1D(Pooling):
    """The mean of each window of sequences (N, steps, channels), see :class:`Pooling`."""

    axes, largest = 1, False


class _PoolAll(nn.Module):
    """The largest or the mean of all places of (N, H, W, C) or (N, W, C)."""

    def __init__(self, largest: bool, keepdims: bool) -> None:
        super().__init__()
        self.largest, self.keepdims = largest, keepdims

    def forward(self, x: Tensor) -> Tensor:
        y = channels_first(self._pooled, x)
        return y if self.keepdims else y.reshape(y.shape[0], y.shape[-1])

    def _pooled(self, x: Tensor) -> Tensor:
        if self.largest:
            return functional.max_pool2d(x, tuple(x.shape[2:]))
        return functional.adaptive_avg_pool2d(x, 1)


class GlobalPooling(Images):
    """Base of the layers that pool all places of an image into one: (N, ..., channels) -> (N, channels); with keepdims
    (N, 1, 1, channels).
    """

    largest: ClassVar[bool]

    def __init__(self, data_format: Any = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.keepdims = bool(keepdims)

    @classmethod
    def shapes(cls, config: Mapping[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        return [], (*((1,) * cls.axes if config["keepdims"] else ()), shape[-1])

    def compute(self, shape: Shape, weights: list[Shape]) -> None:
        self.modules = [_PoolAll(self.largest, self.keepdims)]


class GlobalMaxPooling2D(GlobalPooling):
    """The largest of each channel of images (N, rows, columns, channels)."""

    largest = True


class GlobalAveragePooling2D(GlobalPooling):
    """The mean of each channel of images (N, rows, columns, channels)."""

    largest = False


class GlobalMaxPooling1D(GlobalPooling):
    """The largest of each channel of sequences (N, steps, channels)."""

    axes, largest = 1, True


class GlobalAveragePooling1D(GlobalPooling):
    """The mean of each channel of sequences (N, steps, channels)."""

    axes, largest = 1, False


# Keras' other names of them.
MaxPool2D, AvgPool2D, MaxPool1D, AvgPool1D = MaxPooling2D, AveragePooling2D, MaxPooling1D, AveragePooling1D
GlobalMaxPool2D, GlobalAvgPool2D = GlobalMaxPooling2D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalAvgPool1D = GlobalMaxPooling1D, GlobalAveragePooling1D
