"""``tf.data``: :class:`Dataset`, and what scripts give its methods."""

from __future__ import annotations

from fastnn.keras.data import experimental
from fastnn.keras.data.dataset import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset", "experimental"]
