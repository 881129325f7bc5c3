"""Changes in place: ``x += 1``, ``x[key] = value``, ``x.zero_()``. The tape does not see them, and refuses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.eager import autograd

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def writable(x: Tensor) -> np.ndarray:
    """The array of x, to be written into.

    Raises:
        RuntimeError: x is on the tape (backward() may need the old values), is a leaf that requires grad outside of
            ``no_grad()``, or a plan is being recorded.
    """
    if x._node is not None or (x.requires_grad and autograd.is_grad_enabled()):
        raise RuntimeError(
            "a tensor that requires grad cannot be changed in place: work on a clone(), "
            "or under no_grad() if it is a parameter"
        )
    autograd.mark_changed(x)
    return x._read("a change in place")


def update(x: Tensor, value: Tensor) -> Tensor:
    """What ``x += y`` leaves in x, given value = x + y: written into x's memory, or value where x is not a leaf.

    Raises:
        RuntimeError: see :func:`writable`.
        ValueError: the shape or kind of value is not x's.
    """
    if x._node is not None or (value._node is not None and not x.requires_grad):
        return value  # the tape goes on from here; it may need the old values
    data = writable(x)
    if value.shape != x.shape or value.dtype != x.dtype:
        raise ValueError(
            f"a change in place cannot turn shape {tuple(x.shape)} of {x.dtype!r} "
            f"into {tuple(value.shape)} of {value.dtype!r}"
        )
    data[...] = value._data
    return x
