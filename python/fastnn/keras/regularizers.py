"""Regularizers: what a layer's weights add to the loss, and through it to the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn.eager.tensor import Tensor
from fastnn.keras.named import Configured, resolve

Penalty = Callable[[Tensor], Tensor]


class Regularizer(Configured):
    """Base: called with a weight, it gives its penalty, a number."""

    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class L1L2(Regularizer):
    """l1 sum |w| + l2 sum w^2.

    Raises:
        ValueError: a factor that is negative or not finite.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        for name, value in (("l1", l1), ("l2", l2)):
            if not 0 <= value < float("inf"):
                raise ValueError(f"{type(self).__name__}: {name} is {value}; it must be at least 0 and finite")
        self.l1 = float(l1)
        self.l2 = float(l2)

    def __call__(self, x: Tensor) -> Tensor:
        parts = []
        if self.l1:
            parts.append(self.l1 * (x.relu() + (-x).relu()).sum())
        if self.l2 or not parts:
            parts.append(self.l2 * (x * x).sum())
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]


class L1(L1L2):
    """l1 sum |w|."""

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)


class L2(L1L2):
    """l2 sum w^2."""

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """Both, 0.01 each where nothing is said."""
    return L1L2(l1, l2)


l1, l2 = L1, L2
_KNOWN: dict[str, Any] = {"l1": L1, "l2": L2, "l1_l2": l1_l2, "l1l2": L1L2}


def get(given: Any) -> Penalty | None:
    """The regularizer of a name, a class, a config, an object, or a function of a weight; None is None.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    if given is None or (callable(given) and not isinstance(given, type)):
        return given
    return resolve("regularizer", given, _KNOWN, Regularizer)
