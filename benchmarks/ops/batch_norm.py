"""Batch norm: training, its gradients, inference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from fastnn import _core
from fastnn.reference import batch_norm as reference

from benchmarks.harness import U32
from benchmarks.op_case import Arrays, OpCase, normal

# Behind the first layer of a small network, and in the second stage of ResNet-34.
SHAPES = [(64, 32, 32, 32), (32, 8, 8, 128)]


def drawn(shape: tuple[int, ...]) -> Callable[[], Arrays]:
    """x, weight, bias, and a variance between 0.5 and 2."""
    draw, channels = normal(shape, (shape[-1],), (shape[-1],)), shape[-1]

    def arrays() -> Arrays:
        x, weight, bias = draw()
        return x.transpose(0, 3, 1, 2), weight, bias, np.linspace(0.5, 2, channels, dtype=np.float32)

    return arrays


def on_magnitudes(truth: Sequence[np.ndarray], x: np.ndarray, weight: np.ndarray, bias: np.ndarray, *_: object) -> list:
    """mean and scale are rounded, then a difference and a fused product and sum; the variance is at least a half."""
    size = np.abs(x).max() * 2 * np.abs(weight).reshape(1, -1, 1, 1) * 2 + np.abs(bias).reshape(1, -1, 1, 1)
    return [8 * U32 * size * np.ones_like(x)]


def cases() -> Iterator[OpCase]:
    for shape in SHAPES:
        n, h, w, c = shape
        name, count = f"{n}x{c}x{h}x{w}", 4 * n * h * w * c
        yield OpCase(
            f"training {name}",
            lambda x, weight, bias, var: _core.batch_norm(x, weight, bias)[0],
            lambda x, weight, bias, var: reference.batch_norm(x, weight, bias, None, None)[0],
            drawn(shape),
            bound=on_magnitudes,
            torch="batch_norm",
            nbytes=2 * count,
        )
        yield OpCase(
            f"inference {name}",
            lambda x, weight, bias, var: _core.batch_norm_inference(x, weight, bias, bias, var),
            lambda x, weight, bias, var: reference.batch_norm_inference(x, weight, bias, bias, var),
            drawn(shape),
            bound=lambda truth, *inputs: [2 * on_magnitudes(truth, *inputs)[0]],
            torch="batch_norm_inference",
            nbytes=2 * count,
        )
