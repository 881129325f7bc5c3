"""clamp, and its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from fastnn import _core
from fastnn.reference import clamp as reference

from benchmarks.op_case import HIDDEN, LARGE, OpCase, normal

LOW, HIGH = 0.0, 6.0  # of ReLU6


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, LARGE):
        size, name = int(np.prod(shape)), "x".join(map(str, shape))
        yield OpCase(
            f"forward {name}",
            partial(_core.clamp, low=LOW, high=HIGH),
            partial(reference.clamp, low=LOW, high=HIGH),
            normal(shape),
            torch="clamp",
            nbytes=8 * size,
        )
        yield OpCase(
            f"backward {name}",
            partial(_core.clamp_backward, low=LOW, high=HIGH),
            partial(reference.clamp_backward, low=LOW, high=HIGH),
            normal(shape, shape),
            torch="clamp_backward",
            nbytes=12 * size,
        )
