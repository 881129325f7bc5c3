"""exp: at most 2 ULP."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from fastnn import _core
from fastnn.reference import exp as reference

from benchmarks.op_case import HIDDEN, LARGE, OpCase, normal, ulps


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, LARGE):
        yield OpCase(
            "x".join(map(str, shape)),
            _core.exp,
            reference.exp,
            normal(shape),
            bound=ulps(2),
            torch="exp",
            nbytes=8 * int(np.prod(shape)),
        )
