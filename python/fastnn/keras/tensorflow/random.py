"""``tf.random``: the seed, and normal numbers."""

from __future__ import annotations

from typing import Any

import fastnn.eager.creation as _creation
from fastnn.keras.utils import set_random_seed

__all__ = ["normal", "set_seed"]

set_seed = set_random_seed


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0) -> Any:
    """A tensor of normal numbers."""
    return _creation.normal(mean, stddev, shape)
