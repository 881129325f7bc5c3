"""relu and its gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from fastnn import _core
from fastnn.reference import relu as reference

from benchmarks.op_case import HIDDEN, LARGE, OpCase, normal


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, LARGE):
        size, name = int(np.prod(shape)), "x".join(map(str, shape))
        yield OpCase(
            f"forward {name}",
            _core.relu,
            reference.relu,
            normal(shape),
            numpy=lambda x: np.maximum(x, 0),
            torch="relu",
            nbytes=8 * size,
        )
        yield OpCase(
            f"backward {name}",
            _core.relu_backward,
            reference.relu_backward,
            normal(shape, shape),
            torch="relu_backward",
            nbytes=12 * size,
        )
