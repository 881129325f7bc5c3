"""Adagrad."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.nn.parameter import Parameter
from fastnn.optim.elementwise import ElementwiseOptimizer, decayed
from fastnn.optim.optimizer import Params, State, check_number


class Adagrad(ElementwiseOptimizer):
    """Adagrad (Duchi, Hazan and Singer, 2011): over the root of all squares so far; PyTorch's form,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html

    s += g^2;  w -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)

    weight_decay is added to the gradient; s begins at initial_accumulator_value; maximize goes up instead of down.

    Raises:
        ValueError: a hyper-parameter out of range.
    """

    slots = ("sum",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_group(self, group: dict[str, Any]) -> None:
        for name in ("lr", "lr_decay", "eps", "weight_decay", "initial_accumulator_value"):
            check_number("Adagrad", name, group[name], 0.0)

    def fresh_state(self, param: Parameter, group: dict[str, Any]) -> State:
        return {"step": 0, "sum": np.full_like(param._data, group["initial_accumulator_value"])}

    def next_values(
        self, w: np.ndarray, grad: np.ndarray, state: State, group: dict[str, Any]
    ) -> tuple[np.ndarray, State]:
        grad = decayed(w, grad, group)
        total = state["sum"] + grad * grad
        rate = group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"])
        return w - rate * (grad / (np.sqrt(total) + group["eps"])), {"sum": total}
