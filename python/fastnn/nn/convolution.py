"""Conv2d."""

from __future__ import annotations

from math import prod

from fastnn import _core
from fastnn.eager.images import Ints, Pair, padding_of, pair
from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.nn import functional, init
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter


class Conv2d(Module):
    """Convolution of images (N, in_channels, H, W) with out_channels kernels, plus bias.

    weight (out_channels, in_channels / groups, kh, kw) and bias (out_channels,) start uniform in +-1/sqrt(fan in), the
    fan in being in_channels / groups kh kw (PyTorch's default: Kaiming with a = sqrt(5)). In memory the weight lies
    [kh][kw][in][out], as the kernels read it.

    Shapes: (N, C, H, W) -> (N, out_channels, (H + 2 padding - dilation (kh - 1) - 1) / stride + 1, ...); padding
    ``"same"`` keeps H and W, ``"valid"`` is 0.

    Raises:
        ValueError: a size is not positive, groups do not divide the channels, an unknown padding.
        TypeError: a size is not an integer.
    """

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
        for name, size in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            _check_count(name, size)
        if padding_mode != "zeros":
            raise ValueError(f"Conv2d: padding_mode must be 'zeros', got {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = _positive("kernel_size", kernel_size)
        self.stride, self.dilation = _positive("stride", stride), _positive("dilation", dilation)
        self.padding: str | Pair = padding if isinstance(padding, str) else pair("Conv2d: padding", padding)
        self.padding_mode = padding_mode
        if min(padding_of(padding, self.kernel_size, self.stride, self.dilation)) < 0:
            raise ValueError(f"Conv2d: padding is {padding}; it must be at least 0")
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"Conv2d: {groups} groups do not divide {in_channels} input and {out_channels} output channels evenly"
            )
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        _check_memory(shape)
        bound = prod(shape[1:]) ** -0.5
        self.weight = Parameter(_core.copy(init.uniform(shape, bound).transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1))
        self.bias = Parameter(init.uniform((out_channels,), bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        return prod(output_shape) * prod(self.weight.shape[1:])

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0, 0):
            text += f", padding={self.padding}"
        if self.dilation != (1, 1):
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text + ("" if self.bias is not None else ", bias=False")


def _check_count(name: str, size: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int):
        raise TypeError(f"Conv2d: {name} must be an integer, got {size!r}")
    if size < 1:
        raise ValueError(f"Conv2d: {name} is {size}; it must be at least 1")


def _positive(name: str, value: Ints) -> Pair:
    values = pair(f"Conv2d: {name}", value)
    if min(values) < 1:
        raise ValueError(f"Conv2d: {name} is {value}; it must be at least 1")
    return values


def _check_memory(shape: tuple[int, ...]) -> None:
    """Refuses a weight that no machine of today holds, before anything is allocated."""
    needed = prod(shape) * 4
    if needed > 2**46:
        size = needed / 2**50
        text = f"Conv2d: a weight of shape {shape} needs {size:.3g} PiB; check the sizes"
        raise told(ValueError(text), "conv2d.memory", shape=shape, pebibytes=size)
