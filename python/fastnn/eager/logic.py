"""Truth and bits: ``a & b``, ``~a``, logical_and, isnan. Each is a method of Tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager import ops
from fastnn.eager.support import operand, promoted, wrap

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def _bitwise(symbol: str, function: str) -> Callable[[Tensor, Any], Tensor]:
    def combined(a: Tensor, other: Any) -> Tensor:
        a, b = promoted(a, operand(other, a))
        if a._data.dtype.kind == "f":
            raise TypeError(f"{symbol} is for bools and integers, not {a.dtype!r}: compare first, as in (x > 0)")
        return wrap(ops.exact(function, a._data, b._data))

    combined.__name__, combined.__doc__ = function, f"a {symbol} b, bit by bit, of bools or integers."
    return combined


bitwise_and = _bitwise("&", "bitwise_and")
bitwise_or = _bitwise("|", "bitwise_or")
bitwise_xor = _bitwise("^", "bitwise_xor")


def bitwise_not(x: Tensor) -> Tensor:
    """The opposite of bools, the other bits of integers."""
    if x._data.dtype.kind == "f":
        raise TypeError(f"~ is for bools and integers, not {x.dtype!r}: compare first, as in ~(x > 0)")
    return wrap(ops.exact("invert", x._data))


def _logical(function: str) -> Callable[[Tensor, Any], Tensor]:
    def combined(a: Tensor, other: Any) -> Tensor:
        return wrap(ops.exact(function, a._data, operand(other, a)._data))

    combined.__name__, combined.__doc__ = function, "Bools; whatever is not 0 counts as true."
    return combined


logical_and, logical_or, logical_xor = _logical("logical_and"), _logical("logical_or"), _logical("logical_xor")


def _question(function: str, text: str) -> Callable[[Tensor], Tensor]:
    def asked(x: Tensor) -> Tensor:
        return wrap(ops.exact(function, x._data))

    asked.__name__, asked.__doc__ = function, text
    return asked


logical_not = _question("logical_not", "True where x is 0.")
isnan = _question("isnan", "True where x is no number.")
isinf = _question("isinf", "True where x is infinite.")
isfinite = _question("isfinite", "True where x is a finite number.")


def isclose(a: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """True where |a - b| <= atol + rtol |b|."""
    x, y = a._read("isclose()"), operand(other, a)._data
    return wrap(np.asarray(np.isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)))


def allclose(a: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether :func:`isclose` holds everywhere."""
    return bool(isclose(a, other, rtol, atol, equal_nan)._data.all())


def same(a: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape and the same values."""
    return np.array_equal(a._read("equal()"), other._read("equal()"))
