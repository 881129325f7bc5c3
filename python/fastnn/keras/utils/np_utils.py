"""``to_categorical`` and ``normalize``, on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.nn.labels import check_range


def to_categorical(x: Any, num_classes: int | None = None, nb_classes: int | None = None) -> np.ndarray:
    """Class numbers (...) or (..., 1) as one-hot rows, float32 (..., num_classes); None: the largest number + 1.

    nb_classes: its former name.

    Raises:
        ValueError: a number below 0 or not below num_classes.
    """
    num_classes = nb_classes if num_classes is None else num_classes
    labels = np.asarray(x).astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    count = int(labels.max()) + 1 if num_classes is None and labels.size else int(num_classes or 0)
    check_range("to_categorical", labels, count)
    return (labels[..., None] == np.arange(count)).astype(np.float32)


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """x divided by its length along an axis (by 1 where that is 0), in the norm of an order."""
    array = np.atleast_1d(np.asarray(x, dtype=np.float64))
    length = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(length == 0, 1, length)
