"""RMSprop."""

from __future__ import annotations

from typing import Any

from fastnn import _core
from fastnn.optim.optimizer import Optimizer, Params, check_number


class RMSprop(Optimizer):
    """RMSprop (Hinton, lecture 6e, 2012): w -= lr g / (sqrt(mean g^2) + eps), optional momentum; PyTorch's form.

    Means end at zero (:class:`Optimizer`): gradients below e = sqrt(2^-126 / (1 - alpha)), 1e-18, do not count in that
    of squares, and an eps below e counts as e (float64: 2^-1022, 1.5e-153).
    """

    slots = ("square_avg", "momentum_buffer")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_group(self, group: dict[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay", "momentum"):
            check_number("RMSprop", name, group[name], 0.0)
        check_number("RMSprop", "alpha", group["alpha"], 0.0, 1.0)

    def active_slots(self, group: dict[str, Any]) -> tuple[str, ...]:
        return self.slots if group["momentum"] else self.slots[:1]

    def new_settings(self) -> _core.RmspropSettings:
        return _core.RmspropSettings()

    def configure(self, settings: _core.RmspropSettings, group: dict[str, Any]) -> None:
        for name in ("lr", "alpha", "eps", "weight_decay", "momentum"):
            setattr(settings, name, group[name])
