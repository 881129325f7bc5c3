"""Arrays as memory: who owns it, where it begins, in which order it lies."""

from __future__ import annotations

import numpy as np


def owner_of(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory an array looks at."""
    base = array.base
    while isinstance(base, np.ndarray):
        array, base = base, base.base
    return array


def address_of(array: np.ndarray) -> int:
    """Where an array's first element lies."""
    return array.__array_interface__["data"][0]


def in_layout_of(array: np.ndarray, other: np.ndarray) -> np.ndarray:
    """other in the memory order of array where their shapes are equal, else as it is."""
    if other.strides == array.strides or other.shape != array.shape:
        return other
    out = np.empty_like(array, dtype=other.dtype)
    out[...] = other
    return out
