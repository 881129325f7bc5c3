"""Random numbers for users: new arrays of them, and tensors filled in place (each a method of Tensor)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnn import random
from fastnn.eager import ops
from fastnn.eager.inplace import write

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def source_of(generator: random.Generator | None) -> random.RandomState:
    """What numbers are drawn from, which a recorded step cannot do: it would have the same ones each time."""
    if ops.recorder is not None:
        ops.recorder.refuse("a random draw", "the numbers are others each time")
    return random.state_of(generator)


def uniform(
    shape: Sequence[int], low: float, high: float, kind: type, generator: random.Generator | None = None
) -> np.ndarray:
    """In [low, high), from the next position of the stream."""
    source = source_of(generator)
    position = source.advance("draws")
    return random.uniform(shape, low, high, purpose=random.USER, position=position, dtype=kind, seed=source.seed)


def normal(shape: Sequence[int], generator: random.Generator | None = None) -> np.ndarray:
    """float64 with mean 0 and deviation 1, from the next position of the stream."""
    source = source_of(generator)
    position = source.advance("draws")
    return random.normal(shape, purpose=random.USER, position=position, seed=source.seed)


def normal_(x: Tensor, mean: float = 0, std: float = 1, *, generator: random.Generator | None = None) -> Tensor:
    """Filled in place with normal numbers."""
    write(x, ..., mean + std * normal(x._data.shape, generator))
    return x


def uniform_(x: Tensor, a: float = 0, b: float = 1, *, generator: random.Generator | None = None) -> Tensor:
    """Filled in place with uniform numbers in [a, b)."""
    write(x, ..., uniform(x._data.shape, a, b, x._data.dtype.type, generator))
    return x


def bernoulli(x: Tensor, *, generator: random.Generator | None = None) -> Tensor:
    """1 with the probability that stands in x, else 0."""
    share = uniform(x._data.shape, 0.0, 1.0, np.float64, generator)
    return x._wrap((share < x._read("bernoulli()")).astype(x._data.dtype))


def bernoulli_(x: Tensor, p: float = 0.5, *, generator: random.Generator | None = None) -> Tensor:
    """Filled in place: 1 with probability p, else 0."""
    write(x, ..., uniform(x._data.shape, 0.0, 1.0, np.float64, generator) < p)
    return x
