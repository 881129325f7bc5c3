"""Softmax cross-entropy: mean loss, losses and gradient in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from fastnn import _core
from fastnn.reference import cross_entropy as reference
from fastnn.reference.softmax import softmax

from benchmarks.harness import gamma
from benchmarks.op_case import LOGITS, Arrays, OpCase, tree
from benchmarks.ops.softmax import total_roundings


def draw(samples: int, classes: int) -> Arrays:
    rng = np.random.default_rng(20240229)
    return rng.standard_normal((samples, classes), np.float32), rng.integers(0, classes, samples)


def bound(truth: Sequence[np.ndarray], logits: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """log_softmax's error a sample; the mean adds the tree over the samples; the gradient is a probability, 1 taken
    from it, times the scale."""
    count = total_roundings(logits)
    losses = gamma(count[:, 0]) * (1 + truth[1])
    total = losses.mean() + gamma(tree(len(labels)) + 2) * truth[1].mean()
    grad = (gamma(count + 3) * softmax(logits) + gamma(3)) / len(labels)
    return [total, losses, grad]


def cases() -> Iterator[OpCase]:
    for samples, classes in (LOGITS, (6000, 10), (1000, 1000)):
        yield OpCase(
            f"{samples}x{classes}",
            _core.cross_entropy,
            reference.cross_entropy,
            lambda samples=samples, classes=classes: draw(samples, classes),
            bound=bound,
            torch="cross_entropy",
            nbytes=8 * samples * classes,
        )
