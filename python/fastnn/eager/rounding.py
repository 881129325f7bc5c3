"""Rounding, division that rounds, and what is left of it. Each is a method of Tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager import ops
from fastnn.eager.selection import stepped
from fastnn.eager.support import operand, promoted, result, unbroadcast, wrap

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def _rounding(function: str, name: str, text: str) -> Callable[[Tensor], Tensor]:
    def rounded(x: Tensor) -> Tensor:
        return stepped(x, ops.exact(function, x._data).astype(x._data.dtype, copy=False), name)

    rounded.__name__, rounded.__doc__ = name.lower(), f"{text}; the gradient is 0."
    return rounded


floor = _rounding("floor", "Floor", "The largest whole number that is not above x")
ceil = _rounding("ceil", "Ceil", "The smallest whole number that is not below x")
trunc = _rounding("trunc", "Trunc", "x without its fraction")


def round_(x: Tensor, decimals: int = 0) -> Tensor:
    """x to the nearest multiple of 10^-decimals, halves to the even one; the gradient is 0."""
    if x._data.dtype.kind != "f":
        return x
    power = 10.0 ** abs(decimals)
    scale, back = (ops.multiply, ops.divide) if decimals >= 0 else (ops.divide, ops.multiply)
    data = ops.exact("rint", scale(x._data, power) if decimals else x._data)
    return stepped(x, back(data, power) if decimals else data, "Round")


def floor_divide(a: Tensor, other: Any) -> Tensor:
    """a / b, rounded down. Off the tape.

    Raises:
        ZeroDivisionError: a zero in b, among integers.
    """
    a, b = _divisible(a, other, "//")
    return wrap(_quotient(a._data, b._data, "floor_divide"))


def remainder(a: Tensor, other: Any) -> Tensor:
    """a - b floor(a / b): it has the sign of b.

    Raises:
        ZeroDivisionError: a zero in b, among integers.
    """
    a, b = _divisible(a, other, "%")
    x, y = a._data, b._data
    data = _quotient(x, y, "remainder")
    if data.dtype.kind != "f":
        return wrap(data)

    def backward(g: np.ndarray) -> tuple[np.ndarray, ...]:
        down = ops.multiply(ops.multiply(g, ops.exact("floor_divide", x, y)), -1.0)
        return unbroadcast(g, x.shape), unbroadcast(down, y.shape)

    return result(data, (a, b), backward, "Remainder", reads=((0, 1), (1, 1)))


def _divisible(a: Tensor, other: Any, symbol: str) -> tuple[Tensor, Tensor]:
    a, b = promoted(a, operand(other, a))
    if a._data.dtype.kind == "b":
        raise TypeError(f"{symbol} is for numbers, not {a.dtype!r}")
    if a._data.dtype.kind != "f" and not b._data.all():
        raise ZeroDivisionError(f"{symbol} by zero in a tensor of integers")
    return a, b


def _quotient(x: np.ndarray, y: np.ndarray, operation: str) -> np.ndarray:
    return ops.exact(operation, x, y) if x.dtype.kind == "f" else ops.integer(x, y, operation)
