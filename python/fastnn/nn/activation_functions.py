"""Activations as functions of tensors: their formulas. :mod:`fastnn.nn.functional` has them all."""

from __future__ import annotations

import math

import numpy as np

from fastnn.eager import autograd, ops
from fastnn.eager.spelling import spelled
from fastnn.eager.support import by_op, floating, result
from fastnn.eager.tensor import Tensor

# Self-Normalizing Neural Networks, Klambauer et al. 2017: the fixed point of mean 0 and variance 1.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def _below(x: Tensor) -> Tensor:
    """min(x, 0); at 0 its gradient is 1, as that of an activation's lower part is to be."""
    return x - x.relu()


@spelled
def elu(x: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha (exp(x) - 1).

    Raises:
        ValueError: alpha is not finite.
    """
    return by_op("elu", "Elu", floating(x), float(alpha))


@spelled
def leaky_relu(x: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope x.

    Raises:
        ValueError: negative_slope is not finite.
    """
    return by_op("leaky_relu", "LeakyRelu", floating(x), float(negative_slope))


@spelled
def selu(x: Tensor, inplace: bool = False) -> Tensor:
    """1.0507 elu(x, 1.6733)."""
    return elu(x, _SELU_ALPHA) * _SELU_SCALE


@spelled
def celu(x: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha (exp(x / alpha) - 1)."""
    return elu(x) if alpha == 1 else x.relu() + elu(_below(x) / alpha) * alpha


@spelled
def prelu(x: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, else weight x: one weight, or one for each channel (dimension 1)."""
    if weight.numel() > 1:
        weight = weight.reshape(-1, *[1] * (x.dim() - 2))
    return x.relu() + weight * _below(x)


@spelled
def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """x times the share of a normal distribution below x; approximate="tanh": by a formula with tanh.

    Raises:
        ValueError: approximate is neither "none" nor "tanh".
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    return by_op("gelu" if approximate == "none" else "gelu_tanh", "Gelu", floating(x))


@spelled
def silu(x: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x)."""
    return by_op("silu", "Silu", floating(x))


@spelled
def mish(x: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(softplus(x))."""
    return x * softplus(x).tanh()


@spelled
def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta, x itself where beta x is above the threshold."""
    x = floating(x)
    return by_op("softplus", "Softplus", x) if beta == 1 else by_op("softplus", "Softplus", x * beta) / beta


@spelled
def logsigmoid(x: Tensor) -> Tensor:
    """log sigmoid(x), without forming the sigmoid."""
    return -softplus(-x)


@spelled
def hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x, but min_val where it is less and max_val where it is more; the gradient is 0 from there on.

    Raises:
        ValueError: max_val is below min_val.
    """
    if max_val < min_val:
        raise ValueError(f"hardtanh: max_val is {max_val}, below min_val = {min_val}")
    if x._data.dtype.kind != "f":
        return x.clamp(min_val, max_val)
    data = x._data
    least, most = map(data.dtype.type, (min_val, max_val))
    endless = data.dtype.type(math.inf)
    # Strictly between the bounds is from the number behind one to the number before the other.
    inner = float(np.nextafter(least, endless)), float(np.nextafter(most, -endless))
    return result(
        ops.clamp(data, float(least), float(most)),
        (x,),
        lambda g: (ops.clamp_backward(g, data, *inner),),
        "Hardtanh",
        reads=((0, autograd.ANY),),
    )


@spelled
def relu6(x: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6)."""
    return hardtanh(x, 0.0, 6.0)


@spelled
def hardsigmoid(x: Tensor, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6."""
    return relu6(x + 3) / 6


@spelled
def hardswish(x: Tensor, inplace: bool = False) -> Tensor:
    """x hardsigmoid(x)."""
    return x * hardsigmoid(x)


@spelled
def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return x / (leaky_relu(x, -1.0) + 1)


@spelled
def tanhshrink(x: Tensor) -> Tensor:
    """x - tanh(x)."""
    return x - x.tanh()


@spelled
def softmin(x: Tensor, dim: int = -1) -> Tensor:
    """softmax(-x) along dim."""
    return (-x).softmax(dim)
