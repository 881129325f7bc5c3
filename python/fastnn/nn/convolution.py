"""Conv1d, Conv2d and ConvTranspose2d."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

import numpy as np

from fastnn import _core
from fastnn.arrays import is_integer
from fastnn.eager.images import Ints, Pair, numbers, padding_of
from fastnn.eager.tensor import Tensor
from fastnn.eager.transposed_convolution import output_size_of
from fastnn.errors import told
from fastnn.nn import functional, init
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter


class _Convolution(Module):
    dimensions: ClassVar[int] = 2

    bias: Parameter  # None without, as in Linear

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints = 1,
        padding: Ints | str = 0,
        dilation: Ints = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ) -> None:
        super().__init__()
        kind = type(self).__name__
        self.in_channels, self.out_channels, self.groups = (
            _count(f"{kind}: {name}", value)
            for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups))
        )
        if padding_mode != "zeros":
            raise ValueError(f"{kind}: padding_mode must be 'zeros', got {padding_mode!r}")
        self.kernel_size = self._checked("kernel_size", kernel_size)
        self.stride, self.dilation = self._checked("stride", stride), self._checked("dilation", dilation)
        self.padding = self._checked_padding(padding)
        self.padding_mode = padding_mode
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{kind}: {groups} groups do not divide {in_channels} input and {out_channels} output channels evenly"
            )
        shape = self._weight_shape()
        _check_memory(kind, shape)
        bound = prod(shape[1:]) ** -0.5
        order = (*range(2, len(shape)), 1, 0)
        lying = _core.copy(init.uniform(shape, bound).transpose(order))
        self.weight = Parameter(lying.transpose(np.argsort(order)))
        self.bias = Parameter(init.uniform((self.out_channels,), bound)) if bias else None

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def _checked(self, name: str, value: Ints, least: int = 1) -> tuple[int, ...]:
        values = numbers(f"{type(self).__name__}: {name}", value, self.dimensions)
        if min(values) < least:
            raise ValueError(f"{type(self).__name__}: {name} is {value}; it must be at least {least}")
        return values

    def _checked_padding(self, padding: Ints | str) -> str | tuple[int, ...]:
        if not isinstance(padding, str):
            return self._checked("padding", padding, 0)
        flat = (1,) * (2 - self.dimensions)  # sequences are images with a height of 1
        padding_of(padding, flat + self.kernel_size, flat + self.stride, flat + self.dilation)
        return padding

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        return prod(output_shape) * prod(self.weight.shape[1:])

    def _more_repr(self) -> str:
        return ""

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        none, single = (0,) * self.dimensions, (1,) * self.dimensions
        if self.padding != none:
            text += f", padding={self.padding}"
        if self.dilation != single:
            text += f", dilation={self.dilation}"
        text += self._more_repr()
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text + ("" if self.bias is not None else ", bias=False")


class Conv1d(_Convolution):
    """Convolution of sequences (N, in_channels, L) or (in_channels, L) with out_channels kernels, plus bias.

    As :class:`Conv2d` of images with a height of 1: weight (out_channels, in_channels / groups, k), in memory
    [k][in][out].

    Raises:
        ValueError: a size is not positive, groups do not divide the channels, an unknown padding.
        TypeError: a size is not an integer.
    """

    dimensions = 1

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv1d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv2d(_Convolution):
    """Convolution of images (N, in_channels, H, W) with out_channels kernels, plus bias.

    weight (out_channels, in_channels / groups, kh, kw) and bias (out_channels,) start uniform in +-1/sqrt(fan in), the
    fan in being in_channels / groups kh kw (PyTorch's default: Kaiming with a = sqrt(5)). In memory the weight lies
    [kh][kw][in][out], as the kernels read it.

    Shapes: (N, C, H, W) -> (N, out_channels, (H + 2 padding - dilation (kh - 1) - 1) / stride + 1, ...); padding
    ``"same"`` keeps H and W, ``"valid"`` is 0.

    Raises:
        ValueError: a size is not positive, groups do not divide the channels, an unknown padding.
        TypeError: a size is not an integer.

    >>> import fastnn
    >>> fastnn.nn.Conv2d(3, 6, 5, padding=2)(fastnn.ones(1, 3, 28, 28)).shape
    torch.Size([1, 6, 28, 28])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class ConvTranspose2d(_Convolution):
    """Transposed convolution of images (N, in_channels, H, W), plus bias: the gradient of a convolution from
    out_channels to in_channels with respect to its input. Strides make larger images.

    weight (in_channels, out_channels / groups, kh, kw) and bias (out_channels,) start uniform in +-1/sqrt(fan in), the
    fan in being out_channels / groups kh kw, as PyTorch counts it.

    Shapes: (N, C, H, W) -> (N, out_channels, (H - 1) stride - 2 padding + dilation (kh - 1) + 1 + output_padding, ...).

    Raises:
        ValueError: a size is not positive, groups do not divide the channels, output_padding is not smaller than the
            stride; on use, an output_size that no output_padding gives.
        TypeError: a size is not an integer.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints = 1,
        padding: Ints = 0,
        output_padding: Ints = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Ints = 1,
        padding_mode: str = "zeros",
    ) -> None:
        if isinstance(padding, str):
            raise ValueError(f"ConvTranspose2d: padding must be numbers, got {padding!r}")
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode)
        self.output_padding = self._checked("output_padding", output_padding, 0)
        if any(more >= step for more, step in zip(self.output_padding, self.stride, strict=True)):
            raise ValueError(
                f"ConvTranspose2d: output_padding is {output_padding}; it must be smaller than the stride {self.stride}"
            )

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    def forward(self, x: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        more = self.output_padding if output_size is None else self._output_padding(tuple(x.shape), output_size)
        how = (self.stride, self.padding, more, self.groups, self.dilation)
        return functional.conv_transpose2d(x, self.weight, self.bias, *how)

    def _output_padding(self, shape: tuple[int, ...], output_size: Sequence[int]) -> Pair:
        """What makes images of this size, the last two of output_size."""
        settings = (self.stride, self.padding, self.dilation)
        least = output_size_of(shape[-2:], self.kernel_size, *settings, (0, 0))
        more = tuple(int(wanted) - own for wanted, own in zip(output_size[-2:], least, strict=False))
        if len(more) < 2 or not all(0 <= each < step for each, step in zip(more, self.stride, strict=True)):
            most = tuple(own + step - 1 for own, step in zip(least, self.stride, strict=True))
            raise ValueError(f"ConvTranspose2d: output_size is {tuple(output_size)}; it must be {least} to {most}")
        return more

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        return prod(output_shape) * prod(self.kernel_size) * self.in_channels // self.groups // prod(self.stride)

    def _more_repr(self) -> str:
        return f", output_padding={self.output_padding}" if self.output_padding != (0, 0) else ""


def _count(name: str, size: int) -> int:
    if not is_integer(size):
        raise TypeError(f"{name} must be an integer, got {size!r}")
    if size < 1:
        raise ValueError(f"{name} is {size}; it must be at least 1")
    return int(size)


def _check_memory(kind: str, shape: tuple[int, ...]) -> None:
    """Refuses a weight that no machine of today holds, before anything is allocated."""
    needed = prod(shape) * 4
    if needed > 2**46:
        size = needed / 2**50
        text = f"{kind}: a weight of shape {shape} needs {size:.3g} PiB; check the sizes"
        raise told(ValueError(text), "conv2d.memory", shape=shape, pebibytes=size)
