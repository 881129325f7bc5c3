"""``tf.random``: the seed."""

from __future__ import annotations

from fastnn.keras.utils import set_random_seed

__all__ = ["set_seed"]

set_seed = set_random_seed
