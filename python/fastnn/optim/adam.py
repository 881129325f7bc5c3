"""Adam and AdamW, and what their kin has in common with them."""

from __future__ import annotations

from typing import Any

from fastnn import _core
from fastnn.optim.optimizer import Optimizer, Params, check_number


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): w -= lr m_hat / (sqrt(v_hat) + eps), weight_decay added to the gradient.

    betas: how much of the running mean of gradients and of their squares is kept each step. Means end at zero
    (:class:`Optimizer`): gradients below e = sqrt(2^-126 / (1 - beta2)), 3e-18, do not count in that of squares, and an
    eps sqrt(1 - beta2^t) below e counts as e (float64: 2^-1022, 5e-153).
    """

    slots = ("exp_avg", "exp_avg_sq")
    decoupled = False

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def check_group(self, group: dict[str, Any]) -> None:
        check_betas(type(self).__name__, group)

    def new_settings(self) -> _core.AdamSettings:
        settings = _core.AdamSettings()
        settings.decoupled = self.decoupled
        return settings

    def configure(self, settings: _core.AdamSettings, group: dict[str, Any]) -> None:
        settings.lr, settings.eps, settings.weight_decay = group["lr"], group["eps"], group["weight_decay"]
        settings.beta1, settings.beta2 = group["betas"]


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019): w *= 1 - lr weight_decay first."""

    decoupled = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, maximize=maximize)


def check_betas(optimizer: str, group: dict[str, Any]) -> None:
    """Refuses a group's lr, betas, eps and weight_decay out of range."""
    for name in ("lr", "eps", "weight_decay"):
        check_number(optimizer, name, group[name], 0.0)
    for i, beta in enumerate(group["betas"]):
        check_number(optimizer, f"betas[{i}]", beta, 0.0, 1.0, below=True)
