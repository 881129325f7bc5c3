"""Optimizers in Keras' form: epsilon 1e-7, in Adam outside of the bias correction, in RMSprop inside of the root."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnn import _core, optim
from fastnn.keras.named import resolve
from fastnn.nn.parameter import Parameter


class _Adam(optim.Adam):
    def new_settings(self) -> _core.AdamSettings:
        settings = super().new_settings()
        settings.eps_corrected = False
        return settings


class _RMSprop(optim.RMSprop):
    def new_settings(self) -> _core.RmspropSettings:
        settings = super().new_settings()
        settings.eps_inside = True
        return settings


class Optimizer:
    """Settings of an optimizer; a model's fit gives it its parameters and keeps its state from call to call.

    Raises:
        ValueError: a setting out of range.
    """

    def __init__(self, learning_rate: float) -> None:
        self._learning_rate = float(learning_rate)
        self._optimizer: optim.Optimizer | None = None
        self.check()

    @property
    def learning_rate(self) -> float:
        """May be changed at any time."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        before, self._learning_rate = self._learning_rate, float(value)
        self.check()
        if self._optimizer is not None:
            _rescale_momentum(self._optimizer, before, self._learning_rate)
            for group in self._optimizer.param_groups:
                group["lr"] = self._learning_rate

    lr = learning_rate

    def check(self) -> None:
        """Refuses settings out of range."""
        self.make([Parameter(np.zeros(1, dtype=np.float32))])

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        """fastnn's optimizer with these settings."""
        raise NotImplementedError

    def bind(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        """The optimizer of these parameters: the one it has, where they are the same."""
        parameters = list(parameters)
        own = [] if self._optimizer is None else self._optimizer.param_groups[0]["params"]
        if [id(p) for p in own] != [id(p) for p in parameters]:
            self._optimizer = self.make(parameters)
        return self._optimizer  # type: ignore[return-value]


class SGD(Optimizer):
    """m = momentum m - lr g, w += m; nesterov: w += momentum m - lr g."""

    name = "sgd"

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> None:
        self.momentum = momentum
        self.nesterov = nesterov
        super().__init__(learning_rate)

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        nesterov = self.nesterov and self.momentum > 0
        return optim.SGD(parameters, self.learning_rate, self.momentum, nesterov=nesterov)


class RMSprop(Optimizer):
    """v = rho v + (1 - rho) g^2; w -= lr g / sqrt(v + epsilon), with momentum as a running sum of these steps."""

    name = "rmsprop"

    def __init__(
        self, learning_rate: float = 0.001, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7
    ) -> None:
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        super().__init__(learning_rate)

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        return _RMSprop(parameters, self.learning_rate, self.rho, self.epsilon, momentum=self.momentum)


class Adam(Optimizer):
    """Kingma and Ba, 2015, in its paper's last form: w -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) +
    epsilon).
    """

    name = "adam"

    def __init__(
        self, learning_rate: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7
    ) -> None:
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        super().__init__(learning_rate)

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        return _Adam(parameters, self.learning_rate, (self.beta_1, self.beta_2), self.epsilon)


_KNOWN = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam}


def get(given: Any) -> Optimizer:
    """The optimizer of a name, a class or an object.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    return resolve("optimizer", given, _KNOWN, Optimizer)


def _rescale_momentum(optimizer: optim.Optimizer, before: float, after: float) -> None:
    """Keras' momentum is a sum of steps, each with the rate of its time; ours of gradients, times the present rate."""
    for state in optimizer.state.values():
        if "momentum_buffer" in state and after > 0:
            state["momentum_buffer"] *= before / after
