"""The random numbers of transforms: fastnn's own stream, so that ``manual_seed`` decides (``torch.rand`` moves it too).

Each call takes one position of the stream (float64), so a sequence of samples is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastnn.eager import draws


def uniform(low: float = 0.0, high: float = 1.0) -> float:
    """In [low, high)."""
    return low + (high - low) * float(draws.uniform((1,), 0.0, 1.0, np.float64)[0])


def chance(p: float) -> bool:
    """True with probability ``p``."""
    return uniform() < p


def integer(low: int, high: int) -> int:
    """A whole number in low..high-1."""
    return min(int(uniform(low, high)), high - 1)


def order(count: int) -> list[int]:
    """0..count-1 in a random order."""
    return np.argsort(draws.uniform((count,), 0.0, 1.0, np.float64), kind="stable").tolist()


def choice(count: int, weights: Sequence[float] | None = None) -> int:
    """One of 0..count-1, by weights that need not add up to one."""
    if weights is None:
        return integer(0, count)
    ends = np.add.accumulate(np.asarray(weights, np.float64))
    return min(int(np.searchsorted(ends, uniform(0, ends[-1]), "right")), count - 1)


def normal(shape: Sequence[int]) -> np.ndarray:
    """float32 with mean 0 and deviation 1."""
    return draws.normal(shape).astype(np.float32)
