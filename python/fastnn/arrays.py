"""Numbers as arrays, whatever holds them."""

from __future__ import annotations

from typing import Any

import numpy as np


def to_array(data: Any) -> np.ndarray:
    """The array of a tensor, without its history, or of anything that NumPy makes one of; not a copy where it can be
    helped.
    """
    detach = getattr(data, "detach", None)
    return np.asarray(data if detach is None else detach())
