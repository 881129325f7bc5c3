"""Indexing of tensors: slices are views, integer and bool arrays gather; gradients go back to where they came from."""

from __future__ import annotations

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
