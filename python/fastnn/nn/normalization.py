"""Layers that normalise each sample: layer norm (Ba et al., 2016) and group norm (Wu and He, 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from fastnn.arrays import is_integer
from fastnn.eager.spelling import spelled
from fastnn.eager.tensor import Tensor
from fastnn.nn import init
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter


def _normalised(x: Tensor, dims: tuple[int, ...], eps: float) -> Tensor:
    """(x - mean) / sqrt(variance + eps) over dimensions; the variance is the mean of the squares."""
    off = x - x.mean(dims, True)
    return off * ((off * off).mean(dims, True) + eps) ** -0.5


@spelled
def layer_norm(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each sample with mean 0 and variance 1 over its last dimensions, which are those of normalized_shape, times
    weight, plus bias: of that shape both.

    Raises:
        ValueError: x does not end in that shape, or is empty.
    """
    shape = tuple(normalized_shape)
    if not shape or tuple(x.shape[-len(shape) :]) != shape or x.dim() < len(shape):
        wanted = ", ".join(map(str, shape))
        raise ValueError(f"[layer_norm] normalized_shape is {shape}: expected x (..., {wanted}), got {tuple(x.shape)}")
    y = _normalised(x, tuple(range(x.dim() - len(shape), x.dim())), eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


@spelled
def group_norm(
    x: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Each sample of (N, C, ...) with mean 0 and variance 1 over each of num_groups groups of neighbouring channels,
    times weight (C,), plus bias (C,).

    Raises:
        ValueError: fewer than two dimensions, groups that do not divide the channels, weights of another number.
    """
    shape = tuple(x.shape)
    if len(shape) < 2:
        raise ValueError(f"[group_norm] expected x (N, C, ...), got shape {shape}")
    channels = shape[1]
    if num_groups < 1 or channels % num_groups:
        raise ValueError(f"[group_norm] x has shape {shape}: {num_groups} groups do not divide {channels} channels")
    for name, values in (("weight", weight), ("bias", bias)):
        if values is not None and tuple(values.shape) != (channels,):
            raise ValueError(f"[group_norm] x has {channels} channels, {name} has shape {tuple(values.shape)}")
    y = _normalised(x.reshape(shape[0], num_groups, -1), (2,), eps).reshape(shape)
    spread = (channels, *(1 for _ in shape[2:]))
    y = y if weight is None else y * weight.reshape(spread)
    return y if bias is None else y + bias.reshape(spread)


class LayerNorm(Module):
    """Normalises each sample over its last dimensions, see :func:`fastnn.nn.functional.layer_norm`.

    normalized_shape: their sizes, or that of the last one. weight starts as ones, bias as zeros (elementwise_affine:
    whether there are any; bias: whether there is that).

    Raises:
        ValueError: a size below 1, or none.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        sizes = (normalized_shape,) if is_integer(normalized_shape) else tuple(normalized_shape)
        if not sizes or not all(is_integer(size) and size > 0 for size in sizes):
            raise ValueError(f"LayerNorm: normalized_shape is {normalized_shape!r}; it must be sizes of at least 1")
        self.normalized_shape = tuple(map(int, sizes))
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = Parameter(init.constant(self.normalized_shape, 1)) if elementwise_affine else None
        self.bias = Parameter(init.constant(self.normalized_shape, 0)) if elementwise_affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        return 2 * prod(output_shape)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(Module):
    """Normalises each sample over groups of channels, see :func:`fastnn.nn.functional.group_norm`.

    weight (num_channels,) starts as ones, bias (num_channels,) as zeros (affine: whether there are any; bias: whether
    there is that).

    Raises:
        ValueError: groups that do not divide the channels, or a number below 1.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, bias: bool = True
    ) -> None:
        super().__init__()
        for name, value in (("num_groups", num_groups), ("num_channels", num_channels)):
            if not is_integer(value) or value < 1:
                raise ValueError(f"GroupNorm: {name} is {value!r}; it must be an integer of at least 1")
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = int(num_groups)
        self.num_channels = int(num_channels)
        self.eps = eps
        self.affine = affine
        self.weight = Parameter(init.constant((num_channels,), 1)) if affine else None
        self.bias = Parameter(init.constant((num_channels,), 0)) if affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        return 2 * prod(output_shape)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )
