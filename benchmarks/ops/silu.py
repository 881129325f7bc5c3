"""silu, and its gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from fastnn import _core
from fastnn.reference import silu as reference

from benchmarks.harness import gamma
from benchmarks.op_case import HIDDEN, LARGE, OpCase, normal, roundings


def of_gradient(truth: tuple[np.ndarray, ...], grad_y: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
    """The sigmoid's 4, and 9 more of x s (1 - s)."""
    return [gamma(13) * np.abs(grad_y) * (1 + np.abs(x))]


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, LARGE):
        size, name = int(np.prod(shape)), "x".join(map(str, shape))
        yield OpCase(
            f"forward {name}",
            _core.silu,
            reference.silu,
            normal(shape),
            bound=roundings(5),
            torch="silu",
            nbytes=8 * size,
        )
        yield OpCase(
            f"backward {name}",
            _core.silu_backward,
            reference.silu_backward,
            normal(shape, shape),
            bound=of_gradient,
            torch="silu_backward",
            nbytes=12 * size,
        )
