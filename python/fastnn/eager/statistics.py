"""Variance, deviation, norms and running sums over axes. Each is a method of Tensor."""

from __future__ import annotations

from math import inf, prod
from typing import TYPE_CHECKING

import numpy as np

from fastnn.eager import ops
from fastnn.eager.autograd import RESULT
from fastnn.eager.reductions import axes_of
from fastnn.eager.support import Axis, dimension, result, wrap

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def var(
    x: Tensor, dim: Axis = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """Mean of (x - mean)^2 over dim (all dimensions: None), with N - correction in place of N: 1, or 0 where not
    unbiased. NaN where that leaves none.
    """
    if isinstance(dim, bool):  # var(False)
        dim, unbiased = None, dim
    less = correction if correction is not None else int(unbiased)
    count = prod(x._data.shape[axis] for axis in axes_of(dim, x._data.ndim))
    off = x - x.mean(dim, keepdim=True)
    return (off * off).sum(dim, keepdim) / max(count - less, 0.0)


def std(
    x: Tensor, dim: Axis = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """Root of :func:`var`; where that is 0 so is the gradient."""
    return _root(var(x, dim, unbiased, keepdim, correction=correction))


def _root(x: Tensor, p: float = 2) -> Tensor:
    """x^(1/p) with gradient 0 at 0."""
    y = ops.pow(x._data, 1 / p)

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        slope = ops.divide(ops.multiply(g, 1 / p), ops.pow(y, p - 1))  # y = x^(1/p): dy/dx = 1 / (p y^(p-1))
        return (ops.exact("where", ops.compare(y, np.zeros((), y.dtype), "equal"), np.zeros((), y.dtype), slope),)

    return result(y, (x,), backward, "Root", RESULT)


def norm(x: Tensor, p: float | str | None = 2, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """(sum |x|^p)^(1/p) over dim (all dimensions: None); the largest |x| for p = inf. The gradient of 0 is 0.

    Raises:
        ValueError: p is not above 0.
    """
    p = 2 if p is None or p == "fro" else float(p)
    if not p > 0:
        raise ValueError(f"norm: p is {p}; it must be above 0")
    if p == 2:
        return _root((x * x).sum(dim, keepdim))
    if p == inf:
        return x.abs().amax(dim, keepdim)
    return x.abs().sum(dim, keepdim) if p == 1 else _root((x.abs() ** p).sum(dim, keepdim), p)


def cumsum(x: Tensor, dim: int) -> Tensor:
    """Sums of the elements up to each one along dim."""
    if x._data.ndim == 0:
        return x
    axis = dimension(dim, x._data.ndim)
    if x._data.dtype.kind != "f":
        return wrap(ops.accumulate(x._data.astype(np.int64), axis))

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        return (ops.copy(np.flip(ops.accumulate(np.flip(g, axis), axis), axis)),)

    return result(ops.accumulate(x._data, axis), (x,), backward, "Cumsum")


def count_nonzero(x: Tensor, dim: Axis = None) -> Tensor:
    """How many elements over dim are not 0."""
    return (x != 0).sum(dim)
