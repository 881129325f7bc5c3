"""Optimizers whose step is written in NumPy: what they have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import _core
from fastnn.nn.parameter import Parameter
from fastnn.optim.optimizer import Optimizer, State


class ElementwiseOptimizer(Optimizer):
    """A step is +, -, *, / and square roots of elements, each rounded as IEEE 754 has it: the same bits everywhere.

    It has no compiled form: training goes on eagerly. Running averages fade through the subnormal numbers, as PyTorch's
    do.
    """

    def next_values(
        self, w: np.ndarray, grad: np.ndarray, state: State, group: dict[str, Any]
    ) -> tuple[np.ndarray, State]:
        """The parameter after a step, and what changes in its state; ``state["step"]`` is that step's number already.
        Nothing that it is given changes.
        """
        raise NotImplementedError

    def _updates_of(self, group: dict[str, Any], states: dict[Parameter, State]) -> dict[Parameter, Any]:
        numbers = {name: float(value) if isinstance(value, np.generic) else value for name, value in group.items()}
        updates = {}
        for param in group["params"]:
            if param.grad is not None:
                updates[param] = self._update_of(param, numbers, states.get(param) or self.state_of(param, group))
        return updates

    def _update_of(self, param: Parameter, group: dict[str, Any], state: State) -> Any:
        """The parameter's memory, what becomes of it, its state, what becomes of that."""
        w, step = param._data, state["step"] + 1
        grad = -param.grad._data if group["maximize"] else param.grad._data
        if grad.dtype != w.dtype or grad.shape != w.shape:
            raise TypeError(
                f"{type(self).__name__}: the gradient is {grad.dtype} of shape {grad.shape}, "
                f"its parameter {w.dtype} of shape {w.shape}"
            )
        with np.errstate(all="ignore"):
            new, changes = self.next_values(w, grad, {**state, "step": step}, group)
        return w, np.asarray(new), state, {**changes, "step": step}

    def _apply(self, updates: list[Any]) -> None:
        _core.replace([update[:2] for update in updates], [update[2:] for update in updates])


def decayed(w: np.ndarray, grad: np.ndarray, group: dict[str, Any]) -> np.ndarray:
    """grad + weight_decay w."""
    return grad + group["weight_decay"] * w if group["weight_decay"] else grad


def decay(w: np.ndarray, grad: np.ndarray, group: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """w and grad with the weight decay in one of them: in w where ``decoupled_weight_decay``."""
    if group["decoupled_weight_decay"]:
        return w * (1 - group["lr"] * group["weight_decay"]), grad
    return w, decayed(w, grad, group)
