"""tanh, at most 2 ULP, and its gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from fastnn import _core
from fastnn.reference import tanh as reference

from benchmarks.op_case import HIDDEN, LARGE, OpCase, normal, probabilities, roundings, ulps


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, LARGE):
        size, name = int(np.prod(shape)), "x".join(map(str, shape))
        yield OpCase(
            f"forward {name}", _core.tanh, reference.tanh, normal(shape), bound=ulps(2), torch="tanh", nbytes=8 * size
        )
        yield OpCase(
            f"backward {name}",
            _core.tanh_backward,
            reference.tanh_backward,
            probabilities(shape),
            bound=roundings(3),
            torch="tanh_backward",
            nbytes=12 * size,
        )
