"""Activations by name: what ``Dense(activation=...)`` and ``Activation(...)`` take."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.keras.named import known
from fastnn.nn import functional

Function = Callable[[Tensor], Tensor]

_SLOPE = 0.2  # of leaky_relu, where none is given; PyTorch has 0.01


def linear(x: Tensor) -> Tensor:
    """x."""
    return x


def relu(x: Tensor) -> Tensor:
    """max(x, 0)."""
    return functional.relu(x)


def leaky_relu(x: Tensor, negative_slope: float = _SLOPE) -> Tensor:
    """x where x > 0, else negative_slope x."""
    return functional.leaky_relu(x, negative_slope)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return functional.sigmoid(x)


def softmax(x: Tensor) -> Tensor:
    """exp(x) / sum exp(x) along the last axis."""
    return functional.softmax(x)


def tanh(x: Tensor) -> Tensor:
    """tanh(x)."""
    return functional.tanh(x)


_KNOWN: dict[str, Function] = {
    "leaky_relu": leaky_relu,
    "linear": linear,
    "relu": relu,
    "sigmoid": sigmoid,
    "softmax": softmax,
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
