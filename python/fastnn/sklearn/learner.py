"""Epochs of compiled steps, several in one call: between small ones, Python would take more time than they do."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fastnn.engine.plan import Criterion, Part
from fastnn.errors import NonFiniteLossError
from fastnn.nn.parameter import Parameter
from fastnn.optim.optimizer import Optimizer
from fastnn.sklearn.layers import Layers
from fastnn.training.engines import PlanEngine
from fastnn.training.feed import Feed


class Learner:
    """Trains layers of its own."""

    def __init__(self, layers: Layers, criterion: Criterion, optimizer: Optimizer) -> None:
        self.layers, self.criterion, self.optimizer = layers, criterion, optimizer
        self.engine = PlanEngine(layers, criterion, optimizer)

    def write(self, coefs: Iterable[np.ndarray], intercepts: Iterable[np.ndarray]) -> None:
        """The layers go on from these."""
        for params, arrays in zip(self._params(), (coefs, intercepts), strict=True):
            for param, array in zip(params, arrays, strict=True):
                param._data[...] = array.T

    def learned(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """coefs and intercepts as they are now, in arrays of their own."""
        coefs, intercepts = ([np.array(param._data.T, order="C") for param in some] for some in self._params())
        return coefs, intercepts

    def _params(self) -> tuple[list[Parameter], list[Parameter]]:
        return self.layers.of("weight"), self.layers.of("bias")

    def restart(self, seed: int) -> None:
        """As new: without running values, and with dropout's first draw of a seed."""
        self.optimizer.state.clear()
        for module in self._dropouts():
            module.seed, module.calls = seed, 0

    def epochs(self, data: Feed, orders: np.ndarray, batch: int) -> list[float]:
        """One epoch along each of the orders (epochs, samples), int64; the mean loss of each, of fewer after Ctrl-C.

        Raises:
            NonFiniteLossError: a loss became NaN or infinite.
        """
        epochs, samples = orders.shape
        cut = samples - samples % batch
        parts = [self._part(data, orders[:, :cut], batch)] if cut else []
        parts += [self._part(data, orders[:, cut:], samples - cut)] if cut < samples else []
        sizes = (batch if cut else samples, samples - cut)
        # The penalty is shared by the samples of a batch, also of a smaller one.
        decays = [self.optimizer.param_groups[0]["weight_decay"] * batch / max(size, 1) for size in sizes]
        try:
            finite = self.engine.plan.run_in_turn(parts, 1 if len(parts) == 1 else epochs, decays)
        except KeyboardInterrupt:
            finite = True
        if not finite:
            rate = self.optimizer.param_groups[0]["lr"]
            text = (
                "the loss became NaN or infinite: training stopped. Scale the inputs and the targets (StandardScaler), "
                f"look for values that are far too large, or try a lower learning_rate_init than {rate:g}"
            )
            raise NonFiniteLossError(text)
        sums = [
            [size * math.fsum(row) for row in losses.reshape(epochs, -1).tolist()]
            for size, (_, _, losses) in zip(sizes, parts, strict=False)
        ]
        means = [math.fsum(of_one) / samples for of_one in zip(*sums, strict=True)]
        return [mean for mean in means if not math.isnan(mean)]  # those that came to their end

    def _part(self, data: Feed, orders: np.ndarray, size: int) -> Part:
        """The batches of one size of all epochs."""
        program = self.engine.plan.train_program(data.x[:size], data.y[:size])
        order = orders.reshape(-1)
        return program, data.source(order), np.full(len(order) // size, np.nan, dtype=program.dtype)

    def outputs(self, data: Feed) -> np.ndarray:
        """What the layers give for rows, without dropout."""
        return self.engine.outputs(data)

    def set(self, **settings: Any) -> None:
        """Hyper-parameters of all parameters."""
        for group in self.optimizer.param_groups:
            group.update(settings)

    def state(self) -> dict[str, Any]:
        """The optimizer's running values as plain arrays, and how many draws dropout has made."""
        kept = self.optimizer.state_dict()["state"]
        arrays = {number: {name: _plain(value) for name, value in values.items()} for number, values in kept.items()}
        return {"optimizer": arrays, "calls": [module.calls for module in self._dropouts()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from what :meth:`state` gave."""
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state["optimizer"]})
        for module, calls in zip(self._dropouts(), state["calls"], strict=True):
            module.calls = calls

    def _dropouts(self) -> list[Any]:
        return [module for module in self.layers.modules() if hasattr(module, "calls")]


def _plain(value: Any) -> Any:
    return value.numpy().copy() if hasattr(value, "numpy") else value


# To record a step takes some 2 ms, a tenth of a fit of a small table. Of searches and cross-validations most fits are
# alike but for numbers, so the last few learners are kept for the next fit.
_FEW, _SMALL = 8, 16 * 2**20  # learners, and bytes of one
_idle: list[tuple[Any, Learner]] = []
_lock = threading.Lock()


def taken(key: Any) -> Learner | None:
    """An idle learner for the same recordings, which nobody else gets until it is put back."""
    with _lock:
        for place in reversed(range(len(_idle))):
            if _idle[place][0] == key:
                return _idle.pop(place)[1]
    return None


def put_back(key: Any, learner: Learner) -> None:
    """For the next fit."""
    if learner.engine.plan.nbytes() <= _SMALL:
        with _lock:
            _idle.append((key, learner))
            del _idle[:-_FEW]
