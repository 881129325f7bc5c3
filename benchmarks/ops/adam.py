"""Adam's update of all weights of a layer, in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from fastnn import _core
from fastnn.reference import adam as reference

from benchmarks.harness import gamma
from benchmarks.op_case import HIDDEN, LARGE, WEIGHTS, Arrays, OpCase

STEP, LR, BETA1, BETA2, EPS = 3, 1e-3, 0.9, 0.999, 1e-8


def draw(shape: tuple[int, ...]) -> Arrays:
    """param, grad, m, v as after some steps."""
    rng = np.random.default_rng(20240229)
    param, grad, m = (rng.standard_normal(shape, np.float32) for _ in range(3))
    return param, grad, m, rng.uniform(0.1, 2, shape).astype(np.float32)


def ours(param: np.ndarray, grad: np.ndarray, m: np.ndarray, v: np.ndarray) -> Arrays:
    settings = _core.AdamSettings()
    settings.lr, settings.beta1, settings.beta2, settings.eps = LR, BETA1, BETA2, EPS
    settings.set_step(STEP)
    _core.adam(param, grad, m, v, settings)
    return param, m, v


def in_numpy(param: np.ndarray, grad: np.ndarray, m: np.ndarray, v: np.ndarray) -> Arrays:
    reference.adam(param, grad, m, v, STEP, LR, BETA1, BETA2, EPS)
    return param, m, v


def bound(truth: Sequence[np.ndarray], param: np.ndarray, grad: np.ndarray, *state: np.ndarray) -> list[np.ndarray]:
    """A moment: its two rounded constants, two products, a square, a sum. The step: the moments' errors, rate and
    eps rounded, root, sum, quotient, product; then the difference."""
    moment = np.abs(BETA1 * state[0]) + np.abs((1 - BETA1) * grad)
    corrected1, corrected2 = 1 - BETA1**STEP, 1 - BETA2**STEP
    step = LR * moment / corrected1 / (np.sqrt(truth[2] / corrected2) + EPS)
    return [gamma(1) * np.abs(param) + gamma(16) * step, gamma(5) * moment, gamma(5) * truth[2]]


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, WEIGHTS, LARGE):
        yield OpCase(
            "x".join(map(str, shape)),
            ours,
            in_numpy,
            lambda shape=shape: draw(shape),
            bound=bound,
            torch="adam",
            settings={"step": STEP, "lr": LR, "beta1": BETA1, "beta2": BETA2, "eps": EPS},
            nbytes=28 * int(np.prod(shape)),
        )
