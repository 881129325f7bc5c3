"""NAdam."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.nn.parameter import Parameter
from fastnn.optim.adam import check_betas
from fastnn.optim.elementwise import ElementwiseOptimizer, decay
from fastnn.optim.optimizer import Params, State, check_number


class NAdam(ElementwiseOptimizer):
    """Adam with Nesterov's momentum (Dozat, 2016); PyTorch's form,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html

    mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2);  p = mu_1 mu_2 ... mu_t
    m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  v_hat = v / (1 - beta2^t)
    w -= lr (mu_(t+1) m / (1 - p mu_(t+1)) + (1 - mu_t) g / (1 - p)) / (sqrt(v_hat) + eps)

    weight_decay is added to the gradient, or (decoupled_weight_decay) w *= 1 - lr weight_decay first; maximize goes up
    instead of down.

    Raises:
        ValueError: a hyper-parameter out of range.
    """

    slots = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_group(self, group: dict[str, Any]) -> None:
        check_betas("NAdam", group)
        check_number("NAdam", "momentum_decay", group["momentum_decay"], 0.0)

    def fresh_state(self, param: Parameter, group: dict[str, Any]) -> State:
        return {**super().fresh_state(param, group), "mu_product": 1.0}

    def next_values(
        self, w: np.ndarray, grad: np.ndarray, state: State, group: dict[str, Any]
    ) -> tuple[np.ndarray, State]:
        step, lr, (beta1, beta2) = state["step"], group["lr"], map(float, group["betas"])
        w, grad = decay(w, grad, group)
        mu, following = (beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
        product = state["mu_product"] * mu
        mean = beta1 * state["exp_avg"] + (1 - beta1) * grad
        square = beta2 * state["exp_avg_sq"] + (1 - beta2) * (grad * grad)
        below = np.sqrt(square / (1 - beta2**step)) + group["eps"]
        new = w - lr * (1 - mu) / (1 - product) * (grad / below)
        new = new - lr * following / (1 - product * following) * (mean / below)
        return new, {"exp_avg": mean, "exp_avg_sq": square, "mu_product": product}
