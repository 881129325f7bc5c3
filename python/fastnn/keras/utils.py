"""``to_categorical``, ``set_random_seed``, ``clear_session``."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import random
from fastnn.keras import named
from fastnn.nn.labels import check_range


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers (...) or (..., 1) as one-hot rows, float32 (..., num_classes); None: the largest number + 1.

    Raises:
        ValueError: a number below 0 or not below num_classes.
    """
    labels = np.asarray(x).astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    count = int(labels.max()) + 1 if num_classes is None and labels.size else int(num_classes or 0)
    check_range("to_categorical", labels, count)
    return (labels[..., None] == np.arange(count)).astype(np.float32)


def set_random_seed(seed: int) -> None:
    """Seeds first weights, shuffles and dropout (:func:`fastnn.manual_seed`)."""
    random.manual_seed(seed)


def clear_session() -> None:
    """Automatic names start again: the next layers are ``dense``, ``dense_1``, ..."""
    named.forget()
