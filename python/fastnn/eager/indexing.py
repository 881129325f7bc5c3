"""Indexing of tensors: slices are views, integer and bool arrays gather; gradients go back to where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager import ops
from fastnn.eager.dtypes import Size
from fastnn.eager.inplace import write
from fastnn.eager.support import TensorBase, contiguous, result, view_of, wrap

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[key]. Slices and integers give a view; arrays give a copy of what they pick.

    Raises:
        IndexError: outside the tensor.
    """
    if x.requires_grad:
        return _traced(x, _plain(key))
    if type(key) is int:  # a sample of a data set, again and again
        return view_of(x, x._data[key, ...])
    key = _plain(key)
    return view_of(x, _view(x._data, key)) if _is_basic(key) else wrap(ops.index(x._data, key))


def _traced(x: Tensor, key: Any) -> Tensor:
    """x[key] where x requires grad."""
    data, basic = x._data, _is_basic(key)
    shape, gathered = data.shape, None if basic else _positions(data.shape, key)
    picked = _view(data, key) if basic else ops.take(contiguous(data), gathered)

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        positions = _positions(shape, key) if basic else gathered
        return (ops.take_backward(contiguous(g), positions, list(shape)),)

    return result(picked, (x,), backward, "Index", view=basic)


def _positions(shape: tuple[int, ...], key: Any) -> np.ndarray:
    """Which elements of the flat array a key picks: the same key on an array of their numbers."""
    numbers = np.arange(Size(shape).numel(), dtype=np.int64).reshape(shape)
    return np.asarray(numbers[key], order="C")


def picked(x: Tensor, numbers: Sequence[np.ndarray]) -> Tensor:
    """Elements of the last dimensions, by their numbers in each of them: a copy, in the order of memory of x."""
    data = x._data
    whole = [np.arange(extent) for extent in data.shape[: data.ndim - len(numbers)]]
    places = [*whole, *numbers]
    if data.dtype.kind != "f":
        return wrap(contiguous(x._read("picking integers")[np.ix_(*places)]))
    order = memory_order(data)
    back = np.argsort(order)
    lying = contiguous(data.transpose(order))
    positions = _positions(lying.shape, np.ix_(*(places[axis] for axis in order)))

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        grad = ops.take_backward(contiguous(g.transpose(order)), positions, list(lying.shape))
        return (grad.transpose(back),)

    return result(ops.take(lying, positions).transpose(back), (x,), backward, "Index")


def memory_order(data: np.ndarray) -> tuple[int, ...]:
    """The axes as they lie in memory: of images with their channels last, those; else as they are."""
    last = (0, 2, 3, 1)
    if data.ndim == 4 and not data.flags.c_contiguous and data.transpose(last).flags.c_contiguous:
        return last
    return tuple(range(data.ndim))


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value, in place: without the tape, in x's dtype.

    Raises:
        RuntimeError: x is on the tape, see :func:`fastnn.eager.inplace.write`.
    """
    source = value._to_read() if isinstance(value, TensorBase) else value
    write(x, _plain(key), source)


def _plain(key: Any) -> Any:
    """Tensors in a key as arrays."""
    if isinstance(key, tuple):
        return tuple(_plain(part) for part in key)
    if isinstance(key, list):
        return np.asarray(key)
    if isinstance(key, TensorBase):
        return key._read("indexing by a tensor")
    return key


def _is_basic(key: Any) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return all(part is None or part is Ellipsis or isinstance(part, int | np.integer | slice) for part in parts)


def _view(data: np.ndarray, key: Any) -> np.ndarray:
    """data[key] for a basic key, as an array even where one element is left."""
    parts = key if isinstance(key, tuple) else (key,)
    return data[key] if Ellipsis in parts else data[(*parts, Ellipsis)]
