"""gelu and gelu_tanh, and their gradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from fastnn import _core
from fastnn.reference import gelu as reference

from benchmarks.harness import gamma
from benchmarks.op_case import HIDDEN, LARGE, OpCase, normal, roundings

SHARE = 28  # roundings: tests/ops/test_gelu.py
GATE = 4 + 5 * 25  # the sigmoid of 2 u, which is above -25 where x is above -6


def of_gradient(truth: tuple[np.ndarray, ...], grad_y: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
    """The share's or the gate's, of what is at most 1, and those of what is added, at most |x|."""
    return [gamma(GATE) * np.abs(grad_y) * (1 + np.abs(x))]


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, LARGE):
        size, name = int(np.prod(shape)), "x".join(map(str, shape))
        yield OpCase(
            f"forward {name}",
            _core.gelu,
            reference.gelu,
            normal(shape),
            bound=roundings(SHARE + 1),
            torch="gelu",
            nbytes=8 * size,
        )
        yield OpCase(
            f"backward {name}",
            _core.gelu_backward,
            reference.gelu_backward,
            normal(shape, shape),
            bound=of_gradient,
            torch="gelu_backward",
            nbytes=12 * size,
        )
        yield OpCase(
            f"forward tanh {name}",
            _core.gelu_tanh,
            reference.gelu_tanh,
            normal(shape),
            bound=roundings(GATE + 1),
            torch="gelu_tanh",
            nbytes=8 * size,
        )
        yield OpCase(
            f"backward tanh {name}",
            _core.gelu_tanh_backward,
            reference.gelu_tanh_backward,
            normal(shape, shape),
            bound=of_gradient,
            torch="gelu_tanh_backward",
            nbytes=12 * size,
        )
