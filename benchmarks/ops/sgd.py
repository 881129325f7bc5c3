"""SGD's update with momentum of all weights of a layer, in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from fastnn import _core
from fastnn.reference import sgd as reference

from benchmarks.harness import gamma
from benchmarks.op_case import HIDDEN, LARGE, WEIGHTS, Arrays, OpCase, normal

LR, MOMENTUM = 1e-3, 0.9


def ours(param: np.ndarray, grad: np.ndarray, buffer: np.ndarray) -> Arrays:
    settings = _core.SgdSettings()
    settings.lr, settings.momentum, settings.first = LR, MOMENTUM, False
    _core.sgd(param, grad, buffer, settings)
    return param, buffer


def in_numpy(param: np.ndarray, grad: np.ndarray, buffer: np.ndarray) -> Arrays:
    reference.sgd(param, grad, buffer, LR, MOMENTUM)
    return param, buffer


def bound(truth: Sequence[np.ndarray], param: np.ndarray, grad: np.ndarray, buffer: np.ndarray) -> list[np.ndarray]:
    """The buffer: a rounded constant, a product, a sum. The step: those, lr, a product, the difference."""
    magnitude = np.abs(MOMENTUM * buffer) + np.abs(grad)
    return [gamma(1) * np.abs(param) + gamma(6) * LR * magnitude, gamma(3) * magnitude]


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, WEIGHTS, LARGE):
        yield OpCase(
            "x".join(map(str, shape)),
            ours,
            in_numpy,
            normal(shape, shape, shape),
            bound=bound,
            torch="sgd",
            settings={"lr": LR, "momentum": MOMENTUM},
            nbytes=20 * int(np.prod(shape)),
        )
