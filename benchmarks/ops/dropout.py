"""Dropout: mask and output in one call."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from fastnn import _core
from fastnn.reference import dropout as reference

from benchmarks.op_case import HIDDEN, LARGE, OpCase, normal
from benchmarks.ops.random import OTHER_NUMBERS

DRAW = {"p": 0.5, "seed": 1234, "call": 7, "module": 3}


def cases() -> Iterator[OpCase]:
    rng = np.random.default_rng(1234)

    def in_numpy(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mask = (rng.random(x.shape, np.float32) >= 0.5) * np.float32(2)
        return x * mask, mask

    for shape in (HIDDEN, LARGE):
        yield OpCase(
            "x".join(map(str, shape)),
            lambda x: _core.dropout(x, **DRAW),
            lambda x: reference.dropout(x, **DRAW),
            normal(shape),
            numpy=in_numpy,
            other_numbers=OTHER_NUMBERS,
            nbytes=12 * int(np.prod(shape)),
        )
