"""Several schedules of one optimizer as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from fastnn.optim.lr_scheduler.base import LRScheduler
from fastnn.optim.lr_scheduler.plateau import ReduceLROnPlateau
from fastnn.optim.optimizer import Optimizer


class _Combined(LRScheduler):
    """Schedules, all of one optimizer, none of which waits for a metric."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        name = type(self).__name__
        if len(schedulers) < 1:
            raise ValueError(f"{name} got no schedulers: pass a list of at least one")
        self.optimizer = optimizer or schedulers[0].optimizer
        for number, each in enumerate(schedulers):
            if not isinstance(each, LRScheduler):
                raise TypeError(f"{name}: schedulers[{number}] is a {type(each).__name__}, which is no scheduler")
            if isinstance(each, ReduceLROnPlateau):
                raise ValueError(
                    f"{name}: schedulers[{number}] is a ReduceLROnPlateau, whose step() needs the metric: call its "
                    f"step(metric) beside this one's"
                )
            if each.optimizer is not self.optimizer:
                raise ValueError(f"{name}: schedulers[{number}] belongs to another optimizer than the others")
        self._schedulers = list(schedulers)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_schedulers": [each.state_dict() for each in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Takes over what :meth:`state_dict` gave.

        Raises:
            ValueError: of another number of schedulers.
        """
        states = state_dict.get("_schedulers", ())
        if len(states) != len(self._schedulers):
            own = len(self._schedulers)
            raise ValueError(f"this state is of {len(states)} schedulers, this {type(self).__name__} has {own}")
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_schedulers"})
        for each, state in zip(self._schedulers, states, strict=True):
            each.load_state_dict(state)


class ChainedScheduler(_Combined):
    """Steps all schedulers, one after the other: their factors multiply.

    Raises:
        ValueError: no schedulers, a ReduceLROnPlateau among them, or schedulers of several optimizers.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        super().__init__(schedulers, optimizer)
        self._last_lr = self._present()

    def step(self) -> None:  # type: ignore[override]
        for each in self._schedulers:
            each.step()
        self._last_lr = self._present()


class SequentialLR(_Combined):
    """One scheduler after the other: the next from each of the milestones (epochs) on, where it begins at its epoch 0.

    Raises:
        ValueError: no schedulers, a ReduceLROnPlateau among them, schedulers of several optimizers, or not one
            milestone less than schedulers.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        super().__init__(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones, "
                f"got {len(milestones)}"
            )
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:  # as if none of them had been made yet
            group["lr"] = group["initial_lr"]
        for each in self._schedulers:
            _undo(each)
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        self.last_epoch += 1
        number = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[number]
        if number > 0 and self._milestones[number - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def _undo(schedule: LRScheduler) -> None:
    """Takes back the step that a schedule took when it was made."""
    if isinstance(schedule, _Combined):
        for each in schedule._schedulers:
            _undo(each)
    else:
        schedule.last_epoch -= 1
