"""Sums, means and maxima over axes: each becomes one or more reductions of an (outer, axis, inner) array."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastnn.eager import ops
from fastnn.eager.autograd import RESULT
from fastnn.eager.selection import maximum, minimum
from fastnn.eager.support import Axis, TensorBase, dimension, reshaped, result, sum_axes, three, wrap

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


class MaxResult(NamedTuple):
    """What ``max(dim)`` gives: the largest values and where they stand."""

    values: Tensor
    indices: Tensor


def axes_of(dim: Axis, rank: int) -> tuple[int, ...]:
    """Non-negative, ascending, unique."""
    if dim is None:
        return tuple(range(rank))
    chosen = (dim,) if isinstance(dim, int | np.integer) else tuple(dim)
    unique = sorted({dimension(axis, max(rank, 1)) for axis in chosen})
    return tuple(unique) if rank else ()


def sum_(x: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """Sum over dim (all dimensions: None)."""
    return _total(x, dim, keepdim, mean=False)


def mean(x: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """Mean over dim (all dimensions: None)."""
    return _total(x, dim, keepdim, mean=True)


def _total(x: Tensor, dim: Axis, keepdim: bool, mean: bool) -> Tensor:
    shape = x._data.shape
    axes = axes_of(dim, len(shape))
    kept = tuple(1 if i in axes else extent for i, extent in enumerate(shape))
    if x._data.dtype.kind != "f":
        if mean:
            raise RuntimeError(f"mean() of a tensor of {x.dtype!r}: call .float() first")
        total = ops.integer(x._data, axes, "sum")
        return wrap(total.reshape(kept) if keepdim else total)
    count = 1
    for axis in axes:
        count *= shape[axis]
    if mean and count == 0:
        raise ValueError(f"[mean] there is no mean of nothing: the tensor has shape {shape}")
    scale = 1.0 / count if mean else 1.0
    total = sum_axes(x._data, axes, scale)

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        spread = np.broadcast_to(reshaped(g, kept), shape)
        return (ops.multiply(spread, scale) if mean else spread,)

    return result(reshaped(total, kept) if keepdim else total, (x,), backward, "Mean" if mean else "Sum")


def max_(x: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Tensor | MaxResult:
    """The largest element; with dim a pair (values, indices): the largest along it, the first of several; with another
    tensor the larger of two elements.
    """
    if isinstance(dim, TensorBase):
        return maximum(x, dim)
    if dim is None:
        return max_(x.reshape(-1), 0, False).values
    if x._data.ndim == 0:
        return MaxResult(*(part.reshape(()) for part in max_(x.reshape(1), dim, False)))
    if x._data.dtype.kind != "f":
        return _of_integers(x, dimension(dim, x._data.ndim), keepdim, "argmax")
    shape = x._data.shape
    axis = dimension(dim, len(shape))
    flat = three(x._data, axis, axis)
    values, indices = ops.max(flat)
    kept = (
        tuple(1 if i == axis else extent for i, extent in enumerate(shape))
        if keepdim
        else shape[:axis] + shape[axis + 1 :]
    )

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        grad = reshaped(g, (flat.shape[0], flat.shape[2]))
        return (reshaped(ops.max_backward(grad, indices, flat.shape[1]), shape),)

    out, where = result(reshaped(values, kept), (x,), backward, "Max", RESULT), wrap(reshaped(indices, kept))
    out._version, where._version = None, out._version  # backward reads the indices, not the values
    return MaxResult(out, where)


def _of_integers(x: Tensor, axis: int, keepdim: bool, which: str) -> MaxResult:
    """The largest or smallest of integers, exact for all of them."""
    if x._data.shape[axis] == 0:
        raise ValueError(f"[{which[3:]}] there is none of nothing: the tensor has shape {x._data.shape}")
    at = np.expand_dims(ops.integer(x._data, axis, which), axis)
    pair = (np.take_along_axis(x._data, at, axis), at)
    return MaxResult(*(wrap(part if keepdim else part.squeeze(axis)) for part in pair))


def min_(x: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Tensor | MaxResult:
    """The smallest element; with dim a pair (values, indices): the smallest along it, the first of several; with
    another tensor the smaller of two elements.
    """
    if isinstance(dim, TensorBase):
        return minimum(x, dim)
    if dim is None:
        return min_(x.reshape(-1), 0, False).values
    if x._data.dtype.kind != "f":
        return _of_integers(x.reshape(1) if x.dim() == 0 else x, dimension(dim, max(x.dim(), 1)), keepdim, "argmin")
    values, indices = max_(-x, dim, keepdim)
    return MaxResult(-values, indices)


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the largest element stands (along dim, or in the flattened tensor)."""
    if dim is None:
        return max_(x.detach().reshape(-1), 0, False).indices
    return max_(x.detach(), dim, keepdim).indices


def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the smallest element stands (along dim, or in the flattened tensor)."""
    if dim is None:
        return min_(x.detach().reshape(-1), 0, False).indices
    return min_(x.detach(), dim, keepdim).indices


def amax(x: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """The largest element over dim (all dimensions: None), the values alone."""
    return _over(x, dim, keepdim, max_)


def amin(x: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """The smallest element over dim (all dimensions: None), the values alone."""
    return _over(x, dim, keepdim, min_)


def _over(x: Tensor, dim: Axis, keepdim: bool, function: Callable[..., MaxResult]) -> Tensor:
    for axis in reversed(axes_of(dim, x._data.ndim)):
        x = function(x, axis, keepdim).values
    return x


def any_(x: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """Whether an element over dim (all dimensions: None) is not 0: bools."""
    return _truth(x, dim, keepdim, np.any, "any()")


def all_(x: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """Whether no element over dim (all dimensions: None) is 0: bools."""
    return _truth(x, dim, keepdim, np.all, "all()")


def _truth(x: Tensor, dim: Axis, keepdim: bool, function: Callable[..., np.ndarray], what: str) -> Tensor:
    axes = axes_of(dim, x._data.ndim)
    return wrap(np.asarray(function(x._read(what), axis=axes, keepdims=keepdim)))
