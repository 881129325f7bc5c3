"""log: at most 2 ULP."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from fastnn import _core
from fastnn.reference import log as reference

from benchmarks.op_case import HIDDEN, LARGE, OpCase, positive, ulps


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, LARGE):
        yield OpCase(
            "x".join(map(str, shape)),
            _core.log,
            reference.log,
            positive(shape),
            bound=ulps(2),
            torch="log",
            nbytes=8 * int(np.prod(shape)),
        )
