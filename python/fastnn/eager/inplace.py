"""Changes in place: ``x += 1``, ``x[key] = value``, ``x.zero_()``. The tape does not see them, and refuses them.

A recording refuses them too, but for the state of a module (a registered buffer), which a step may change as a whole.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager import autograd, ops
from fastnn.errors import told

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def write(x: Tensor, key: Any, value: Any) -> None:
    """Writes numbers into what key picks of x (all of it: ``...``).

    Raises:
        RuntimeError: x is on the tape (backward() may need the old values), is a leaf that requires grad outside of
            ``no_grad()``, or a plan is being recorded.
    """
    check_writable(x)
    autograd.mark_changed(x)
    recorder = ops.recorder
    if recorder is None or not recorder.is_here():
        x._data[key] = value
        autograd.version_of(x).write_back()
        return
    if key is not ... or not recorder.may_change(x._data):
        recorder.refuse("a change in place")
    ops.assign(x._data, np.broadcast_to(np.asarray(value, dtype=x._data.dtype), x._data.shape))


def check_writable(x: Tensor) -> None:
    """Refuses a tensor on the tape, or a leaf that requires grad outside of ``no_grad()``."""
    if x._node is not None or (x.requires_grad and autograd.is_grad_enabled()):
        text = (
            "a tensor that requires grad cannot be changed in place: compute a new one (x = x * 2), "
            "change a detach().clone(), or a parameter under no_grad()"
        )
        raise told(RuntimeError(text), "tensor.inplace")


def update(x: Tensor, value: Tensor) -> Tensor:
    """What ``x += y`` leaves in x, given value = x + y: written into x's memory, or value where x is not a leaf.

    Raises:
        RuntimeError: see :func:`write`.
        ValueError: the shape or kind of value is not x's.
    """
    if x._node is not None or (value._node is not None and not x.requires_grad):
        return value  # the tape goes on from here; it may need the old values
    if value.shape != x.shape or not np.can_cast(value._data.dtype, x._data.dtype, "same_kind"):
        raise ValueError(
            f"a change in place cannot turn shape {tuple(x.shape)} of {x.dtype!r} "
            f"into {tuple(value.shape)} of {value.dtype!r}"
        )
    write(x, ..., value._data)
    return x


def in_place(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The method that writes a function of a tensor into it: ``x.mul_(2)``.

    It raises what :func:`update` does, and RuntimeError where the result would be on the tape and x is not.
    """

    @functools.wraps(function)
    def changed(x: Tensor, *args: Any, **named: Any) -> Tensor:
        check_writable(x)
        value = function(x, *args, **named)
        if value._node is not None:
            raise RuntimeError(
                "a change in place leaves nothing on the tape, but the other operand requires grad: "
                "compute a new tensor (x = x * y), or detach() the other one"
            )
        return update(x, value)

    changed.__doc__ = f"In place: {function.__doc__ or function.__name__}"
    return changed


def fill_(x: Tensor, value: Any) -> Tensor:
    """Filled in place with one number."""
    write(x, ..., value.item() if hasattr(value, "item") else value)
    return x
