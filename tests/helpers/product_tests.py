"""What the tests of matrix products share: sizes around every blocking constant, and whole numbers."""

from __future__ import annotations

import numpy as np

# Around every blocking constant, and 0 and 1: tile rows 4, 6, 14 and twice that, panels of 4, 8, 16, 32 columns.
EDGES = sorted({0, 1} | {n + d for n in (4, 6, 8, 12, 14, 16, 28, 32, 64) for d in (-1, 0, 1)})
K_EDGES = [0, 1, 2, 5, 16, 17, 1023, 1024, 1025, 2047, 2048, 2049]  # k_block is 1024 (ops/matmul.cpp)


def random_dims(rng: np.random.Generator) -> tuple[int, int, int]:
    """M, K, N around the blocking constants; one in eight big enough for several threads."""
    if rng.uniform() < 0.125:
        return int(rng.integers(40, 80)), int(rng.integers(600, 1100)), int(rng.integers(31, 66))
    m, n = rng.choice(EDGES, 2)
    return int(m), int(rng.choice(K_EDGES if rng.uniform() < 0.3 else EDGES)), int(n)


def integers(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Whole numbers up to 31: sums of 2,049 products stay below 2^24, so that no rounding can happen."""
    return rng.integers(-31, 32, shape).astype(dtype) * (rng.uniform(size=shape) < 0.9)
