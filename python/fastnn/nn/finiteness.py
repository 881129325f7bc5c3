"""Whether all of a parameter's values are known to be finite.

Where they are, a product of a single row may leave out what a zero is multiplied with: 0 * w is 0 for every finite w.
To look reads all of them, as the product itself does. That is done in the second product since the last change, which
may be one of many (a network that tests image after image); a training step changes the values after one.

What was found holds until somebody can write, and nothing is ever found of an array that somebody else holds.
"""

from __future__ import annotations

import functools
import sys
from typing import Protocol
from weakref import getweakrefcount

import numpy as np

from fastnn import _core

CHANGED, READ, FINITE, UNKNOWN = range(4)


class Holder(Protocol):
    """Holds an array; there is no other reference to it, unless somebody else holds it too."""

    _storage: np.ndarray


class Finiteness:
    """What is known of the values of one array.

    state: CHANGED, nothing since somebody could write; READ, that one product has read them since; FINITE, that all of
    them are; UNKNOWN, that some are not, or that it cannot be told.
    """

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = CHANGED

    def forget(self) -> None:
        """Somebody may write, or has written."""
        self.state = CHANGED

    def in_product(self, holder: Holder) -> bool:
        """Whether all values of the holder's array are known to be finite; asked once by each product that reads it."""
        if self.state == CHANGED:
            self.state = READ
        elif self.state == READ:
            self.state = FINITE  # before looking: a change meanwhile, by another thread, takes it back
            if not (_is_alone(holder) and _core.finite(holder._storage.T)):
                self.state = UNKNOWN
        return self.state == FINITE


def _is_alone(holder: Holder) -> bool:
    """Whether nobody else can write to its array's memory: not through another reference, not past NumPy."""
    array = holder._storage
    owner = array if array.base is None else array.base
    if not (isinstance(owner, np.ndarray) and owner.flags.owndata):
        return False
    del array, owner
    alone = _counts_of_one()
    return alone is not None and all(count <= most for count, most in zip(_counts(holder), alone, strict=True))


def _counts(holder: Holder) -> tuple[int, int, int]:
    """How many references there are to its array, and to another one that owns the memory; weak ones to either."""
    array, base = sys.getrefcount(holder._storage), 0
    weak = getweakrefcount(holder._storage)
    if holder._storage.base is not None:
        base = sys.getrefcount(holder._storage.base)
        weak += getweakrefcount(holder._storage.base)
    return array, base, weak


class _Alone:
    """Holds an array that nobody else does."""

    __slots__ = ("_storage",)

    def __init__(self) -> None:
        self._storage = np.zeros((1, 2)).T


@functools.cache
def _counts_of_one() -> tuple[int, int, int] | None:
    """What the counts are where nobody else has a reference, in this version of Python; None where it does not count
    them (PyPy), or not exactly (without the global lock).
    """
    exact = hasattr(sys, "getrefcount") and getattr(sys, "_is_gil_enabled", lambda: True)()
    return _counts(_Alone()) if exact else None
