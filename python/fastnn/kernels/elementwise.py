"""Arithmetic, exp, log and powers of each element, in arrays of any shape."""

from __future__ import annotations

import numpy as np

from fastnn import _core
from fastnn.kernels.results import into

__all__ = [
    "add",
    "copy",
    "divide",
    "dropout_forward",
    "exp_backward",
    "exp_forward",
    "log_backward",
    "log_forward",
    "multiply",
    "pow_backward",
    "pow_forward",
    "subtract",
]


def exp_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """exp(x), at most 2 ULP off. Any shape; ``out`` may be x."""
    return _core.exp(x, out)


def exp_backward(grad_y: np.ndarray, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y y, y the exponential."""
    return multiply(grad_y, y, out)


def log_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """The natural logarithm, at most 2 ULP off; -inf of 0, NaN below. Any shape; ``out`` may be x."""
    return _core.log(x, out)


def log_backward(grad_y: np.ndarray, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y / x."""
    return divide(grad_y, x, out)


def pow_forward(x: np.ndarray, exponent: float, out: np.ndarray | None = None) -> np.ndarray:
    """x^exponent; NaN of x < 0 where the exponent is no whole number. Any shape; ``out`` may be x."""
    return _core.pow(x, exponent, out)


def pow_backward(grad_y: np.ndarray, x: np.ndarray, exponent: float, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y exponent x^(exponent - 1)."""
    return _core.pow_backward(grad_y, x, exponent, out)


def add(a: np.ndarray | float, b: np.ndarray | float, out: np.ndarray | None = None) -> np.ndarray:
    """a + b, repeated over each other's shape as NumPy has it; ``out`` may be a or b."""
    return into("add", _core.add(a, b), out)


def subtract(a: np.ndarray | float, b: np.ndarray | float, out: np.ndarray | None = None) -> np.ndarray:
    """a - b, repeated over each other's shape as NumPy has it; ``out`` may be a or b."""
    return into("subtract", _core.subtract(a, b), out)


def multiply(a: np.ndarray | float, b: np.ndarray | float, out: np.ndarray | None = None) -> np.ndarray:
    """a * b, repeated over each other's shape as NumPy has it; ``out`` may be a or b."""
    return into("multiply", _core.multiply(a, b), out)


def divide(a: np.ndarray | float, b: np.ndarray | float, out: np.ndarray | None = None) -> np.ndarray:
    """a / b, repeated over each other's shape as NumPy has it; ``out`` may be a or b."""
    return into("divide", _core.divide(a, b), out)


def copy(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """x in C order, of float32, float64, int64, uint8 or bool."""
    return into("copy", _core.copy(x), out)


def dropout_forward(
    x: np.ndarray, p: float, seed: int, call: int = 0, module: int = 0, out: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """y = x mask, mask 1 / (1 - p) where a draw is at least p, else 0: the draws of (seed, call, module) are the same
    on every machine.

    Returns:
        y, which out is for, and mask, of x's shape; the gradient is grad_y mask (:func:`multiply`).

    Raises:
        ValueError: p is not from 0 to below 1.
    """
    y, mask = _core.dropout(x, p, seed, call, module)
    return into("dropout", y, out), mask
