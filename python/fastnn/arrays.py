"""Numbers as arrays, whatever holds them; integers, whosever they are."""

from __future__ import annotations

from typing import Any

import numpy as np


def to_array(data: Any) -> np.ndarray:
    """The array of a tensor, without its history, or of anything that NumPy makes one of; not a copy where it can be
    helped.
    """
    detach = getattr(data, "detach", None)
    return np.asarray(data if detach is None else detach())


def is_integer(value: Any) -> bool:
    """Whether a value is an integer, Python's or NumPy's; a bool is none. What is kept of it is ``int(value)``: NumPy's
    wrap around, and JSON does not know them.
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
