"""``tf.data.experimental``: former places of names."""

from __future__ import annotations

import numpy as np

from fastnn.keras.data.dataset import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "cardinality"]


def cardinality(dataset: Dataset) -> np.int64:
    """The same as ``dataset.cardinality()``."""
    return dataset.cardinality()
