"""Adam and AdamW."""

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
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay})

    def check_group(self, group: dict[str, Any]) -> None:
        name = type(self).__name__
        check_number(name, "lr", group["lr"], 0.0)
        check_number(name, "eps", group["eps"], 0.0)
        check_number(name, "weight_decay", group["weight_decay"], 0.0)
        for i, beta in enumerate(group["betas"]):
            check_number(name, f"betas[{i}]", beta, 0.0, 1.0, below=True)

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
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
