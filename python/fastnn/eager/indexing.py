"""Indexing of tensors: slices are views, integer and bool arrays gather; gradients go back to where they came from."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.eager import ops
from fastnn.eager.inplace import writable
from fastnn.eager.tensor import Tensor, _reshaped, _result


def _plain(key: Any) -> Any:
    """Tensors in a key as arrays."""
    if isinstance(key, tuple):
        return tuple(_plain(part) for part in key)
    if isinstance(key, list):
        return np.asarray(key)
    if isinstance(key, Tensor):
        return key._read("indexing by a tensor")
    return key


def _is_basic(key: Any) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return all(part is None or part is Ellipsis or isinstance(part, int | np.integer | slice) for part in parts)


def _view(data: np.ndarray, key: Any) -> np.ndarray:
    """data[key] for a basic key, as an array even where one element is left."""
    parts = key if isinstance(key, tuple) else (key,)
    return data[key] if Ellipsis in parts else data[(*parts, Ellipsis)]


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[key]. Slices and integers give a view; arrays give a copy of what they pick.

    Raises:
        IndexError: outside the tensor.
    """
    key = _plain(key)
    data = x._data
    if not x.requires_grad:
        return Tensor._wrap(_view(data, key) if _is_basic(key) else ops.index(data, key))
    # Which flat elements the key picks: the same key on an array of positions.
    positions = np.arange(data.size, dtype=np.int64).reshape(data.shape)[key]
    flat = np.asarray(positions, order="C")
    picked = _view(data, key) if _is_basic(key) else ops.take(_contiguous(data), flat)

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        return (ops.take_backward(_contiguous(g), flat, list(data.shape)),)

    return _result(picked, (x,), backward, "Index")


def _contiguous(data: np.ndarray) -> np.ndarray:
    return _reshaped(data, data.shape) if data.flags.c_contiguous else ops.copy(data)


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value, in place.

    Raises:
        RuntimeError: x is on the tape, see :func:`fastnn.eager.inplace.writable`.
    """
    writable(x)[_plain(key)] = value._data if isinstance(value, Tensor) else value
