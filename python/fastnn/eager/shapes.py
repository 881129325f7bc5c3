"""Tensors in other shapes: views of the same memory, where it allows. Each function is a method of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager.dtypes import Size
from fastnn.eager.support import dimension, reshaped, result, shape_of, unbroadcast

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def reshape(x: Tensor, *shape: Any) -> Tensor:
    data = x._data
    before = data.shape
    return result(reshaped(data, shape_of(shape)), (x,), lambda g: (reshaped(g, before),), "View", view=True)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    shape = x._data.shape
    rank = len(shape)
    if rank == 0:
        return x.reshape(1)
    start, end = dimension(start_dim, rank), dimension(end_dim, rank)
    if start > end:
        raise ValueError(f"[flatten] start_dim {start_dim} comes after end_dim {end_dim}")
    return x.reshape(*shape[:start], Size(shape[start : end + 1]).numel(), *shape[end + 1 :])


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    return result(x._data.swapaxes(dim0, dim1), (x,), lambda g: (g.swapaxes(dim0, dim1),), "Transpose", view=True)


def permute(x: Tensor, *dims: Any) -> Tensor:
    rank = x._data.ndim
    order = [dimension(dim, rank) for dim in shape_of(dims)]
    if sorted(order) != list(range(rank)):
        raise ValueError(f"[permute] {tuple(order)} does not name each of the {rank} dimensions once")
    back = [order.index(i) for i in range(rank)]
    return result(x._data.transpose(order), (x,), lambda g: (g.transpose(back),), "Permute", view=True)


def t(x: Tensor) -> Tensor:
    if x._data.ndim > 2:
        raise ValueError(f"[t] expected at most 2 dimensions, got shape {tuple(x.shape)}: use transpose")
    return x.transpose(0, 1) if x._data.ndim == 2 else x


def reverse(x: Tensor) -> Tensor:
    return x.permute(*range(x._data.ndim - 1, -1, -1))


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    shape = list(x._data.shape)
    shape.insert(dimension(dim, len(shape) + 1), 1)
    return x.reshape(*shape)


def squeeze(x: Tensor, dim: int | None = None) -> Tensor:
    shape = x._data.shape
    chosen = range(len(shape)) if dim is None else (dimension(dim, len(shape)),)
    return x.reshape(*(extent for i, extent in enumerate(shape) if extent != 1 or i not in chosen))


def expand(x: Tensor, *shape: Any) -> Tensor:
    wanted, before = shape_of(shape), x._data.shape
    lead = len(wanted) - len(before)
    target = tuple(before[i - lead] if want == -1 and i >= lead else want for i, want in enumerate(wanted))
    try:
        wide = np.broadcast_to(x._data, target)
    except ValueError:
        raise ValueError(f"[expand] a tensor of shape {before} cannot be repeated to {wanted}") from None
    return result(wide, (x,), lambda g: (unbroadcast(g, before),), "Expand", view=True)
