"""``tf.random``: the seed, and normal numbers."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.eager import creation
from fastnn.eager.tensor import Tensor
from fastnn.keras.utils import set_random_seed

__all__ = ["normal", "set_seed"]

set_seed = set_random_seed


def normal(shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0) -> Tensor:
    """Normal numbers, float32."""
    return creation.normal(mean, stddev, shape)
