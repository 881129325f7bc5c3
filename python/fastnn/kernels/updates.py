"""Optimizers' updates, in place."""

from __future__ import annotations

import operator

import numpy as np

from fastnn import _core
from fastnn.kernels.results import check_least

__all__ = [
    "adam_step",
    "adamw_step",
    "rmsprop_step",
    "sgd_step",
]


def adam_step(
    param: np.ndarray,
    grad: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> None:
    """One Adam update in place (Kingma and Ba, 2015).

    Args:
        param, m, v: one shape, dtype and memory layout; they are changed.
        grad: of that shape and dtype.
        step: from 1.

    Raises:
        ValueError: a step below 1 or from 2^63 on, lr, eps or weight_decay below 0 or not finite, a beta outside of
            0 <= beta < 1, shapes or layouts that differ, arrays that overlap in memory, a read-only array.
        TypeError: a step that is no integer, dtypes that differ, or no arrays.
    """
    _adam(param, grad, m, v, step, (lr, beta1, beta2, eps, weight_decay), decoupled=False)


def adamw_step(
    param: np.ndarray,
    grad: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> None:
    """:func:`adam_step` with the decay beside it (Loshchilov and Hutter, 2019): param shrinks by lr weight_decay."""
    _adam(param, grad, m, v, step, (lr, beta1, beta2, eps, weight_decay), decoupled=True)


def _adam(
    param: np.ndarray,
    grad: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    step: int,
    numbers: tuple[float, float, float, float, float],
    decoupled: bool,
) -> None:
    _check_step("adam", step)
    check_least("adam", lr=numbers[0], weight_decay=numbers[4])
    settings = _core.AdamSettings()
    settings.lr, settings.beta1, settings.beta2, settings.eps, settings.weight_decay = numbers
    settings.decoupled = decoupled
    settings.set_step(step)
    _core.adam(param, _laid_as(grad, param), m, v, settings)


def sgd_step(
    param: np.ndarray,
    grad: np.ndarray,
    buffer: np.ndarray | None = None,
    step: int = 1,
    lr: float = 1e-3,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> None:
    """One update of stochastic gradient descent in place, PyTorch's form: g = grad + weight_decay param; b = momentum b
    + (1 - dampening) g, in step 1 b = g; param -= lr b, nesterov: lr (g + momentum b).

    Args:
        param, buffer: one shape, dtype and memory layout; they are changed. buffer None: without momentum.
        grad: of that shape and dtype.
        step: from 1.

    Raises:
        ValueError: as :func:`adam_step`, or a momentum without a buffer.
        TypeError: as :func:`adam_step`.
    """
    _check_step("sgd", step)
    check_least("sgd", lr=lr, weight_decay=weight_decay)
    if buffer is None and momentum:
        raise ValueError(f"[sgd] momentum is {momentum}, and there is no buffer for it: pass np.zeros_like(param)")
    settings = _core.SgdSettings()
    settings.lr, settings.momentum, settings.dampening = lr, momentum, dampening
    settings.weight_decay, settings.nesterov = weight_decay, nesterov
    settings.set_step(step)
    settings.first = step == 1
    _core.sgd(param, _laid_as(grad, param), buffer, settings)


def rmsprop_step(
    param: np.ndarray,
    grad: np.ndarray,
    square: np.ndarray,
    buffer: np.ndarray | None = None,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    eps_inside: bool = False,
) -> None:
    """One update of RMSprop in place, PyTorch's form: g = grad + weight_decay param; s = alpha s + (1 - alpha) g^2; d =
    g / (sqrt(s) + eps), eps_inside: g / sqrt(s + eps); b = momentum b + d; param -= lr b.

    Args:
        param, square, buffer: one shape, dtype and memory layout; they are changed. buffer None: without momentum.
        grad: of that shape and dtype.

    Raises:
        ValueError: as :func:`adam_step`, or a momentum without a buffer.
        TypeError: as :func:`adam_step`.
    """
    check_least("rmsprop", lr=lr, weight_decay=weight_decay)
    if buffer is None and momentum:
        raise ValueError(f"[rmsprop] momentum is {momentum}, and there is no buffer for it: pass np.zeros_like(param)")
    settings = _core.RmspropSettings()
    settings.lr, settings.alpha, settings.eps, settings.weight_decay = lr, alpha, eps, weight_decay
    settings.momentum, settings.eps_inside = momentum, eps_inside
    _core.rmsprop(param, _laid_as(grad, param), square, buffer, settings)


def _check_step(op: str, step: int) -> None:
    if not 1 <= operator.index(step) < 2**63:
        raise ValueError(f"[{op}] step is {step}; steps are counted from 1, up to 2^63 - 1")


def _laid_as(grad: np.ndarray, param: np.ndarray) -> np.ndarray:
    """grad in the memory layout of param."""
    if isinstance(grad, np.ndarray) and isinstance(param, np.ndarray) and grad.strides != param.strides:
        return np.array(grad, order="F" if param.flags.f_contiguous else "C")
    return grad
