"""Gaussian error linear unit: x times the share of a normal distribution below it, and its form with tanh."""

from __future__ import annotations

import numpy as np

from fastnn.reference.flush import flushed
from fastnn.reference.sigmoid import sigmoid

_NEAR = 2.0  # up to here the series, beyond it the fraction
_TERMS = 60  # of the series: 2^120 / 121!! is below 1e-60; of the fraction, at 2: 1e-20 is left with 150
_FRACTIONS = 150


def share_below(x: np.ndarray) -> np.ndarray:
    """The share of a normal distribution below x, right far below zero too (Abramowitz, Stegun, 26.2.11, 26.2.14)."""
    one = x.dtype.type(1)
    t = np.abs(x)
    with np.errstate(all="ignore"):
        density = np.exp(-t * t / 2) / np.sqrt(2 * np.arccos(-one))
        near, far = np.fmin(t, _NEAR), np.fmax(t, _NEAR)
        term = total = near
        for k in range(1, _TERMS):
            term = term * near * near / (2 * k + 1)
            total = total + term
        fraction = far
        for k in range(_FRACTIONS, 0, -1):
            fraction = far + k / fraction
        beyond = np.where(t <= _NEAR, one / 2 - density * total, density / fraction)
        return np.where(np.isnan(x), x, np.where(x < 0, beyond, 1 - beyond))


def gelu(x: np.ndarray) -> np.ndarray:
    """y = x P(x), P being the share; any shape."""
    return x * share_below(x)


def gelu_backward(grad_y: np.ndarray, x: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """grad_x = grad_y (P + x exp(-x^2 / 2) / sqrt(2 pi)), which ends at zero by dtype's limit."""
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.arccos(-x.dtype.type(1)))
    return flushed(grad_y * (share_below(x) + x * density), dtype)


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    """y = x (1 + tanh(u)) / 2 = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)."""
    return x * sigmoid(_root(x) * (x + _cubic(x) * x**3))


def gelu_tanh_backward(grad_y: np.ndarray, x: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """grad_x = grad_y (s + x s (1 - s) 2 u'), s the sigmoid, which ends at zero by dtype's limit."""
    u = _root(x) * (x + _cubic(x) * x**3)
    slope = _root(x) * (1 + 3 * _cubic(x) * x**2)
    return flushed(grad_y * (sigmoid(u) + x * slope * (sigmoid(u) * sigmoid(-u))), dtype)


def _root(x: np.ndarray) -> np.ndarray:
    """2 sqrt(2 / pi), in the precision of x."""
    return 2 * np.sqrt(2 / np.arccos(-x.dtype.type(1)))


def _cubic(x: np.ndarray) -> np.ndarray:
    return x.dtype.type(44715) / x.dtype.type(1000000)
