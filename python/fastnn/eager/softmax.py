"""softmax and log_softmax along a dimension."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastnn.eager import ops
from fastnn.eager.autograd import RESULT
from fastnn.eager.support import dimension, floating, result

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def softmax(x: Tensor, dim: int) -> Tensor:
    """e^x / sum e^x over dim."""
    return _over_last_axis(x, dim, _softmax_last)


def log_softmax(x: Tensor, dim: int) -> Tensor:
    """log of softmax over dim, without overflow."""
    return _over_last_axis(x, dim, _log_softmax_last)


def _over_last_axis(x: Tensor, dim: int, function: Callable[[Tensor], Tensor]) -> Tensor:
    """function along dim: moved to the end and back where it is not there."""
    x = floating(x)
    rank = x._data.ndim
    if dimension(dim, rank) == rank - 1:
        return function(x)
    return function(x.transpose(dim, -1)).transpose(dim, -1)


def _softmax_last(x: Tensor) -> Tensor:
    y = ops.softmax(x._data)
    return result(y, (x,), lambda g: (ops.softmax_backward(g, y),), "Softmax", RESULT)


def _log_softmax_last(x: Tensor) -> Tensor:
    y = ops.log_softmax(x._data)
    return result(y, (x,), lambda g: (ops.log_softmax_backward(g, y),), "LogSoftmax", RESULT)
