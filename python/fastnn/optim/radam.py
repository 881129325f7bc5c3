"""RAdam."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.optim.adam import check_betas
from fastnn.optim.elementwise import ElementwiseOptimizer, decay
from fastnn.optim.optimizer import Params, State


class RAdam(ElementwiseOptimizer):
    """Adam whose first steps are those of a plain momentum, until its mean of squares can be trusted (Liu et al.,
    2020); PyTorch's form, https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html

    m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  m_hat = m / (1 - beta1^t)
    rho = rho_inf - 2 t beta2^t / (1 - beta2^t),  rho_inf = 2 / (1 - beta2) - 1
    rho > 5: w -= lr m_hat r sqrt(1 - beta2^t) / (sqrt(v) + eps), else w -= lr m_hat
    r^2 = (rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho)

    weight_decay is added to the gradient, or (decoupled_weight_decay) w *= 1 - lr weight_decay first; maximize goes up
    instead of down.

    Raises:
        ValueError: a hyper-parameter out of range.
    """

    slots = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **options: Any,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, **options)

    def check_group(self, group: dict[str, Any]) -> None:
        check_betas("RAdam", group)

    def next_values(
        self, w: np.ndarray, grad: np.ndarray, state: State, group: dict[str, Any]
    ) -> tuple[np.ndarray, State]:
        step, (beta1, beta2) = state["step"], map(float, group["betas"])
        w, grad = decay(w, grad, group)
        mean = beta1 * state["exp_avg"] + (1 - beta1) * grad
        square = beta2 * state["exp_avg_sq"] + (1 - beta2) * (grad * grad)
        new = w - group["lr"] / (1 - beta1**step) * mean * _rectified(step, beta2, square, group["eps"])
        return new, {"exp_avg": mean, "exp_avg_sq": square}


def _rectified(step: int, beta2: float, square: np.ndarray, eps: float) -> np.ndarray | float:
    """What m_hat is multiplied with."""
    correction, rho_inf = 1 - beta2**step, 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * step * beta2**step / correction
    if rho <= 5:
        return 1.0
    rectification = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
    return (rectification * correction) ** 0.5 / (np.sqrt(square) + eps)
