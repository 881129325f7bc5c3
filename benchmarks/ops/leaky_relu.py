"""leaky_relu and its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from fastnn import _core
from fastnn.reference import leaky_relu as reference

from benchmarks.op_case import HIDDEN, LARGE, OpCase, normal

SLOPE = 0.01  # PyTorch's default


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, LARGE):
        size, name = int(np.prod(shape)), "x".join(map(str, shape))
        yield OpCase(
            f"forward {name}",
            partial(_core.leaky_relu, negative_slope=SLOPE),
            partial(reference.leaky_relu, negative_slope=SLOPE),
            normal(shape),
            torch="leaky_relu",
            nbytes=8 * size,
        )
        yield OpCase(
            f"backward {name}",
            partial(_core.leaky_relu_backward, negative_slope=SLOPE),
            partial(reference.leaky_relu_backward, negative_slope=SLOPE),
            normal(shape, shape),
            torch="leaky_relu_backward",
            nbytes=12 * size,
        )
