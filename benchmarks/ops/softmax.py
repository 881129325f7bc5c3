"""softmax and log_softmax over rows, and the gradient of softmax."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from fastnn import _core
from fastnn.reference import softmax as reference

from benchmarks.harness import gamma
from benchmarks.op_case import LOGITS, OpCase, normal, probabilities, tree


def total_roundings(x: np.ndarray) -> np.ndarray:
    """x - max is rounded once, u (max - x) of exp's result; exp within 4 u; the sum along the tree, its terms having
    those errors; the division, or the logarithm within 4 u."""
    distance = x.max(axis=-1, keepdims=True) - x
    return 2 * distance.max(axis=-1, keepdims=True) + 4 + 4 + tree(x.shape[-1]) + 4


def softmax_bound(truth: Sequence[np.ndarray], x: np.ndarray) -> list[np.ndarray]:
    return [gamma(total_roundings(x)) * truth[0]]


def log_softmax_bound(truth: Sequence[np.ndarray], x: np.ndarray) -> list[np.ndarray]:
    """The logarithm turns a relative error into an absolute one; the result is rounded."""
    return [gamma(total_roundings(x)) * (1 + np.abs(truth[0]))]


def backward_bound(truth: Sequence[np.ndarray], grad_y: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """The dot product's magnitudes, a difference and a product."""
    dot = np.abs(grad_y * y).sum(axis=-1, keepdims=True)
    return [gamma(tree(y.shape[-1]) + 3) * y * (np.abs(grad_y) + dot)]


def cases() -> Iterator[OpCase]:
    for shape in (LOGITS, (6000, 10), (1000, 1000)):
        size, name = int(np.prod(shape)), "x".join(map(str, shape))
        yield OpCase(
            f"softmax {name}",
            _core.softmax,
            reference.softmax,
            normal(shape),
            bound=softmax_bound,
            torch="softmax",
            nbytes=8 * size,
        )
    rows, columns = LOGITS
    yield OpCase(
        f"log_softmax {rows}x{columns}",
        _core.log_softmax,
        reference.log_softmax,
        normal(LOGITS),
        bound=log_softmax_bound,
        torch="log_softmax",
        nbytes=8 * rows * columns,
    )
    yield OpCase(
        f"backward {rows}x{columns}",
        _core.softmax_backward,
        reference.softmax_backward,
        probabilities(LOGITS),
        bound=backward_bound,
        torch="softmax_backward",
        nbytes=12 * rows * columns,
    )
