"""Where results go: arrays that are given for them. What arguments may be."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from math import inf
from numbers import Integral, Real
from typing import Any

import numpy as np

from fastnn.errors import fault_of, retold

_WANTED = {
    "np.ndarray": (np.ndarray, "a NumPy array"),
    "int": (Integral, "an integer"),
    "float": (Real, "a number"),
    "tuple[int, int]": (Sequence, "two integers, (rows, columns)"),
}


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """function; a call that fails names its first argument of a wrong kind."""
    kinds = {name: each.annotation for name, each in inspect.signature(function).parameters.items()}

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except Exception as error:
            for name, value in {**dict(zip(kinds, args, strict=False)), **named}.items():
                if wanted := _wanted(value, kinds.get(name, "")):
                    text = f"[{function.__name__}] {name}: expected {wanted}, got {value!r:.60}"
                    raise retold(TypeError(text), fault_of(error)) from None
            raise

    return call


def _wanted(value: Any, kind: str) -> str:
    """What an argument had to be by its annotation; empty where it is."""
    wanted, words = _WANTED.get(kind.removesuffix(" | None"), (object, ""))
    fits = isinstance(value, wanted)
    if fits and wanted is Sequence:
        fits = [isinstance(each, Integral) for each in value] == [True, True]
    return "" if fits or (value is None and kind.endswith("None")) else words


def check_least(op: str, **values: float) -> None:
    """Refuses numbers below 0."""
    for name, value in values.items():
        if not 0 <= value < inf:
            raise ValueError(f"[{op}] {name} is {value}; it must be finite and at least 0")


def into(op: str, result: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    """The result of a kernel that has memory of its own, in ``out`` where that is given.

    Raises:
        ValueError: out has another shape, is read-only, or has gaps.
        TypeError: it is no array, or of another dtype.
    """
    if out is None:
        return result
    check_out(op, result, out)
    np.copyto(out, result)
    return out


def check_out(op: str, result: np.ndarray, out: Any) -> None:
    """Refuses an array that cannot hold a result."""
    if not isinstance(out, np.ndarray) or out.dtype != result.dtype:
        found = out.dtype if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"[{op}] out must be an array of {result.dtype}, got {found}")
    if out.shape != result.shape:
        raise ValueError(f"[{op}] out has shape {out.shape}, it must be {result.shape}")
    orders = [range(out.ndim), (0, 2, 3, 1), (2, 3, 1, 0)] if out.ndim == 4 else [range(out.ndim)]
    dense = any(out.transpose(order).flags.c_contiguous for order in orders)
    if not (out.flags.writeable and dense):
        raise ValueError(f"[{op}] out must be writeable and contiguous")
