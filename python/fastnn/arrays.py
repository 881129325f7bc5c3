"""Numbers as arrays, whatever holds them; integers, whosever they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def to_array(data: Any) -> np.ndarray:
    """The array of a tensor, without its history, or of anything that NumPy makes one of; not a copy where it can be
    helped.
    """
    detach = getattr(data, "detach", None)
    return np.asarray(data if detach is None else detach())


def check_apart(op: str, results: Mapping[str, np.ndarray | None], inputs: tuple[np.ndarray, ...]) -> None:
    """Refuses arrays for results that share memory, with each other or with what a later one is made of."""
    given = [(name, array) for name, array in results.items() if isinstance(array, np.ndarray)]
    for number, (name, array) in enumerate(given):
        for other in (*inputs, *(one for _, one in given[:number])):
            if isinstance(other, np.ndarray) and np.may_share_memory(array, other):
                raise ValueError(f"[{op}] out for {name} overlaps another array in memory; pass an array of its own")


def is_integer(value: Any) -> bool:
    """Whether a value is an integer, Python's or NumPy's; a bool is none. What is kept of it is ``int(value)``: NumPy's
    wrap around, and JSON does not know them.
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def rows_layout(shape: tuple[int, ...], array: np.ndarray) -> tuple[Any, ...]:
    """A shape; with the order of an array's dimensions in memory, outermost first, where it is not C order."""
    if array.flags.c_contiguous:
        return shape
    return shape, tuple(sorted(range(array.ndim), key=lambda axis: -array.strides[axis]))


def has_dense_rows(array: np.ndarray) -> bool:
    """Whether rows lie one behind the other, each without gaps, in whatever order of its dimensions."""
    order = sorted(range(1, array.ndim), key=lambda axis: -array.strides[axis])
    return array.transpose(0, *order).flags.c_contiguous
