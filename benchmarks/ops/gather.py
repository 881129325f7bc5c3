"""Batches out of resident data: rows of floats, and of bytes scaled to [0, 1] and normalised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from fastnn import _core
from fastnn.reference import gather as reference

from benchmarks.op_case import Arrays, OpCase

ROWS, PIXELS = 4096, 784


def rows(batch: int) -> Arrays:
    rng = np.random.default_rng(20240229)
    return rng.standard_normal((ROWS, PIXELS), np.float32), rng.integers(0, ROWS, batch)


def images(batch: int) -> Arrays:
    rng = np.random.default_rng(20240229)
    pixels = rng.integers(0, 256, (ROWS, 1, 28, 28)).astype(np.uint8)
    return pixels, rng.integers(0, ROWS, batch), np.array([0.1307]), np.array([0.3081])


def cases() -> Iterator[OpCase]:
    for batch in (64, 1000):
        yield OpCase(
            f"{batch} rows of {PIXELS} floats",
            _core.gather_rows,
            reference.gather_rows,
            lambda batch=batch: rows(batch),
            torch="gather_rows",
            nbytes=8 * batch * PIXELS,
        )
        yield OpCase(
            f"{batch} images 28x28, normalised",
            _core.gather_uint8,
            reference.gather_uint8,
            lambda batch=batch: images(batch),
            torch="gather_uint8",
            nbytes=5 * batch * PIXELS,
        )
