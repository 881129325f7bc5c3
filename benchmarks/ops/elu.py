"""elu, and its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from fastnn import _core
from fastnn.reference import elu as reference

from benchmarks.op_case import HIDDEN, LARGE, OpCase, normal, roundings

ALPHA = 1.0  # PyTorch's default


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, LARGE):
        size, name = int(np.prod(shape)), "x".join(map(str, shape))
        yield OpCase(
            f"forward {name}",
            partial(_core.elu, alpha=ALPHA),
            partial(reference.elu, alpha=ALPHA),
            normal(shape),
            bound=roundings(6),
            torch="elu",
            nbytes=8 * size,
        )
        yield OpCase(
            f"backward {name}",
            partial(_core.elu_backward, alpha=ALPHA),
            partial(reference.elu_backward, alpha=ALPHA),
            normal(shape, shape),
            bound=roundings(7),
            torch="elu_backward",
            nbytes=12 * size,
        )
