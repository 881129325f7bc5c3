"""ReduceLROnPlateau: a schedule that waits for a metric."""

from __future__ import annotations

import math
from typing import Any, SupportsFloat

from fastnn.optim.lr_scheduler.base import LRScheduler, checked_optimizer, each_group
from fastnn.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """lr times factor once ``step(metric)`` has brought nothing better for more than patience epochs.

    Args:
        mode: "min": lower is better (a loss); "max": higher (an accuracy).
        threshold: what counts as better: by this share of the best (threshold_mode "rel"), or by so much ("abs").
        cooldown: epochs after a reduction that are not counted.
        min_lr: no rate goes below; one for all groups or a list of one each.
        eps: smaller changes of a rate are not made.
        verbose: print each reduction.

    Raises:
        ValueError: a factor of 1 or more, an unknown mode, or min_lr for other groups.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
        verbose: bool = False,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor is {factor}; it must be below 1")
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode is {mode!r}; it must be 'min' (a loss) or 'max' (an accuracy)")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: threshold_mode is {threshold_mode!r}; it must be 'rel' or 'abs'")
        self.optimizer = checked_optimizer(self, optimizer)
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.factor, self.patience, self.cooldown, self.eps, self.verbose = factor, patience, cooldown, eps, verbose
        self.min_lrs = each_group(optimizer, "min_lr", min_lr)
        self.default_min_lr = None if isinstance(min_lr, list | tuple) else min_lr
        self.last_epoch = 0
        self._last_lr = self._present()
        self._reset()

    def _reset(self) -> None:
        self.best = math.inf if self.mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        return self.cooldown_counter > 0

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """After an epoch, with its metric: a number or a tensor of one."""
        current = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._present()

    def _is_better(self, current: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        least = self.best * (1 + sign * self.threshold) if self.threshold_mode == "rel" else None
        least = self.best + sign * self.threshold if least is None else least
        return current < least if self.mode == "min" else current > least

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):  # some were added since
            least = self.min_lrs if self.default_min_lr is None else self.default_min_lr
            self.min_lrs = each_group(self.optimizer, "min_lr", least)
        for number, (group, least) in enumerate(zip(groups, self.min_lrs, strict=True)):
            before = float(group["lr"])
            rate = max(before * self.factor, least)
            if before - rate > self.eps:
                group["lr"] = rate
                if self.verbose:
                    print(f"Epoch {self.last_epoch:5d}: reducing learning rate of group {number} to {rate:.4e}.")

    def load_state_dict(self, state_dict: Any) -> None:
        """Takes over what :meth:`state_dict` gave."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "mode_worse"})
