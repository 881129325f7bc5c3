"""RMSprop's update of all weights of a layer, in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from fastnn import _core
from fastnn.reference import rmsprop as reference

from benchmarks.harness import gamma
from benchmarks.op_case import HIDDEN, LARGE, WEIGHTS, Arrays, OpCase

LR, ALPHA, EPS = 1e-2, 0.99, 1e-8


def draw(shape: tuple[int, ...]) -> Arrays:
    """param, grad, the running square."""
    rng = np.random.default_rng(20240229)
    param, grad = (rng.standard_normal(shape, np.float32) for _ in range(2))
    return param, grad, rng.uniform(0.1, 2, shape).astype(np.float32)


def ours(param: np.ndarray, grad: np.ndarray, square: np.ndarray) -> Arrays:
    settings = _core.RmspropSettings()
    settings.lr, settings.alpha, settings.eps = LR, ALPHA, EPS
    _core.rmsprop(param, grad, square, None, settings)
    return param, square


def in_numpy(param: np.ndarray, grad: np.ndarray, square: np.ndarray) -> Arrays:
    reference.rmsprop(param, grad, square, None, LR, ALPHA, EPS)
    return param, square


def bound(truth: Sequence[np.ndarray], param: np.ndarray, grad: np.ndarray, square: np.ndarray) -> list[np.ndarray]:
    """The square: two constants, two products, a sum. The step: half of that, root, eps, sum, quotient, lr, product;
    then the difference."""
    step = LR * np.abs(grad) / (np.sqrt(truth[1]) + EPS)
    return [gamma(1) * np.abs(param) + gamma(10) * step, gamma(5) * truth[1]]


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, WEIGHTS, LARGE):
        yield OpCase(
            "x".join(map(str, shape)),
            ours,
            in_numpy,
            lambda shape=shape: draw(shape),
            bound=bound,
            torch="rmsprop",
            settings={"lr": LR, "alpha": ALPHA, "eps": EPS},
            nbytes=20 * int(np.prod(shape)),
        )
