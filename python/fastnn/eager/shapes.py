"""Tensors in other shapes: views of the same memory, where it allows. Each function is a method of Tensor."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager import ops
from fastnn.eager.autograd import Version
from fastnn.eager.dtypes import Size
from fastnn.eager.support import dimension, reshaped, result, shape_of, unbroadcast

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def _listed(name: str) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """A function of a tensor and numbers, or one list of them, that takes the list by its name too."""

    def decorated(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        @functools.wraps(function)
        def either(x: Tensor, *args: Any, **named: Any) -> Tensor:
            return function(x, *args, *([named.pop(name)] if name in named else ()), **named)

        return either

    return decorated


def reshape(x: Tensor, *args: Any, shape: Any = None) -> Tensor:
    """The same elements in another shape, of which one size may be -1: a view where memory allows.

    Raises:
        ValueError: another number of elements.
    """
    if shape is not None:
        args = (shape,)
    data = x._data
    before = data.shape
    return result(reshaped(data, shape_of(args)), (x,), lambda g: (reshaped(g, before),), "View", view=True)


def view(x: Tensor, *args: Any, shape: Any = None) -> Tensor:
    """In another shape. Weights and images do not lie in the order of their shapes: where memory allows no view, it is
    a copy whose changes in place reach x all the same.
    """
    out = reshape(x, *args, shape=shape)
    if out._node is None and ops.recorder is None and not x._data.flags.c_contiguous and out._data is not x._data:
        out._version = Version()
        out._version.source = out._data, x
    return out


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from start_dim to end_dim as one."""
    shape = x._data.shape
    rank = len(shape)
    if rank == 0:
        return x.reshape(1)
    start, end = dimension(start_dim, rank), dimension(end_dim, rank)
    if start > end:
        raise ValueError(f"[flatten] start_dim {start_dim} comes after end_dim {end_dim}")
    return x.reshape(*shape[:start], Size(shape[start : end + 1]).numel(), *shape[end + 1 :])


def view_as(x: Tensor, other: Tensor) -> Tensor:
    """In the shape of another tensor."""
    return view(x, other._data.shape)


def expand_as(x: Tensor, other: Tensor) -> Tensor:
    """Repeated to the shape of another tensor, without a copy."""
    return expand(x, other._data.shape)


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged: a view."""
    return result(x._data.swapaxes(dim0, dim1), (x,), lambda g: (g.swapaxes(dim0, dim1),), "Transpose", view=True)


@_listed("dims")
def permute(x: Tensor, *dims: Any) -> Tensor:
    """The dimensions in another order: a view.

    Raises:
        ValueError: an order that does not name each dimension once.
    """
    rank = x._data.ndim
    order = [dimension(dim, rank) for dim in shape_of(dims)]
    if sorted(order) != list(range(rank)):
        raise ValueError(f"[permute] {tuple(order)} does not name each of the {rank} dimensions once")
    back = [order.index(i) for i in range(rank)]
    return result(x._data.transpose(order), (x,), lambda g: (g.transpose(back),), "Permute", view=True)


def t(x: Tensor) -> Tensor:
    """A matrix (I, O) as (O, I), a vector as it is: a view.

    Raises:
        ValueError: more than two dimensions.
    """
    if x._data.ndim > 2:
        raise ValueError(f"[t] expected at most 2 dimensions, got shape {tuple(x.shape)}: use transpose")
    return x.transpose(0, 1) if x._data.ndim == 2 else x


def reverse(x: Tensor) -> Tensor:
    return x.permute(*range(x._data.ndim - 1, -1, -1))


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """With a dimension of size 1 more, at dim: a view."""
    axis = dimension(dim, x._data.ndim + 1)
    wide = x._data[(*[slice(None)] * axis, None)]
    return result(wide, (x,), lambda g: (g.squeeze(axis),), "Unsqueeze", view=True)


def squeeze(x: Tensor, dim: int | None = None) -> Tensor:
    """Without dimensions of size 1, or without dim where that has size 1: a view."""
    shape = x._data.shape
    chosen = range(len(shape)) if dim is None else (dimension(dim, len(shape)),)
    axes = tuple(axis for axis in chosen if shape[axis] == 1)
    return result(x._data.squeeze(axes), (x,), lambda g: (np.expand_dims(g, axes),), "Squeeze", view=True)


@_listed("size")
def expand(x: Tensor, *shape: Any) -> Tensor:
    """Repeated along dimensions of size 1, without a copy; -1 leaves a size as it is.

    Raises:
        ValueError: a size other than 1 that is to change.
    """
    wanted, before = shape_of(shape), x._data.shape
    lead = len(wanted) - len(before)
    target = tuple(before[i - lead] if want == -1 and i >= lead else want for i, want in enumerate(wanted))
    try:
        wide = np.broadcast_to(x._data, target)
    except ValueError:
        raise ValueError(f"[expand] a tensor of shape {before} cannot be repeated to {wanted}") from None
    return result(wide, (x,), lambda g: (unbroadcast(g, before),), "Expand", view=True)


def unflatten(x: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One dimension as several; -1 for the size that follows from the others.

    Raises:
        ValueError: the sizes do not make up the dimension.
    """
    axis, shape = dimension(dim, x._data.ndim), x._data.shape
    known = prod(size for size in sizes if size != -1)
    if shape[axis] != known if -1 not in sizes else known == 0 or shape[axis] % known:
        raise ValueError(f"[unflatten] sizes {tuple(sizes)} do not make up dimension {dim} of shape {shape}")
    return reshape(x, *shape[:axis], *sizes, *shape[axis + 1 :])


def movedim(x: Tensor, source: int, destination: int) -> Tensor:
    """One dimension in another place, the others in their order."""
    rank = x._data.ndim
    order = [axis for axis in range(rank) if axis != dimension(source, rank)]
    order.insert(dimension(destination, rank), dimension(source, rank))
    return permute(x, *order)


def split(x: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of one size along dim (the last one may be smaller), or of the sizes that are given: views.

    Raises:
        ValueError: the sizes do not add up, or the size is below 1.
    """
    axis = dimension(dim, x._data.ndim)
    extent, sizes = x._data.shape[axis], split_size_or_sections
    if isinstance(sizes, int | np.integer):
        if sizes < 1:
            raise ValueError(f"split: the size of a part is {sizes}; it must be at least 1")
        sizes = [min(sizes, extent - first) for first in range(0, extent, sizes)] or [0]
    if sum(sizes) != extent:
        raise ValueError(f"split: the sizes {list(sizes)} add up to {sum(sizes)}, dimension {dim} has {extent}")
    ends = list(accumulate(sizes))
    lead = (slice(None),) * axis
    return tuple(x[(*lead, slice(end - size, end))] for size, end in zip(sizes, ends, strict=True))


def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most so many parts of one size along dim: views."""
    if chunks < 1:
        raise ValueError(f"chunk: chunks is {chunks}; it must be at least 1")
    extent = x._data.shape[dimension(dim, x._data.ndim)]
    return split(x, max(-(-extent // chunks), 1), dim)


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along dim, without it: views."""
    axis = dimension(dim, x._data.ndim)
    return tuple(x[(*[slice(None)] * axis, i)] for i in range(x._data.shape[axis]))


def narrow(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """length elements along dim from start on: a view."""
    axis = dimension(dim, x._data.ndim)
    return x[(*[slice(None)] * axis, slice(start, start + length))]


@_listed("repeats")
def repeat(x: Tensor, *sizes: Any) -> Tensor:
    """So many copies along each dimension; more sizes than dimensions put new ones in front."""
    times, shape = shape_of(sizes), x._data.shape
    if len(times) < len(shape):
        raise ValueError(f"[repeat] {times} has fewer sizes than the tensor dimensions: its shape is {shape}")
    shape = (1,) * (len(times) - len(shape)) + shape
    pairs = [size for pair in zip(times, shape, strict=True) for size in pair]
    spread = x.reshape(*(size for extent in shape for size in (1, extent))).expand(*pairs)
    return spread.reshape(*(n * extent for n, extent in zip(times, shape, strict=True)))


@_listed("dims")
def tile(x: Tensor, *sizes: Any) -> Tensor:
    """As :func:`repeat`; sizes that are missing in front are 1."""
    times = shape_of(sizes)
    return repeat(x, (1,) * (x._data.ndim - len(times)) + times)


@_listed("dims")
def flip(x: Tensor, *dims: Any) -> Tensor:
    """Turned round along dimensions: a copy."""
    turned = {dimension(dim, x._data.ndim) for dim in shape_of(dims)}
    return x[tuple(slice(None, None, -1 if axis in turned else None) for axis in range(x._data.ndim))].clone()
