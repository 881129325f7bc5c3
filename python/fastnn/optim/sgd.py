"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from fastnn import _core
from fastnn.optim.optimizer import Optimizer, Params, check_number


class SGD(Optimizer):
    """w -= lr d, with momentum, dampening, Nesterov's form and weight decay as PyTorch has them.

    The momentum ends at zero (:class:`Optimizer`).

    Raises:
        ValueError: nesterov without momentum or with dampening, or a hyper-parameter out of range.
    """

    slots = ("momentum_buffer",)
    counts_steps = False

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_group(self, group: dict[str, Any]) -> None:
        check_number("SGD", "lr", group["lr"], 0.0)
        check_number("SGD", "momentum", group["momentum"], 0.0)
        check_number("SGD", "weight_decay", group["weight_decay"], 0.0)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("SGD: nesterov needs a momentum above 0 and no dampening")

    def active_slots(self, group: dict[str, Any]) -> tuple[str, ...]:
        return self.slots if group["momentum"] else ()

    def new_settings(self) -> _core.SgdSettings:
        return _core.SgdSettings()

    def configure(self, settings: _core.SgdSettings, group: dict[str, Any]) -> None:
        for name in ("lr", "momentum", "dampening", "weight_decay", "nesterov"):
            setattr(settings, name, group[name])
