"""sum and max over one axis of (outer, axis, inner)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from fastnn import _core
from fastnn.reference import reduce as reference

from benchmarks.harness import gamma
from benchmarks.op_case import OpCase, normal, tree

# Rows of logits, columns of a hidden layer, one long sum.
SHAPES = [(64, 10, 1), (1, 64, 256), (1, 1 << 20, 1)]


def sum_bound(truth: Sequence[np.ndarray], x: np.ndarray) -> list[np.ndarray]:
    """The last axis along the lane tree, another one as a chain; the scale."""
    _, axis, inner = x.shape
    return [gamma((tree(axis) if inner == 1 else axis) + 1) * np.abs(x).sum(axis=1)]


def cases() -> Iterator[OpCase]:
    for shape in SHAPES:
        size, name = int(np.prod(shape)), "x".join(map(str, shape))
        yield OpCase(
            f"sum {name}",
            _core.sum,
            reference.sum,
            normal(shape),
            bound=sum_bound,
            numpy=lambda x: x.sum(axis=1),
            torch="sum",
            nbytes=4 * size,
        )
        yield OpCase(f"max {name}", _core.max, reference.max, normal(shape), torch="max", nbytes=4 * size)
