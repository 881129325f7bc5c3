"""Schedules by a function of the user's."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastnn.optim.lr_scheduler.base import LRScheduler, checked_optimizer, each_group
from fastnn.optim.optimizer import Optimizer

Factor = Callable[[int], float]


class LambdaLR(LRScheduler):
    """The first lr times lr_lambda(epoch), from epoch 0 on.

    Args:
        lr_lambda: a function of the epoch, or a list of one for each parameter group.

    Raises:
        TypeError: no function.
        ValueError: more or fewer functions than groups.
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1) -> None:
        self.lr_lambdas = each_group(checked_optimizer(self, optimizer), "lr_lambda", lr_lambda)
        for each in self.lr_lambdas:
            if not callable(each):
                raise TypeError(f"lr_lambda should be a function of the epoch, got a {type(each).__name__}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * factor(self.last_epoch) for factor, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Functions are left out; of objects that can be called, their fields are kept."""
        return {**super().state_dict(), "lr_lambdas": [fields_of(each) for each in self.lr_lambdas]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "lr_lambdas"})
        for each, fields in zip(self.lr_lambdas, state_dict.get("lr_lambdas", ()), strict=False):
            if fields is not None:
                each.__dict__.update(fields)


class MultiplicativeLR(LambdaLR):
    """lr times lr_lambda(epoch) each epoch, from epoch 1 on."""

    def get_lr(self) -> list[float]:
        if self._is_initial:
            return self._present()
        return [lr * factor(self.last_epoch) for factor, lr in zip(self.lr_lambdas, self._present(), strict=True)]


def fields_of(function: Any) -> dict[str, Any] | None:
    """What a state keeps of a function: nothing, or an object's fields."""
    if isinstance(function, types.FunctionType) or not hasattr(function, "__dict__"):
        return None
    return dict(function.__dict__)
