"""The orders in which samples are drawn: a pure function of the seed and of how many were drawn before."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import _core, random
from fastnn.eager.tensor import Tensor


def permutation(n: int, generator: Any = None, position: int = 0) -> np.ndarray:
    """A shuffled order of n samples, int64 (n,).

    Args:
        n: how many.
        generator: None for the next order of fastnn's random state; or an object with ``initial_seed()``,
            whose order number ``position`` it is. Then the random state does not move.
        position: counts the orders drawn with one generator.

    Raises:
        TypeError: generator has no ``initial_seed()``.
    """
    if generator is None:
        return random.permutation(n)
    return _core.permutation(n, seed_of(generator), random.ORDER, position)


def choices(n: int, count: int, generator: Any = None, position: int = 0) -> np.ndarray:
    """``count`` samples out of n, each drawn anew: int64 (count,). Arguments as :func:`permutation`."""
    unit = _uniform(count, generator, position)
    return np.minimum((unit * n).astype(np.int64), n - 1)  # the product can round up to n


def weighted(
    weights: np.ndarray, count: int, replacement: bool, generator: Any = None, position: int = 0
) -> np.ndarray:
    """``count`` samples, each as likely as its weight, float64 (n,), says: int64 (count,); further arguments as
    :func:`permutation`.

    Without replacement: the samples with the largest log(u) / weight, which are those of one draw after the other
    (Efraimidis and Spirakis, 2006).
    """
    if replacement:
        ends = np.cumsum(weights)
        found = np.searchsorted(ends, _uniform(count, generator, position) * ends[-1], side="right")
        return np.minimum(found, np.flatnonzero(weights)[-1])  # the product can round up to the sum
    likely = np.flatnonzero(weights)
    logarithms = np.negative(Tensor(1 - _uniform(len(likely), generator, position)).log().numpy())
    return likely[np.argsort(logarithms / weights[likely], kind="stable")[:count]]


def _uniform(count: int, generator: Any, position: int) -> np.ndarray:
    """float64 (count,) in 0..1, without 1."""
    own = generator is None
    seed = random.initial_seed() if own else seed_of(generator)
    place = random.state.advance("orders") if own else position
    return _core.uniform([count], 0.0, 1.0, seed, random.ORDER, place, True)


def seed_of(generator: Any) -> int:
    """The 64 bits of a generator's seed."""
    if not callable(getattr(generator, "initial_seed", None)):
        raise TypeError(f"generator must have a method initial_seed(), got {type(generator).__name__}")
    return int(generator.initial_seed()) % 2**64
