"""Parameter: a tensor that a module learns."""

from __future__ import annotations

import sys
from typing import Protocol
from weakref import getweakrefcount

import numpy as np

from fastnn import _core
from fastnn.eager.tensor import Tensor

# What is known of a parameter's values: nothing since somebody could change them; that a product has read them since;
# whether all of them are finite.
_CHANGED, _READ, _FINITE, _UNKNOWN = range(4)


class Owner(Protocol):
    """A compiled plan that keeps parameters in its own packed memory between steps."""

    def release(self) -> None:
        """Writes everything back to the parameters' own arrays and lets go of them."""


class Parameter(Tensor):
    """A leaf tensor with ``requires_grad``, found by ``Module.parameters()``.

    Its array belongs to a compiled plan while that plan trains: any use from Python takes it back first.
    """

    __slots__ = ("_owner", "_storage", "_values")

    def __init__(self, data: Tensor | np.ndarray, requires_grad: bool = True) -> None:
        self._owner: Owner | None = None
        super().__init__(data, requires_grad)

    @property
    def _data(self) -> np.ndarray:  # type: ignore[override]
        if self._owner is not None:
            self._owner.release()
        self._values = _CHANGED  # whoever asks may write
        return self._storage

    @_data.setter
    def _data(self, value: np.ndarray) -> None:
        if self._owner is not None:
            self._owner.release()
        self._storage = value
        self._values = _CHANGED

    def _for_product(self) -> tuple[np.ndarray, bool]:
        """The array to read, and whether all of it is known to be finite: then a zero times any of it is zero.

        The second product since the last change looks, as it may be one of many; a training step changes the values
        after one.
        """
        if self._owner is not None or self._values == _CHANGED:
            data = self._data
            self._values = _READ
            return data, False
        if self._values == _READ:
            self._values = _FINITE  # before looking: a change meanwhile, by another thread, takes it back
            if not (_is_alone(self) and _core.finite(self._storage.T)):
                self._values = _UNKNOWN
        return self._storage, self._values == _FINITE

    def _to_read(self) -> np.ndarray:
        if self._owner is not None:
            self._owner.release()
        return self._storage

    def __deepcopy__(self, memo: dict[int, object]) -> Parameter:
        """Of the values, not of a plan that holds them."""
        copy = Parameter(self._data.copy(order="K"), self.requires_grad)
        copy.grad = None if self.grad is None else self.grad.clone()
        memo[id(self)] = copy
        return copy

    def __reduce__(self) -> tuple:
        """Pickled by its values, not with a plan that holds them."""
        return _restored, (self._data, self.requires_grad, self.grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


def _restored(data: np.ndarray, requires_grad: bool, grad: Tensor | None) -> Parameter:
    parameter = Parameter(data, requires_grad)
    parameter.grad = grad
    return parameter


def _references(parameter: Parameter) -> tuple[int, int, int]:
    """How many references there are to its array, and to another one that owns the memory; weak ones to either."""
    array, base = sys.getrefcount(parameter._storage), 0
    weak = getweakrefcount(parameter._storage)
    if parameter._storage.base is not None:
        base = sys.getrefcount(parameter._storage.base)
        weak += getweakrefcount(parameter._storage.base)
    return array, base, weak


def _is_alone(parameter: Parameter) -> bool:
    """Whether nobody else can write to its memory: not through another reference, not past NumPy."""
    array = parameter._storage
    owner = array if array.base is None else array.base
    if not (isinstance(owner, np.ndarray) and owner.flags.owndata):
        return False
    del array, owner
    counts = zip(_references(parameter), _ALONE, strict=True)
    return all(count <= alone for count, alone in counts)


# What the counts are when nobody else has a reference, in this version of Python.
_ALONE = _references(Parameter(np.zeros((1, 2)).T))
