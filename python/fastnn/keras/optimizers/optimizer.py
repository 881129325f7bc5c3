"""What Keras' optimizers have in common: a learning rate that may follow a schedule, clipping, and their state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np

from fastnn import optim
from fastnn.keras.named import Configured, known, snake
from fastnn.keras.optimizers.schedules import KINDS, InverseTimeDecay, LearningRateSchedule
from fastnn.nn.parameter import Parameter


class Rate(float):
    """A learning rate as a number that can be set: ``assign(0.01)``, ``numpy()``."""

    _owner: Optimizer

    def numpy(self) -> np.float32:
        return np.float32(self)

    @property
    def value(self) -> float:
        return float(self)

    def assign(self, rate: float) -> None:
        """Sets the optimizer's."""
        self._owner.learning_rate = rate  # type: ignore[assignment]


class Count(int):
    """A number of steps: ``numpy()`` as well."""

    def numpy(self) -> np.int64:
        return np.int64(self)


class Optimizer(Configured):
    """Settings of an optimizer; a model's fit gives it its parameters and keeps its state from call to call.

    learning_rate: a number, or a schedule of :mod:`fastnn.keras.optimizers.schedules`. clipvalue: gradients are kept
    within +-clipvalue; clipnorm: each weight's gradient has at most this length; global_clipnorm: all together. (With
    these, steps run in Python, slower.) decay: of Keras 1 and 2, learning_rate / (1 + decay steps).

    Raises:
        ValueError: a setting out of range.
    """

    former: ClassVar = {"lr": "learning_rate"}
    refused: ClassVar = {
        "use_ema": "keep the averages in a callback",
        "ema_momentum": "keep the averages in a callback",
        "ema_overwrite_frequency": "keep the averages in a callback",
        "loss_scale_factor": "float32 needs none",
        "gradient_accumulation_steps": "use a larger batch_size",
        "amsgrad": "plain Adam is what there is",
        "centered": "plain RMSprop is what there is",
        "weight_decay": "AdamW has it; kernel_regularizer=l2(...) does the same for SGD",
        "jit_compile": "steps are compiled anyway",
        "schedule_decay": "it is 0.96 as in Keras 3",
    }

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        name: str | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        decay: float = 0.0,
    ) -> None:
        self.name = snake(type(self).__name__) if name is None else name
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.decay = decay
        self._check_clips()
        if isinstance(learning_rate, Mapping):
            learning_rate = known("schedule", learning_rate["class_name"], KINDS)(**learning_rate["config"])
        if decay and not callable(learning_rate):
            learning_rate = InverseTimeDecay(float(learning_rate), 1, decay)
        self.schedule = learning_rate if callable(learning_rate) else None
        self._steps = 0
        self._learning_rate = float(self.schedule(0) if self.schedule is not None else learning_rate)
        self._optimizer: optim.Optimizer | None = None
        self._awaited: Mapping[str, Any] | None = None  # a state for when the parameters are known
        self.check()

    @property
    def learning_rate(self) -> Rate:
        """The present one. May be changed at any time, where there is no schedule."""
        rate = Rate(self._learning_rate)
        rate._owner = self
        return rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if self.schedule is not None and not self.decay:
            raise TypeError(
                f"{type(self).__name__} was made with a schedule as its learning_rate, which cannot be set: "
                "make it with a number"
            )
        self.schedule = None
        self._set_rate(float(value))

    lr = learning_rate

    def _set_rate(self, value: float) -> None:
        before, self._learning_rate = self._learning_rate, value
        self.check()
        if self._optimizer is not None and before != value:
            _rescale_momentum(self._optimizer, before, value)
            for group in self._optimizer.param_groups:
                group["lr"] = value

    @property
    def iterations(self) -> Count:
        """Steps done."""
        return Count(self._steps)

    def stepped(self, steps: int) -> None:
        """So many steps more are done: the rate of the next is set."""
        self._steps += steps
        if self.schedule is not None:
            self._set_rate(float(self.schedule(self._steps)))

    @property
    def clips(self) -> bool:
        """Whether gradients are clipped."""
        return any(each is not None for each in (self.clipnorm, self.clipvalue, self.global_clipnorm))

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
            if self.clips:
                self._optimizer.step = partial(self._clipped_step, self._optimizer.step)  # type: ignore[method-assign]
            if self._awaited is not None:
                self._take(self._awaited)
        return self._optimizer  # type: ignore[return-value]

    # -- files -------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The arguments that make it again; a schedule as class and config."""
        found = super().get_config()
        if self.schedule is not None and not self.decay:
            found["learning_rate"] = {"class_name": type(self.schedule).__name__, "config": self.schedule.get_config()}
        elif self.schedule is not None:
            found["learning_rate"] = self.schedule.initial_learning_rate
        elif self.decay:
            found["decay"] = 0.0  # the rate was set by hand since
        return found

    def state(self) -> dict[str, Any]:
        """Steps done and, of each weight, running values by name."""
        if self._optimizer is None:
            return {"steps": self._steps, "slots": []}
        kept = [self._optimizer.state.get(p, {}) for p in self._optimizer.param_groups[0]["params"]]
        return {"steps": self._steps, "slots": kept}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what :meth:`state` gave, once it knows its parameters."""
        self._steps = int(state["steps"])
        if self.schedule is not None:
            self._learning_rate = float(self.schedule(self._steps))
        self._awaited = state if state["slots"] else None

    def _take(self, state: Mapping[str, Any]) -> None:
        own, self._awaited = self._optimizer, None
        assert own is not None
        numbered = {i: values for i, values in enumerate(state["slots"]) if values}
        wanted = {"step", *own.active_slots(own.param_groups[0])}
        for number, values in numbered.items():
            if not wanted <= values.keys():
                lacking = ", ".join(sorted(wanted - values.keys()))
                raise ValueError(f"the optimizer's state of weight {number} lacks {lacking}")
        own.load_state_dict({"state": numbered, "param_groups": own.state_dict()["param_groups"]})

    # -- clipping ----------------------------------------------------------------------------------------------------

    def _check_clips(self) -> None:
        given = {name: getattr(self, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) > 1:
            raise ValueError(f"{type(self).__name__}: give only one of {', '.join(given)}")
        for name, value in given.items():
            if not value > 0:
                raise ValueError(f"{type(self).__name__}: {name} is {value}; it must be positive")

    def _clipped_step(self, step: Callable[..., Any], closure: Any = None) -> Any:
        assert self._optimizer is not None
        gradients = [p.grad._data for p in self._optimizer.param_groups[0]["params"] if p.grad is not None]
        if self.clipvalue is not None:
            for gradient in gradients:
                np.clip(gradient, -self.clipvalue, self.clipvalue, out=gradient)
        elif self.clipnorm is not None:
            for gradient in gradients:
                _shorten([gradient], self.clipnorm)
        else:
            _shorten(gradients, self.global_clipnorm or 0.0)
        return step(closure)


def _shorten(gradients: list[np.ndarray], longest: float) -> None:
    """In place, to a length of all together."""
    length = float(np.sqrt(sum(np.square(gradient, dtype=np.float64).sum() for gradient in gradients)))
    if length > longest:
        for gradient in gradients:
            gradient *= longest / length


def _rescale_momentum(optimizer: optim.Optimizer, before: float, after: float) -> None:
    """Keras' momentum is a sum of steps, each with the rate of its time; ours of gradients, times the present rate."""
    for state in optimizer.state.values():
        if "momentum_buffer" in state and after > 0:
            state["momentum_buffer"] *= before / after
