"""The primitive array ops: the only functions of eager code that compute.

Everything in :mod:`fastnn.eager`, :mod:`fastnn.nn` and :mod:`fastnn.optim` that makes new numbers goes through a
function of this module, NumPy arrays in, NumPy arrays out. So a recording (:mod:`fastnn.engine.plan`) that swaps these
functions for recorders sees a whole training step, and the compiled plan that repeats the list gives the same bits.

Views (reshape of contiguous memory, transpose, basic slices, broadcasts) move no data and are not ops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnn import _core
from fastnn.eager import error_function
from fastnn.eager import powers as powers_of

if TYPE_CHECKING:
    from fastnn.engine.recording import Recorder

# The recording in progress, if any. Values are not to be read out while it runs.
recorder: Recorder | None = None

_in_python: list[str] = []

_COPIED = frozenset(map(np.dtype, ("f4", "f8", "i8", "u1", "?")))  # by the core; others by NumPy


def primitive(function: Callable) -> Callable:
    """Marks an op that is written here; the compiled ones are at the end."""
    _in_python.append(function.__name__)
    return function


@primitive
def copy(x: np.ndarray) -> np.ndarray:
    """x in C order, in memory of its own."""
    return _core.copy(x) if x.dtype in _COPIED else np.array(x, order="C")


@primitive
def cast(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """x in another dtype; a fraction is cut off on the way to an integer, as in C and PyTorch."""
    with np.errstate(invalid="ignore"):
        return x.astype(dtype)


@primitive
def compare(x: np.ndarray, y: np.ndarray, relation: str) -> np.ndarray:
    """Elementwise ``greater``, ``greater_equal``, ``less``, ``less_equal``, ``equal`` or ``not_equal``: bools."""
    return np.asarray(getattr(np, relation)(x, y))


@primitive
def integer(x: np.ndarray, y: np.ndarray, operation: str) -> np.ndarray:
    """Arithmetic of integer arrays: ``add``, ``subtract``, ``multiply``, ``floor_divide``, ``remainder``, ``power``;
    ``sum`` over the axes y, ``argmax`` and ``argmin`` along axis y.
    """
    if operation == "sum":
        return np.asarray(np.add.reduce(x, axis=y, dtype=np.int64))
    if operation in ("argmax", "argmin"):
        return np.asarray(getattr(np, operation)(x, axis=y))
    return np.asarray(getattr(np, operation)(x, y))


@primitive
def exact(operation: str, *arrays: np.ndarray) -> np.ndarray:
    """A function of NumPy whose results are the same bits everywhere: it rounds nothing (``absolute``, ``floor``,
    ``where``, ``maximum``, ``logical_and``, ...), or each result once (``floor_divide``, ``remainder``).
    """
    with np.errstate(all="ignore"):
        return np.asarray(getattr(np, operation)(*arrays))


@primitive
def erf(x: np.ndarray) -> np.ndarray:
    """The error function: see :mod:`fastnn.eager.error_function`."""
    return error_function.erf(x)


@primitive
def powers(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x to the y, element by element: see :mod:`fastnn.eager.powers`."""
    return powers_of.powers(x, y)


@primitive
def accumulate(x: np.ndarray, axis: int) -> np.ndarray:
    """Sums of the elements up to each one along an axis, added from the first to the last."""
    return np.add.accumulate(x, axis=axis)


@primitive
def index(x: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Rows (or elements) that an integer or bool array picks, NumPy's rules: a copy."""
    return np.asarray(x[positions], order="C")


@primitive
def rows(x: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Rows of a matrix in C order by their numbers, integers (...): (..., size)."""
    return _core.take(x, places_of_rows(numbers, x.shape[1]))


def places_of_rows(numbers: np.ndarray, size: int) -> np.ndarray:
    """Where the elements of rows of a size stand in a matrix."""
    return numbers.astype(np.int64)[..., None] * size + np.arange(size)


@primitive
def ordered(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    """Where the values along an axis stand, in rising or falling order; equal ones in the order in which they stood."""
    if descending:  # the last first, sorted and turned round: equal ones keep their order, and NaN comes first
        places = np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
        return np.ascontiguousarray(x.shape[axis] - 1 - places)
    return np.argsort(x, axis, kind="stable")


@primitive
def concatenate(arrays: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """Arrays one after the other along an axis: a copy."""
    return np.concatenate(arrays, axis=axis)


# The ops of the core, under its names (cpp/ops/all.cpp lists them); plans have a compiled form of each.
COMPILED = tuple(name for name in _core.instruction_facts() if name not in _in_python)
globals().update({name: getattr(_core, name) for name in COMPILED})

# What a recording swaps.
PRIMITIVES: Sequence[str] = (*COMPILED, *_in_python)
