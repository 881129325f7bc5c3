"""softplus, at most 2 ULP, and its gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from fastnn import _core
from fastnn.reference import softplus as reference

from benchmarks.op_case import HIDDEN, LARGE, OpCase, normal, roundings, ulps


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, LARGE):
        size, name = int(np.prod(shape)), "x".join(map(str, shape))
        yield OpCase(
            f"forward {name}",
            _core.softplus,
            reference.softplus,
            normal(shape),
            bound=ulps(2),
            torch="softplus",
            nbytes=8 * size,
        )
        yield OpCase(
            f"backward {name}",
            _core.softplus_backward,
            reference.softplus_backward,
            normal(shape, shape),
            bound=roundings(5),
            torch="softplus_backward",
            nbytes=12 * size,
        )
