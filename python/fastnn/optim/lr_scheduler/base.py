"""What the schedules have in common: the count of epochs, the rates of the groups, the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastnn.optim.optimizer import Optimizer


class LRScheduler:
    """Base of the schedules; one of your own has a ``get_lr()``.

    Made, it sets the rates of epoch 0. Rates follow from the present ones, so schedules of one optimizer add up, and a
    rate set by hand is gone on from.

    Args:
        last_epoch: the epoch that a saved run had reached; -1 for a new one.

    Attributes:
        base_lrs: each group's first rate, ``initial_lr`` in the group.
        last_epoch: epochs so far.

    Raises:
        TypeError: no optimizer.
        KeyError: a last_epoch, but groups that have had no schedule.
    """

    _is_initial = False  # while the rates of epoch 0 are set

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked_optimizer(self, optimizer)
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{number}]: with last_epoch={last_epoch}, "
                    f"load the optimizer's state before the schedule is made, or leave last_epoch out"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[float]:
        """The rate of each group at ``last_epoch``, of those that they have; asked once by each step."""
        raise NotImplementedError(f"{type(self).__name__} has no get_lr(): return a list, the rate of each group")

    def step(self, epoch: int | None = None) -> None:
        """The next epoch's rates, or those of an epoch (by the formula, where there is one)."""
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        formula = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
        self._set(self.get_lr() if formula is None else formula())

    def _set(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = self._present()

    def _present(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """The rate of each group that the last step set."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer, whose own state has to be saved beside it."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Takes over what :meth:`state_dict` gave. The rates themselves are in the optimizer's state.

        Raises:
            ValueError: not a schedule's state.
        """
        if "_last_lr" not in state_dict:
            kind = type(self).__name__
            raise ValueError(f"this is no state of a {kind}, which has a '_last_lr': pass what its state_dict() gave")
        self.__dict__.update(state_dict)


class _LRScheduler(LRScheduler):
    """The base's former name in PyTorch."""


def checked_optimizer(schedule: LRScheduler, optimizer: Any) -> Optimizer:
    """Raises TypeError for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{type(schedule).__name__}: the first argument must be an optimizer, got a {type(optimizer).__name__}"
        )
    return optimizer


def each_group(optimizer: Optimizer, name: str, value: Any) -> list[Any]:
    """One value for all groups, or a list of one each.

    Raises:
        ValueError: as many values as there are no groups.
    """
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(f"{name} has {len(value)} values, the optimizer has {groups} parameter groups: give one each")
    return list(value)
