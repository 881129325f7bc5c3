"""Parameter: a tensor that a module learns."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.nn.finiteness import CHANGED, FINITE, Finiteness

__all__ = ["Parameter"]

# How often, in this process, a module's field or a parameter's array was replaced: a plan that has seen this number
# need not look whether what it recorded is still so.
CHANGES = [0]


class Owner(Protocol):
    """A compiled plan that keeps parameters in its own packed memory between steps."""

    def release(self) -> None:
        """Writes everything back to the parameters' own arrays and lets go of them."""

    def is_finite(self, parameter: Parameter) -> bool:
        """Whether one of its parameters has finite values only."""


class Parameter(Tensor):
    """A leaf tensor with ``requires_grad``, found by ``Module.parameters()``.

    Its array belongs to a compiled plan while that plan trains: any use from Python takes it back first. There are
    three, which differ in what may follow:

    ``_data``           as of any tensor: somebody may write, now or later, so what is known of the values is forgotten
    ``_to_read()``      somebody reads, and keeps nothing
    ``_for_product()``  a product reads, and is told whether all values are finite

    A plan that takes the values sets ``_owner`` to itself, and works on ``_storage``, the array as such; when it has
    written them back, it sets ``_owner`` to None.
    """

    __slots__ = ("_owner", "_storage", "_values")

    def __init__(self, data: Tensor | np.ndarray, requires_grad: bool = True) -> None:
        self._owner: Owner | None = None
        self._values = Finiteness()
        super().__init__(data, requires_grad)

    @property
    def _data(self) -> np.ndarray:  # type: ignore[override]
        if self._owner is not None:
            self._owner.release()
        self._values.state = CHANGED  # forget(), at half the cost
        return self._storage

    @_data.setter
    def _data(self, value: np.ndarray) -> None:
        if self._owner is not None:
            self._owner.release()
        self._storage = value
        self._values.forget()
        CHANGES[0] += 1

    def _to_read(self) -> np.ndarray:
        if self._owner is not None:
            self._owner.release()
        return self._storage

    def _for_product(self) -> tuple[np.ndarray, bool]:
        if self._owner is not None:
            self._owner.release()
            self._values.forget()
        values = self._values
        finite = values.state == FINITE or values.in_product(self)  # before anybody here holds the array
        return self._storage, finite

    def _is_finite(self) -> bool:
        """Whether all values are finite; a plan that holds them keeps them."""
        if self._owner is not None:
            return self._owner.is_finite(self)
        return bool(np.isfinite(self._storage).all())

    def __deepcopy__(self, memo: dict[int, object]) -> Parameter:
        """Of the values, not of a plan that holds them."""
        copy = Parameter(self._data.copy(order="K"), self.requires_grad)
        copy.grad = None if self.grad is None else self.grad.clone()
        memo[id(self)] = copy
        return copy

    def __copy__(self) -> Parameter:
        """Of the same array."""
        return _restored(self._data, self.requires_grad, self.grad)

    def __reduce__(self) -> tuple:
        """Pickled by its values, not with a plan that holds them."""
        order = np.argsort(self._data.strides, kind="stable")[::-1]  # a convolution's weight stays in its order
        return _restored, (self._data.transpose(order), self.requires_grad, self.grad, np.argsort(order).tolist())

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


def _restored(data: np.ndarray, requires_grad: bool, grad: Tensor | None, axes: list[int] | None = None) -> Parameter:
    """axes: where each of its dimensions is among those of data, which is in the order of memory."""
    parameter = Parameter(data if axes is None else data.transpose(axes), requires_grad)
    parameter.grad = grad
    return parameter
