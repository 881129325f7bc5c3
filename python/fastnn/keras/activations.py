"""Activations by name: what ``Dense(activation=...)`` and ``Activation(...)`` take."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar

import numpy as np

from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.keras.named import known
from fastnn.nn import functional

Function = Callable[[Tensor], Tensor]
F = TypeVar("F", bound=Callable[..., Tensor])

_SLOPE = 0.2  # of leaky_relu, where none is given; PyTorch has 0.01


def _of_arrays(function: F) -> F:
    """The same of numbers in an array or a list too, as float32."""

    @wraps(function)
    def called(x: Any, *args: Any, **named: Any) -> Tensor:
        tensor = Tensor(np.asarray(x, dtype=np.float32)) if isinstance(x, np.ndarray | list | float | int) else x
        return function(tensor, *args, **named)

    return called  # type: ignore[return-value]


@_of_arrays
def linear(x: Tensor) -> Tensor:
    """x."""
    return x


@_of_arrays
def relu(x: Tensor, negative_slope: float = 0.0, max_value: float | None = None) -> Tensor:
    """x where x > 0, else negative_slope x; max_value at most."""
    out = functional.leaky_relu(x, negative_slope) if negative_slope else functional.relu(x)
    return out if max_value is None else out - functional.relu(out - max_value)


@_of_arrays
def leaky_relu(x: Tensor, negative_slope: float = _SLOPE) -> Tensor:
    """x where x > 0, else negative_slope x."""
    return functional.leaky_relu(x, negative_slope)


@_of_arrays
def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return functional.sigmoid(x)


@_of_arrays
def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """exp(x) / sum exp(x) along an axis."""
    return functional.softmax(x, axis)


@_of_arrays
def tanh(x: Tensor) -> Tensor:
    """tanh(x)."""
    return functional.tanh(x)


@_of_arrays
def relu6(x: Tensor) -> Tensor:
    """min(max(x, 0), 6)."""
    return relu(x, max_value=6.0)


@_of_arrays
def log_softmax(x: Tensor) -> Tensor:
    """log of softmax."""
    return functional.log_softmax(x)


@_of_arrays
def exponential(x: Tensor) -> Tensor:
    """exp(x)."""
    return x.exp()


@_of_arrays
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha (exp(x) - 1) (Clevert et al., 2016)."""
    return x.relu() + alpha * ((-(-x).relu()).exp() - 1)


@_of_arrays
def selu(x: Tensor) -> Tensor:
    """1.0507 elu(x, 1.67326) (Klambauer et al., 2017)."""
    return 1.05070098735548049342 * elu(x, 1.67326324235437728481)


@_of_arrays
def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|))."""
    return x.relu() + ((-_magnitude(x)).exp() + 1).log()


@_of_arrays
def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return x / (_magnitude(x) + 1)


@_of_arrays
def silu(x: Tensor) -> Tensor:
    """x sigmoid(x)."""
    return x * x.sigmoid()


@_of_arrays
def hard_sigmoid(x: Tensor) -> Tensor:
    """min(max(x / 6 + 1 / 2, 0), 1)."""
    return relu6(x + 3) / 6


@_of_arrays
def mish(x: Tensor) -> Tensor:
    """x tanh(softplus(x))."""
    return x * softplus(x).tanh()


@_of_arrays
def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """x times the share of a normal distribution below x; approximate: by a formula with tanh."""
    return functional.gelu(x, "tanh" if approximate else "none")


def _magnitude(x: Tensor) -> Tensor:
    return x.relu() + (-x).relu()


swish = silu

_KNOWN: dict[str, Function] = {
    "elu": elu,
    "exponential": exponential,
    "gelu": gelu,
    "hard_sigmoid": hard_sigmoid,
    "leaky_relu": leaky_relu,
    "linear": linear,
    "log_softmax": log_softmax,
    "mish": mish,
    "relu": relu,
    "relu6": relu6,
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "softmax": softmax,
    "softplus": softplus,
    "softsign": softsign,
    "swish": silu,
    "tanh": tanh,
}
_MODULES: dict[Function, Callable[[], nn.Module]] = {
    leaky_relu: partial(nn.LeakyReLU, _SLOPE),
    relu: nn.ReLU,
    sigmoid: nn.Sigmoid,
    softmax: nn.Softmax,
    tanh: nn.Tanh,
}


class _Called(nn.Module):
    """A function of the user's as a module."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def get(given: Any) -> Function:
    """The function of a name; None is ``linear``, a function itself.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    if given is None:
        return linear
    if isinstance(given, str):
        return known("activation", given, _KNOWN)
    if callable(given):
        return given
    raise TypeError(f"activation must be a name or a function of a tensor, got {type(given).__name__}")


def name_of(function: Function) -> str:
    """What a summary and a file call it."""
    return getattr(function, "__name__", type(function).__name__)


def name_in_files(function: Function) -> str:
    """The name that :func:`get` finds it by.

    Raises:
        ValueError: it has none, being the user's.
    """
    name = name_of(function)
    if _KNOWN.get(name) is not function:
        raise ValueError(
            f"the activation {name!r} is a function of yours, which a file cannot hold: save_weights() can"
        )
    return name


def modules_of(function: Function) -> list[nn.Module]:
    """The modules that compute it: none for ``linear``."""
    if function is linear:
        return []
    return [_MODULES[function]() if function in _MODULES else _Called(function)]
