"""Adamax."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.optim.adam import check_betas
from fastnn.optim.elementwise import ElementwiseOptimizer, decayed
from fastnn.optim.optimizer import Params, State


class Adamax(ElementwiseOptimizer):
    """Adam with the largest gradient of late in place of the root of squares (Kingma and Ba, 2015, section 7.1);
    PyTorch's form, https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html

    m = beta1 m + (1 - beta1) g;  u = max(beta2 u, |g| + eps);  w -= lr / (1 - beta1^t) m / u

    weight_decay is added to the gradient; maximize goes up instead of down.

    Raises:
        ValueError: a hyper-parameter out of range.
    """

    slots = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def check_group(self, group: dict[str, Any]) -> None:
        check_betas("Adamax", group)

    def next_values(
        self, w: np.ndarray, grad: np.ndarray, state: State, group: dict[str, Any]
    ) -> tuple[np.ndarray, State]:
        (beta1, beta2), grad = map(float, group["betas"]), decayed(w, grad, group)
        mean = beta1 * state["exp_avg"] + (1 - beta1) * grad
        most = np.maximum(beta2 * state["exp_inf"], np.abs(grad) + group["eps"])
        rate = group["lr"] / (1 - beta1 ** state["step"])
        return w - rate * (mean / most), {"exp_avg": mean, "exp_inf": most}
