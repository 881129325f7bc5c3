"""Activations: functions of each element, and along a dimension."""

from __future__ import annotations

import math
from typing import ClassVar

from fastnn.eager.tensor import Tensor
from fastnn.nn import functional
from fastnn.nn.init import constant
from fastnn.nn.mistakes import made_of_tensors
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter


class ReLU(Module):
    """max(x, 0), elementwise."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        made_of_tensors(type(self).__name__, (inplace,))
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return x.relu()

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class LeakyReLU(Module):
    """x where x > 0, else negative_slope x, elementwise.

    Raises:
        ValueError: negative_slope is not finite.
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        if not math.isfinite(negative_slope):
            raise ValueError(f"LeakyReLU: negative_slope is {negative_slope}; it must be finite")
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class Sigmoid(Module):
    """1 / (1 + exp(-x)), elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sigmoid()


class Tanh(Module):
    """tanh(x), elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        return x.tanh()


class Softmax(Module):
    """exp(x) / sum exp(x) along dim."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        made_of_tensors(type(self).__name__, (dim,))
        self.dim = int(dim)

    def forward(self, x: Tensor) -> Tensor:
        return x.softmax(self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """log of :class:`Softmax`."""

    def forward(self, x: Tensor) -> Tensor:
        return x.log_softmax(self.dim)


class Softmin(Softmax):
    """:class:`Softmax` of -x."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.softmin(x, self.dim)


class _Plain(Module):
    """A function of each element with settings, which are shown as PyTorch shows them."""

    _shown: ClassVar[tuple[str, ...]] = ()

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        made_of_tensors(type(self).__name__, (inplace,))
        self.inplace = inplace

    def extra_repr(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in self._shown]
        return ", ".join([*shown, *(["inplace=True"] if self.inplace else [])])


class ELU(_Plain):
    """x where x > 0, else alpha (exp(x) - 1)."""

    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return functional.elu(x, self.alpha)


class CELU(ELU):
    """x where x > 0, else alpha (exp(x / alpha) - 1)."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.celu(x, self.alpha)


class SELU(_Plain):
    """1.0507 elu(x, 1.6733): keeps mean 0 and variance 1."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.selu(x)


class GELU(_Plain):
    """x times the share of a normal distribution below x; approximate="tanh": by a formula with tanh.

    Raises:
        ValueError: another approximation.
    """

    _shown = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate must be 'none' or 'tanh', got {approximate!r}")
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        return functional.gelu(x, self.approximate)


class SiLU(_Plain):
    """x sigmoid(x), also called swish."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.silu(x)


class Mish(_Plain):
    """x tanh(softplus(x))."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.mish(x)


class Softplus(_Plain):
    """log(1 + exp(beta x)) / beta."""

    _shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Tensor) -> Tensor:
        return functional.softplus(x, self.beta, self.threshold)


class LogSigmoid(_Plain):
    """log sigmoid(x)."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.logsigmoid(x)


class Hardtanh(_Plain):
    """x within min_val and max_val, those beyond."""

    _shown = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Tensor) -> Tensor:
        return functional.hardtanh(x, self.min_val, self.max_val)


class ReLU6(_Plain):
    """min(max(x, 0), 6)."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu6(x)


class Hardsigmoid(_Plain):
    """relu6(x + 3) / 6."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.hardsigmoid(x)


class Hardswish(_Plain):
    """x relu6(x + 3) / 6."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.hardswish(x)


class Softsign(_Plain):
    """x / (1 + |x|)."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.softsign(x)


class Tanhshrink(_Plain):
    """x - tanh(x)."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.tanhshrink(x)


class PReLU(Module):
    """x where x > 0, else weight x; the weight is learned: one, or one for each of num_parameters channels."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(constant((num_parameters,), init))

    def forward(self, x: Tensor) -> Tensor:
        return functional.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
