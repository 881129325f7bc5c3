"""Random state: one seed and the counters that say how much of each stream is used.

Every random number is a pure function of (seed, purpose, position, index) (Philox, see ``cpp/core/philox.h``), so the
state is a handful of integers: it can be saved, restored and advanced by eager code and compiled plans alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from fastnn import _core

INIT, ORDER, DROPOUT, AUGMENTATION, DIGITS, USER = range(6)  # Purpose in cpp/core/philox.h


@dataclass
class RandomState:
    """Seed and counters since :func:`manual_seed`.

    parameters: initialised so far (stream INIT); orders: shuffles drawn by loaders (ORDER); dropouts: modules made
    (DROPOUT, each
    counts its own calls); draws: calls of ``rand`` and its like (USER).
    """

    seed: int = 0
    parameters: int = 0
    orders: int = 0
    dropouts: int = 0
    draws: int = 0

    def advance(self, counter: str) -> int:
        """The present value of a counter, which then moves on by one."""
        value: int = getattr(self, counter)
        setattr(self, counter, value + 1)
        return value

    def as_dict(self) -> dict[str, int]:
        return asdict(self)

    def restore(self, values: dict[str, int]) -> None:
        """Takes over what :meth:`as_dict` gave."""
        for name, value in values.items():
            setattr(self, name, int(value))


state = RandomState()


def manual_seed(seed: int) -> RandomState:
    """Seeds every stream and sets all counters to zero.

    Raises:
        TypeError: seed is not an integer.
        ValueError: seed is outside -2**63 .. 2**64 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"seed must be an integer, got {type(seed).__name__}")
    if not -(2**63) <= seed < 2**64:
        raise ValueError(f"seed is {seed}; it must fit 64 bits")
    state.restore(asdict(RandomState(seed=int(seed) % 2**64)))
    return state


def initial_seed() -> int:
    """The seed in use."""
    return state.seed


def uniform(
    shape: Sequence[int], low: float, high: float, *, purpose: int, position: int, dtype: type = np.float32
) -> np.ndarray:
    """Uniform numbers in [low, high): word i of the stream for element i."""
    return _core.uniform(list(shape), low, high, state.seed, purpose, position, dtype is np.float64)


def permutation(n: int) -> np.ndarray:
    """The next shuffled order of n samples, int64 (n,)."""
    return _core.permutation(n, state.seed, ORDER, state.advance("orders"))
