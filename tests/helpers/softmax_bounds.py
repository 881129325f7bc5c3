"""What the bounds of softmax and of cross-entropy share."""

from __future__ import annotations

import numpy as np
from fastnn.reference.softmax import softmax
from harness import Real


def total_error(real: Real, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|d| = max - x, and the relative error of sum exp(-|d|).

    Rounding x - max changes a term by u |d| of itself, exp by 2 ULP <= 4 u; averaged with the terms' own weights, then
    the lane tree of positive terms.
    """
    distance = x.max(axis=-1, keepdims=True) - x
    weights = softmax(x)
    terms = (weights * (distance + 4)).sum(axis=-1, keepdims=True) * real.u
    return distance, terms + real.tree(x.shape[-1])
