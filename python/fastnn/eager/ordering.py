"""Order and picking: sort, topk, gather. Methods of Tensor; gradients go back to where the values came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn.eager import ops
from fastnn.eager.indexing import getitem
from fastnn.eager.inplace import write
from fastnn.eager.support import TensorBase, dimension, wrap

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


class Ordered(NamedTuple):
    """Values, and where they stood along the dimension."""

    values: Tensor
    indices: Tensor


def gather(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """out[i, j] = x[i, index[i, j]] for dim = 1, and so on: x (..., N, ...), index of as many dimensions.

    Raises:
        IndexError: an index outside x.
    """
    return _gathered(x, dimension(dim, max(x._data.ndim, 1)), index._read("gather()"))


def _gathered(x: Tensor, axis: int, index: np.ndarray) -> Tensor:
    if x._data.ndim == 0:
        return x
    if index.size and not -x._data.shape[axis] <= index.min() <= index.max() < x._data.shape[axis]:
        raise IndexError(f"gather: indices run from {index.min()} to {index.max()}, the dimension has {x.shape[axis]}")
    return getitem(x, _places(index, axis))


def _places(index: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    """The key that picks, along an axis, what an array of indices says; elsewhere what stands there."""
    grid = list(np.indices(index.shape, sparse=True))
    grid[axis] = index
    return tuple(grid)


def scatter_(x: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
    """x[i, index[i, j]] = src[i, j] for dim = 1, and so on, in place: a tensor or a number."""
    places = index._read("scatter_()")
    source = value if src is None else src
    axis = dimension(dim, x._data.ndim)
    if isinstance(source, TensorBase):
        source = source._data[tuple(map(slice, places.shape))]
    write(x, _places(places, axis), source)
    return x


def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of x along dim that index (N,) names."""
    axis = dimension(dim, x._data.ndim)
    return getitem(x, (*[slice(None)] * axis, index._read("index_select()").reshape(-1)))


def masked_select(x: Tensor, mask: Tensor) -> Tensor:
    """The elements of x where mask holds, (N,)."""
    held = mask._read("masked_select()")
    shape = np.broadcast_shapes(held.shape, x._data.shape)
    return getitem(x.expand(shape), np.broadcast_to(held, shape))


def sort(x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Ordered:
    """Values along dim in rising (descending: falling) order, equal ones in the order in which they stood."""
    if x._data.ndim == 0:
        return Ordered(x, wrap(np.zeros((), np.int64)))
    axis = dimension(dim, x._data.ndim)
    places = ops.ordered(x._read("sort()"), axis, descending)
    return Ordered(_gathered(x, axis, places), wrap(places))


def argsort(x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Where the values along dim stand, in rising (descending: falling) order."""
    return sort(x.detach(), dim, descending).indices


def topk(x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Ordered:
    """The k largest (or smallest) along dim, in falling (rising) order.

    Raises:
        ValueError: there are fewer than k.
    """
    axis = dimension(dim, max(x._data.ndim, 1))
    extent = x._data.shape[axis] if x._data.ndim else 1
    if not 0 <= k <= extent:
        raise ValueError(f"topk: k is {k}; dimension {dim} of shape {tuple(x.shape)} has {extent} elements")
    if x._data.ndim == 0:
        return sort(x)
    places = ops.ordered(x._read("topk()"), axis, largest)[(*[slice(None)] * axis, slice(k))]
    return Ordered(_gathered(x, axis, places), wrap(places))


def median(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor | Ordered:
    """The middle value (of an even number the lower one of two); with dim a pair (values, indices)."""
    if dim is None:
        return median(x.reshape(-1), 0).values
    ordered = sort(x, dim)
    axis = dimension(dim, max(x._data.ndim, 1))
    if x._data.ndim == 0:
        return ordered
    middle = (x._data.shape[axis] - 1) // 2
    parts = (getitem(part, (*[slice(None)] * axis, slice(middle, middle + 1))) for part in ordered)
    return Ordered(*(part if keepdim else part.squeeze(axis) for part in parts))


def unique(x: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """The different values of a tensor in rising order; with what is asked for beside them."""
    found = np.unique(x._read("unique()"), return_inverse=True, return_counts=True)
    values, inverse, counts = found[0], found[1].reshape(x._data.shape), found[2]
    asked = [values, *([inverse] if return_inverse else []), *([counts] if return_counts else [])]
    return tuple(map(wrap, asked)) if len(asked) > 1 else wrap(values)


def nonzero(x: Tensor) -> Tensor:
    """Where x is not 0: a row of indices for each, int64 (N, dimensions)."""
    return wrap(np.argwhere(x._read("nonzero()")))


def bincount(x: Tensor, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, ... stands in a tensor of whole numbers (N,)."""
    return wrap(np.bincount(x._read("bincount()"), minlength=minlength).astype(np.int64))
