"""Transposed convolution of images and sequences: the gradient of a convolution with respect to its input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.eager.transposed_convolution import transposed
from fastnn.keras.layers.convolution import Convolved, Filters, Kernel
from fastnn.keras.layers.layer import Shape
from fastnn.keras.layers.windows import sizes_of


class _Transposed(Convolved):
    """x (N, H, W, C) to images of a size (rows, columns), of which the convolution with the kernel (rows, columns,
    outputs, inputs) makes images like x; plus bias, and relu of that.
    """

    def __init__(self, size: Shape, kernel: np.ndarray, strides: Shape, padding: Shape, dilation: Shape) -> None:
        super().__init__(kernel, 1, strides, padding, dilation)
        self.size = size

    def product(self, x: Tensor) -> Tensor:
        settings = (self.strides, self.padding, self.dilation, self.groups)
        return transposed(x, self.weight, self.bias, self.size, settings)


class Conv2DTranspose(Filters):
    """Images (N, rows, columns, channels) to larger ones (N, ..., filters): the gradient of a :class:`Conv2D` of them
    with respect to its input, plus bias, and the activation of that; kernel (rows, columns, filters, channels).

    Of n rows, padding ``"same"`` makes n strides and ``"valid"`` n strides + max(kernel - strides, 0). With
    output_padding it is (n - 1) strides + kernel - 2 p + output_padding, p being kernel // 2 for ``"same"`` and 0 for
    ``"valid"``. (kernel: dilation_rate (kernel_size - 1) + 1.)

    Raises:
        ValueError: what :class:`Convolution` refuses; an output_padding that is not smaller than the strides, or that
            leaves nothing.
    """

    refused: ClassVar = {"groups": "Conv2D has them, and so has fastnn.nn.ConvTranspose2d"}

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides, padding, **kwargs)
        kind, given = type(self).__name__, output_padding
        self.output_padding = None if given is None else sizes_of(kind, "output_padding", given, self.axes, 0)
        behind = self.output_padding or (0,) * self.axes
        if any(more >= stride for more, stride in zip(behind, self.strides, strict=True)):
            text = f"{kind}: output_padding is {given}; it must be smaller than the strides {self.strides}"
            raise ValueError(text)

    @classmethod
    def places(cls, config: Mapping[str, Any], shape: Shape) -> tuple[Shape, Shape]:
        """The size of what comes out, and what its convolution has around it (above, left, below, right).

        Raises:
            ValueError: there is nothing of it.
        """
        behind = config["output_padding"] or (None,) * cls.axes
        axes = zip(shape, config["kernel_size"], config["dilation_rate"], config["strides"], behind, strict=False)
        found = [_along(*axis, config["padding"]) for axis in axes]
        sizes, before, after = zip(*found, strict=True)
        if min(sizes) < 1:
            text = f"output_padding {behind} leaves nothing of {shape[: cls.axes]} pixels: {sizes}"
            raise ValueError(f"{cls.label(config)}: {text}")
        lead = (0,) * (2 - cls.axes)
        return sizes, (*lead, *before, *lead, *after)

    @classmethod
    def kernels(cls, config: Mapping[str, Any], channels: int) -> list[Kernel]:
        filters = config["filters"]
        return [Kernel("kernel", (*config["kernel_size"], filters, channels), 1, filters)]

    def module_of(self, kernel: Kernel, values: np.ndarray, shape: Shape) -> Convolved:
        size = self.in_images(self.places(vars(self), shape)[0])
        return _Transposed(size, values, *self.windows(shape))


class Conv1DTranspose(Conv2DTranspose):
    """Sequences (N, steps, channels) to longer ones (N, ..., filters), as :class:`Conv2DTranspose`; kernel (steps,
    filters, channels).
    """

    axes = 1


def _along(count: int, taps: int, apart: int, stride: int, more: int | None, padding: str) -> tuple[int, int, int]:
    """Pixels that come out along an axis, and what the convolution of them has before and behind."""
    reach = apart * (taps - 1) + 1
    if more is not None:
        size = (count - 1) * stride + reach - 2 * (reach // 2 if padding == "same" else 0) + more
    else:
        size = count * stride + (max(reach - stride, 0) if padding == "valid" else 0)
    around = max((count - 1) * stride + reach - size, 0)
    return size, around // 2, around - around // 2


Convolution2DTranspose, Convolution1DTranspose = Conv2DTranspose, Conv1DTranspose
