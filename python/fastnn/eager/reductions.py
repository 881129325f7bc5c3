"""Sums, means and maxima over axes: each becomes one or more reductions of an (outer, axis, inner) array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fastnn.eager import dtypes, ops
from fastnn.eager.tensor import Axis, Tensor, _dimension, _reshaped, _result


class MaxResult(NamedTuple):
    """What ``max(dim)`` gives: the largest values and where they stand."""

    values: Tensor
    indices: Tensor


def _axes(dim: Axis, rank: int) -> tuple[int, ...]:
    """Non-negative, ascending, unique."""
    if dim is None:
        return tuple(range(rank))
    chosen = (dim,) if isinstance(dim, int | np.integer) else tuple(dim)
    unique = sorted({_dimension(axis, max(rank, 1)) for axis in chosen})
    return tuple(unique) if rank else ()


def _runs(axes: Sequence[int]) -> list[tuple[int, int]]:
    """Adjacent axes as runs [first, last], the last run first: (0, 2, 3) -> [(2, 3), (0, 0)]."""
    runs: list[tuple[int, int]] = []
    for axis in reversed(axes):
        if runs and runs[-1][0] == axis + 1:
            runs[-1] = (axis, runs[-1][1])
        else:
            runs.append((axis, axis))
    return runs


def _three(data: np.ndarray, first: int, last: int) -> np.ndarray:
    """(outer, axis, inner) with the axes first..last as one."""
    shape = data.shape
    return _reshaped(
        data,
        (
            dtypes.Size(shape[:first]).numel(),
            dtypes.Size(shape[first : last + 1]).numel(),
            dtypes.Size(shape[last + 1 :]).numel(),
        ),
    )


def sum_axes(data: np.ndarray, axes: Sequence[int], scale: float) -> np.ndarray:
    """Sum over axes, which are dropped; times scale. Adjacent axes are one reduction, runs go from the last to the
    first.
    """
    runs = _runs(axes)
    if not runs:
        return ops.multiply(data, scale) if scale != 1.0 else data
    for number, (first, last) in enumerate(runs):
        total = ops.sum(_three(data, first, last), scale if number == len(runs) - 1 else 1.0)
        data = _reshaped(total, data.shape[:first] + data.shape[last + 1 :])
    return data


def sum_(x: Tensor, dim: Axis, keepdim: bool, mean: bool) -> Tensor:
    """Sum or mean over dim (all dimensions: None)."""
    shape = x._data.shape
    axes = _axes(dim, len(shape))
    kept = tuple(1 if i in axes else extent for i, extent in enumerate(shape))
    if x._data.dtype.kind != "f":
        if mean:
            raise RuntimeError(f"mean() of a tensor of {x.dtype!r}: call .float() first")
        total = ops.integer(x._data, axes, "sum")
        return Tensor._wrap(total.reshape(kept) if keepdim else total)
    count = 1
    for axis in axes:
        count *= shape[axis]
    if mean and count == 0:
        raise ValueError(f"[mean] there is no mean of nothing: the tensor has shape {shape}")
    scale = 1.0 / count if mean else 1.0
    total = sum_axes(x._data, axes, scale)

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        spread = np.broadcast_to(_reshaped(g, kept), shape)
        return (ops.multiply(spread, scale) if mean else spread,)

    return _result(_reshaped(total, kept) if keepdim else total, (x,), backward, "Mean" if mean else "Sum")


def max_(x: Tensor, dim: int | None, keepdim: bool) -> Tensor | MaxResult:
    """The largest element, or the largest along dim with its index (the first of several)."""
    if dim is None:
        return max_(x.reshape(-1), 0, False).values
    if x._data.ndim == 0:
        return MaxResult(*(part.reshape(()) for part in max_(x.reshape(1), dim, False)))
    if x._data.dtype.kind != "f":
        return _integer_max(x, _dimension(dim, x._data.ndim), keepdim)
    shape = x._data.shape
    axis = _dimension(dim, len(shape))
    flat = _three(x._data, axis, axis)
    values, indices = ops.max(flat)
    kept = (
        tuple(1 if i == axis else extent for i, extent in enumerate(shape))
        if keepdim
        else shape[:axis] + shape[axis + 1 :]
    )

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        grad = _reshaped(g, (flat.shape[0], flat.shape[2]))
        return (_reshaped(ops.max_backward(grad, indices, flat.shape[1]), shape),)

    out = _result(_reshaped(values, kept), (x,), backward, "Max")
    return MaxResult(out, Tensor._wrap(_reshaped(indices, kept)))


def _integer_max(x: Tensor, axis: int, keepdim: bool) -> MaxResult:
    """max_ of integers, exact for all of them."""
    if x._data.shape[axis] == 0:
        raise ValueError(f"[max] there is no largest of nothing: the tensor has shape {x._data.shape}")
    at = np.expand_dims(ops.integer(x._data, axis, "argmax"), axis)
    pair = (np.take_along_axis(x._data, at, axis), at)
    return MaxResult(*(Tensor._wrap(part if keepdim else part.squeeze(axis)) for part in pair))


def argmax(x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    """Where the largest element stands (along dim, or in the flattened tensor)."""
    if dim is None:
        return max_(x.detach().reshape(-1), 0, False).indices
    return max_(x.detach(), dim, keepdim).indices
