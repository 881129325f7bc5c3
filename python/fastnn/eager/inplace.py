"""Changes in place: ``x += 1``, ``x[key] = value``, ``x.zero_()``. The tape does not see them, and refuses them.

A recording refuses them too, but for the state of a module (a registered buffer), which a step may change as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager import autograd, ops

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def write(x: Tensor, key: Any, value: Any) -> None:
    """Writes numbers into what key picks of x (all of it: ``...``).

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
    recorder = ops.recorder
    if recorder is None or not recorder.is_here():
        x._data[key] = value
        return
    if key is not ... or not recorder.may_change(x._data):
        recorder.refuse("a change in place")
    ops.assign(x._data, np.broadcast_to(np.asarray(value, dtype=x._data.dtype), x._data.shape))


def update(x: Tensor, value: Tensor) -> Tensor:
    """What ``x += y`` leaves in x, given value = x + y: written into x's memory, or value where x is not a leaf.

    Raises:
        RuntimeError: see :func:`write`.
        ValueError: the shape or kind of value is not x's.
    """
    if x._node is not None or (value._node is not None and not x.requires_grad):
        return value  # the tape goes on from here; it may need the old values
    if value.shape != x.shape or value.dtype != x.dtype:
        raise ValueError(
            f"a change in place cannot turn shape {tuple(x.shape)} of {x.dtype!r} "
            f"into {tuple(value.shape)} of {value.dtype!r}"
        )
    write(x, ..., value._data)
    return x
