"""Binary cross-entropy with logits: mean loss, losses and gradient in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from fastnn import _core
from fastnn.reference import bce as reference

from benchmarks.harness import gamma
from benchmarks.op_case import LOGITS, Arrays, OpCase, tree


def draw(shape: tuple[int, int]) -> Arrays:
    rng = np.random.default_rng(20240229)
    return rng.standard_normal(shape, np.float32), rng.integers(0, 2, shape).astype(np.float32)


def bound(truth: Sequence[np.ndarray], x: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """A term is max(x, 0) - x t + log(1 + e): exp and log within 4 u each, at most 6 more roundings, on magnitudes;
    then the trees. The gradient: 4 u of sigmoid, three roundings of a number that is at most 1."""
    samples, outputs = x.shape
    magnitude = (np.abs(x) + np.abs(x * target) + np.log1p(np.exp(-np.abs(x)))).sum(axis=1)
    losses = gamma(tree(outputs) + 14) * magnitude
    total = losses.mean() + gamma(tree(samples) + 2) * magnitude.mean()
    return [total / outputs, losses, np.full(x.shape, gamma(7) / x.size)]


def cases() -> Iterator[OpCase]:
    for shape in (LOGITS, (6000, 10)):
        yield OpCase(
            "x".join(map(str, shape)),
            _core.bce_with_logits,
            reference.bce_with_logits,
            lambda shape=shape: draw(shape),
            bound=bound,
            torch="bce",
            nbytes=12 * shape[0] * shape[1],
        )
