"""Uniform numbers and permutations out of Philox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from fastnn import _core
from fastnn.reference import random as reference

from benchmarks.op_case import LARGE, WEIGHTS, OpCase

OTHER_NUMBERS = "random: NumPy's own generator (PCG64) gives other numbers, so there is nothing to compare"
STREAM = {"seed": 1234, "purpose": 3, "position": 5}


def uniform(module: Any, shape: tuple[int, ...]) -> Callable[[], np.ndarray]:
    return lambda: module.uniform(list(shape), -0.1, 0.1, **STREAM)


def permutation(module: Any, n: int) -> Callable[[], np.ndarray]:
    return lambda: module.permutation(n, **STREAM)


def cases() -> Iterator[OpCase]:
    rng = np.random.default_rng(1234)
    for shape in (WEIGHTS, LARGE):
        yield OpCase(
            f"uniform {'x'.join(map(str, shape))}",
            uniform(_core, shape),
            uniform(reference, shape),
            tuple,
            numpy=lambda shape=shape: rng.random(shape, np.float32) * np.float32(0.2) - np.float32(0.1),
            other_numbers=OTHER_NUMBERS,
            nbytes=4 * int(np.prod(shape)),
        )
    yield OpCase(
        "permutation of 5000",
        permutation(_core, 5000),
        permutation(reference, 5000),
        tuple,
        numpy=lambda: rng.permutation(5000),
        other_numbers=OTHER_NUMBERS,
        nbytes=8 * 5000,
    )
