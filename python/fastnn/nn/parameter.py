"""Parameter: a tensor that a module learns."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from fastnn.tensor import Tensor


class Owner(Protocol):
    """A compiled plan that keeps parameters in its own packed memory between steps."""

    def release(self) -> None:
        """Writes everything back to the parameters' own arrays and lets go of them."""


class Parameter(Tensor):
    """A leaf tensor with ``requires_grad``, found by ``Module.parameters()``.

    Its array belongs to a compiled plan while that plan trains: any use from Python takes it back first.
    """

    __slots__ = ("_owner", "_storage")

    def __init__(self, data: Tensor | np.ndarray, requires_grad: bool = True) -> None:
        self._owner: Owner | None = None
        super().__init__(data, requires_grad)

    @property
    def _data(self) -> np.ndarray:  # type: ignore[override]
        if self._owner is not None:
            self._owner.release()
        return self._storage

    @_data.setter
    def _data(self, value: np.ndarray) -> None:
        if self._owner is not None:
            self._owner.release()
        self._storage = value

    def __deepcopy__(self, memo: dict[int, object]) -> Parameter:
        """Of the values, not of a plan that holds them."""
        copy = Parameter(self._data.copy(order="K"), self.requires_grad)
        copy.grad = None if self.grad is None else self.grad.clone()
        memo[id(self)] = copy
        return copy

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()
