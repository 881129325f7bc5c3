"""Schedules that go up and down: in cycles, with restarts, or once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from fastnn.optim.lr_scheduler.base import LRScheduler, checked_optimizer, each_group
from fastnn.optim.lr_scheduler.factors import fields_of
from fastnn.optim.lr_scheduler.recursive import check_count
from fastnn.optim.optimizer import Optimizer

Rates = float | list[float]


class CyclicLR(LRScheduler):
    """From base_lr up to max_lr in step_size_up steps and down in step_size_down, again and again (Smith, 2017).

    Call ``step()`` after each batch. The momentum (Adam: beta1) goes the other way, from max_momentum to base_momentum.

    Args:
        mode: "triangular"; "triangular2": each cycle half as high as the last; "exp_range": times gamma^steps.
        scale_fn: in place of a mode, the height as a function of the cycle (from 1) or of the steps: scale_mode "cycle"
            or "iterations".

    Raises:
        ValueError: an unknown mode, an optimizer without momentum, or values for other groups.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Rates,
        max_lr: Rates,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Rates = 0.8,
        max_momentum: Rates = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(f"CyclicLR: mode is {mode!r}; it must be 'triangular', 'triangular2' or 'exp_range'")
        if step_size_up + (step_size_up if step_size_down is None else step_size_down) <= 0:
            raise ValueError(f"CyclicLR: step_size_up is {step_size_up}; a cycle must have steps")
        base_lrs = each_group(checked_optimizer(self, optimizer), "base_lr", base_lr)
        self.max_lrs = each_group(optimizer, "max_lr", max_lr)
        up, down = float(step_size_up), float(step_size_up if step_size_down is None else step_size_down)
        self.total_size = up + down
        self.step_ratio = up / self.total_size
        self.mode, self.gamma = mode, gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums, self.use_beta1 = _momentums(
                self, optimizer, base_momentum, max_momentum, last_epoch
            )
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, base_lrs, strict=True):
                group["lr"] = rate
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The height of a cycle, or at a step."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "exp_range":
            return self.gamma**x
        return 1 / 2.0 ** (x - 1) if self.mode == "triangular2" else 1.0

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            limits = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, base, most in limits:
                _set_momentum(group, most - (most - base) * height * scale, self.use_beta1)
        return [base + (most - base) * height * scale for base, most in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_scale_fn_custom": fields_of(self._scale_fn_custom)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        fields = state_dict.get("_scale_fn_custom")
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_scale_fn_custom"})
        if fields is not None:
            self._scale_fn_custom.__dict__.update(fields)


class CosineAnnealingWarmRestarts(LRScheduler):
    """From lr down to eta_min along half a cosine over T_0 epochs, then from lr again, each time over T_mult as many
    (SGDR; Loshchilov and Hutter, 2017).

    Raises:
        ValueError: T_0 or T_mult below 1.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        check_count("CosineAnnealingWarmRestarts", "T_0", T_0)
        check_count("CosineAnnealingWarmRestarts", "T_mult", T_mult)
        self.T_0 = self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        share = math.cos(math.pi * self.T_cur / self.T_i)
        return [self.eta_min + (base - self.eta_min) * (1 + share) / 2 for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:  # type: ignore[override]
        """The next epoch, or any, such as ``epoch + batch / batches``.

        Raises:
            ValueError: an epoch below 0.
        """
        self._update_lr(0 if epoch is None and self.last_epoch < 0 else epoch)

    def _update_lr(self, epoch: float | None = None) -> None:  # type: ignore[override]
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: epoch is {epoch}; it must be at least 0")
        else:
            self._go_to(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())

    def _go_to(self, epoch: float) -> None:
        """The restart that an epoch is behind, and how far. They begin at T_0 (T_mult^n - 1) / (T_mult - 1)."""
        if self.T_mult == 1:
            self.T_i, self.T_cur = self.T_0, epoch % self.T_0
            return
        self.T_i, self.T_cur = self.T_0, epoch
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr, then down to that / final_div_factor, once (Smith and Topin, 2019).

    Call ``step()`` after each batch. The momentum (Adam: beta1) goes from max_momentum to base_momentum and back.

    Args:
        total_steps: all steps; or give epochs and steps_per_epoch.
        pct_start: the share of steps that goes up.
        anneal_strategy: "cos" or "linear".
        three_phase: down in two parts: as steeply as up, then to the end.

    Raises:
        ValueError: no steps, a step behind the last, an unknown strategy, or an optimizer without momentum.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Rates,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Rates = 0.85,
        max_momentum: Rates = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
            check_count("OneCycleLR", "epochs", epochs)
            check_count("OneCycleLR", "steps_per_epoch", steps_per_epoch)
            total_steps = epochs * steps_per_epoch
        check_count("OneCycleLR", "total_steps", total_steps)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start is {pct_start}; it must be a share from 0 to 1")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy is {anneal_strategy!r}; it must be 'cos' or 'linear'")
        self.total_steps = total_steps
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(total_steps, float(pct_start), three_phase)
        rates = each_group(checked_optimizer(self, optimizer), "max_lr", max_lr)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            *_, self.use_beta1 = _momentums(self, optimizer, base_momentum, max_momentum, last_epoch)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["initial_lr"], group["max_lr"] = rate / div_factor, rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step, begin = self.last_epoch, 0.0
        if step > self.total_steps:
            raise ValueError(
                f"OneCycleLR: tried to step {step} times, the number of total steps is {self.total_steps}: call step() "
                f"once a batch and give it all batches of all epochs"
            )
        for phase in self._schedule_phases[:-1]:
            if step <= phase["end_step"]:
                break
            begin = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        share = (step - begin) / (phase["end_step"] - begin)
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            for group in groups:
                start, end = group[phase["start_momentum"]], group[phase["end_momentum"]]
                _set_momentum(group, self._anneal(start, end, share), self.use_beta1)
        return [self._anneal(group[phase["start_lr"]], group[phase["end_lr"]], share) for group in groups]

    def _anneal(self, start: float, end: float, share: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


def _phases(steps: int, up: float, three: bool) -> list[dict[str, Any]]:
    """Where each phase of OneCycleLR ends, and between which of a group's values it goes."""
    names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
    rising = (up * steps - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    falling = (steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")
    back = (2 * up * steps - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
    ending = (steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum")
    rows = (rising, back, ending) if three else (rising, falling)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _momentums(
    schedule: LRScheduler, optimizer: Optimizer, base: Rates, most: Rates, last_epoch: int
) -> tuple[list[float], list[float], bool]:
    """Each group's least and most momentum, and whether it is a beta; a new schedule begins at the most."""
    use_beta1 = "betas" in optimizer.defaults
    if not use_beta1 and "momentum" not in optimizer.defaults:
        raise ValueError(
            f"{type(schedule).__name__}: {type(optimizer).__name__} has neither a momentum nor betas: pass "
            f"cycle_momentum=False"
        )
    bases, mosts = each_group(optimizer, "base_momentum", base), each_group(optimizer, "max_momentum", most)
    if last_epoch == -1:
        for group, low, high in zip(optimizer.param_groups, bases, mosts, strict=True):
            _set_momentum(group, high, use_beta1)
            group["max_momentum"], group["base_momentum"] = high, low
    return bases, mosts, use_beta1


def _set_momentum(group: dict[str, Any], value: float, use_beta1: bool) -> None:
    if use_beta1:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value
