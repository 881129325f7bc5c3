"""Keras' optimizers: epsilon 1e-7, in Adam outside of the bias correction, in RMSprop inside of the root."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastnn import _core, optim
from fastnn.keras.named import resolve
from fastnn.keras.optimizers.optimizer import Optimizer
from fastnn.keras.optimizers.schedules import LearningRateSchedule
from fastnn.nn.parameter import Parameter

LearningRate = float | LearningRateSchedule


class _Adam(optim.Adam):
    def new_settings(self) -> _core.AdamSettings:
        settings = super().new_settings()
        settings.eps_corrected = False
        return settings


class _AdamW(_Adam):
    decoupled = True


class _RMSprop(optim.RMSprop):
    def new_settings(self) -> _core.RmspropSettings:
        settings = super().new_settings()
        settings.eps_inside = True
        return settings


class SGD(Optimizer):
    """m = momentum m - lr g, w += m; nesterov: w += momentum m - lr g."""

    def __init__(
        self, learning_rate: LearningRate = 0.01, momentum: float = 0.0, nesterov: bool = False, **kwargs: Any
    ) -> None:
        self.momentum = momentum
        self.nesterov = nesterov
        super().__init__(learning_rate, **kwargs)

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        nesterov = self.nesterov and self.momentum > 0
        return optim.SGD(parameters, float(self.learning_rate), self.momentum, nesterov=nesterov)


class RMSprop(Optimizer):
    """v = rho v + (1 - rho) g^2; w -= lr g / sqrt(v + epsilon), with momentum as a running sum of these steps."""

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        self.rho = rho
        self.momentum = momentum
        self.epsilon = _epsilon(epsilon)
        super().__init__(learning_rate, **kwargs)

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        return _RMSprop(parameters, float(self.learning_rate), self.rho, self.epsilon, momentum=self.momentum)


class Adam(Optimizer):
    """Kingma and Ba, 2015, in its paper's last form: w -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) +
    epsilon).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = _epsilon(epsilon)
        super().__init__(learning_rate, **kwargs)

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        return _Adam(parameters, float(self.learning_rate), self.betas, self.epsilon)

    @property
    def betas(self) -> tuple[float, float]:
        return self.beta_1, self.beta_2


class AdamW(Adam):
    """Adam, and w -= lr weight_decay w (Loshchilov and Hutter, 2019)."""

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        self.weight_decay = weight_decay
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        return _AdamW(parameters, float(self.learning_rate), self.betas, self.epsilon, self.weight_decay)


class Nadam(Adam):
    """Adam with Nesterov's momentum (Dozat, 2015): of beta_1 (1 - 0.96^t / 2) at step t."""

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        kind = _of_optim("NAdam", self)
        return kind(parameters, float(self.learning_rate), self.betas, self.epsilon, momentum_decay=1.0)


class Adamax(Adam):
    """Adam by the largest gradient (Kingma and Ba, 2015): u = max(beta_2 u, |g| + epsilon), w -= lr m / ((1 -
    beta_1^t) u). (Keras adds epsilon to u, which is the same but for gradients as small as that.)
    """

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        return _of_optim("Adamax", self)(parameters, float(self.learning_rate), self.betas, self.epsilon)


class Adagrad(Optimizer):
    """a += g^2, w -= lr g / sqrt(a + epsilon); a starts at initial_accumulator_value (Duchi et al., 2011)."""

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = _epsilon(epsilon)
        super().__init__(learning_rate, **kwargs)

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        start = self.initial_accumulator_value + self.epsilon  # which puts epsilon inside of the root
        kind = _of_optim("Adagrad", self)
        return kind(parameters, float(self.learning_rate), initial_accumulator_value=start, eps=0.0)


class Adadelta(Optimizer):
    """Zeiler, 2012: the step is g sqrt(d + epsilon) / sqrt(v + epsilon), v and d running means of its squares and
    g's; w -= lr step.
    """

    def __init__(
        self, learning_rate: LearningRate = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **kwargs: Any
    ) -> None:
        self.rho = rho
        self.epsilon = _epsilon(epsilon)
        super().__init__(learning_rate, **kwargs)

    def make(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        return _of_optim("Adadelta", self)(parameters, float(self.learning_rate), self.rho, self.epsilon)


def _epsilon(given: float | None) -> float:
    """Keras 2 has None for its own."""
    return 1e-7 if given is None else given


def _of_optim(name: str, own: Optimizer) -> Any:
    """fastnn's optimizer of a name.

    Raises:
        ValueError: this version has none.
    """
    kind = getattr(optim, name, None)
    if kind is None:
        raise ValueError(f"fastnn.optim has no {name} for {type(own).__name__}: use Adam, RMSprop or SGD")
    return kind


_KNOWN: dict[str, type[Optimizer]] = {
    kind.__name__.lower(): kind for kind in (SGD, RMSprop, Adam, AdamW, Nadam, Adamax, Adagrad, Adadelta)
}


def get(given: Any) -> Optimizer:
    """The optimizer of a name, a class, a config or an object.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    return resolve("optimizer", given, _KNOWN, Optimizer)
