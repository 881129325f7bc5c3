"""Adadelta."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.optim.elementwise import ElementwiseOptimizer, decayed
from fastnn.optim.optimizer import Params, State, check_number


class Adadelta(ElementwiseOptimizer):
    """Adadelta (Zeiler, 2012): steps as long as those of late were, over gradients as large as those of late; PyTorch's
    form, https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html

    v = rho v + (1 - rho) g^2;  d = sqrt(u + eps) / sqrt(v + eps) g;  u = rho u + (1 - rho) d^2;  w -= lr d

    weight_decay is added to the gradient; maximize goes up instead of down.

    Raises:
        ValueError: a hyper-parameter out of range.
    """

    slots = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def check_group(self, group: dict[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay"):
            check_number("Adadelta", name, group[name], 0.0)
        check_number("Adadelta", "rho", group["rho"], 0.0, 1.0)

    def next_values(
        self, w: np.ndarray, grad: np.ndarray, state: State, group: dict[str, Any]
    ) -> tuple[np.ndarray, State]:
        rho, eps, grad = group["rho"], group["eps"], decayed(w, grad, group)
        square = rho * state["square_avg"] + (1 - rho) * (grad * grad)
        delta = np.sqrt(state["acc_delta"] + eps) / np.sqrt(square + eps) * grad
        acc_delta = rho * state["acc_delta"] + (1 - rho) * (delta * delta)
        return w - group["lr"] * delta, {"square_avg": square, "acc_delta": acc_delta}
