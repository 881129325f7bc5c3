"""Mean squared error: mean loss, losses and gradient in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from fastnn import _core
from fastnn.reference import mse as reference

from benchmarks.harness import gamma
from benchmarks.op_case import LOGITS, OpCase, normal, tree


def bound(truth: Sequence[np.ndarray], x: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """A square has three roundings, sums are positive and go along the tree, the gradient has three."""
    samples, outputs = x.shape
    return [
        gamma(tree(outputs) + tree(samples) + 5) * truth[0],
        gamma(tree(outputs) + 3) * truth[1],
        gamma(3) * np.abs(truth[2]),
    ]


def cases() -> Iterator[OpCase]:
    for shape in (LOGITS, (6000, 10)):
        yield OpCase(
            "x".join(map(str, shape)),
            _core.mse,
            reference.mse,
            normal(shape, shape),
            bound=bound,
            torch="mse",
            nbytes=12 * shape[0] * shape[1],
        )
