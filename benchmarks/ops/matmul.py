"""Matrix products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from fastnn import _core
from fastnn.reference import matmul as reference

from benchmarks.harness import gamma
from benchmarks.op_case import OpCase, normal

# M, K, N: a batch through the hidden and the last layer, the hidden layer's weight gradient, a square.
SHAPES = [(64, 784, 256), (64, 256, 10), (784, 64, 256), (512, 512, 512)]


def bound(truth: Sequence[np.ndarray], a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    """K fused multiply-adds and + 0.0 on the magnitudes."""
    return [gamma(a.shape[1] + 1) * reference.matmul(np.abs(a), np.abs(b))]


def cases() -> Iterator[OpCase]:
    for m, k, n in SHAPES:
        yield OpCase(
            f"{m}x{k} by {k}x{n}",
            _core.matmul,
            reference.matmul,
            normal((m, k), (k, n)),
            bound=bound,
            torch="matmul",
            flops=2 * m * k * n,
        )
