"""Numbers as arrays, whatever holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def to_array(data: Any) -> np.ndarray:
    """The array of a tensor, without its history, or of anything that NumPy makes one of; not a copy where it can be
    helped.
    """
    detach = getattr(data, "detach", None)
    return np.asarray(data if detach is None else detach())


def check_apart(op: str, results: Mapping[str, np.ndarray | None], inputs: tuple[np.ndarray, ...]) -> None:
    """Refuses arrays for results that share memory, with each other or with what a later one is made of."""
    given = [(name, array) for name, array in results.items() if isinstance(array, np.ndarray)]
    for number, (name, array) in enumerate(given):
        for other in (*inputs, *(one for _, one in given[:number])):
            if isinstance(other, np.ndarray) and np.may_share_memory(array, other):
                raise ValueError(f"[{op}] out for {name} overlaps another array in memory; pass an array of its own")
