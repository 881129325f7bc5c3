"""The dense layer: forward with bias and ReLU, and its gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from fastnn import _core
from fastnn.reference import dense as reference

from benchmarks.harness import gamma
from benchmarks.op_case import Arrays, OpCase, normal

# N samples, I inputs, O outputs: the layers of 784-256-10 at batch 64, a hidden one at batch 6000.
SHAPES = [(64, 784, 256), (64, 256, 10), (6000, 200, 200)]


def on_magnitudes(op: Callable[..., np.ndarray], length: int) -> Callable[..., Sequence[np.ndarray]]:
    """A chain of so many fused multiply-adds, + 0.0 and the bias, on the magnitudes; ReLU brings nothing apart."""
    return lambda truth, *inputs: [gamma(length + 2) * op(*(np.abs(array) for array in inputs))]


def layer(samples: int, inputs: int, outputs: int) -> Callable[[], Arrays]:
    """x, the weight as the layer keeps it ([in][out] in memory), and the bias."""
    draw = normal((samples, inputs), (inputs, outputs), (outputs,))

    def arrays() -> Arrays:
        x, weight, bias = draw()
        return x, weight.T, bias

    return arrays


def forward_in_numpy(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    y = x @ weight.T
    y += bias
    return np.maximum(y, 0, out=y)


def cases() -> Iterator[OpCase]:
    for n, i, o in SHAPES:
        name, flops = f"{n}x{i}x{o}", 2.0 * n * i * o
        yield OpCase(
            f"forward {name}",
            partial(_core.dense_forward, relu=True),
            partial(reference.dense_forward, relu=True),
            layer(n, i, o),
            bound=on_magnitudes(reference.dense_forward, i),
            numpy=forward_in_numpy,
            torch="dense_forward",
            flops=flops,
        )
        yield OpCase(
            f"grad_x {name}",
            _core.dense_grad_x,
            reference.dense_grad_x,
            normal((n, o), (o, i)),
            bound=on_magnitudes(reference.dense_grad_x, o),
            torch="dense_grad_x",
            flops=flops,
        )
        yield OpCase(
            f"grad_weight {name}",
            _core.dense_grad_weight,
            reference.dense_grad_weight,
            normal((n, o), (n, i)),
            bound=on_magnitudes(reference.dense_grad_weight, n),
            torch="dense_grad_weight",
            flops=flops,
        )
    n, _, o = SHAPES[0]
    yield OpCase(
        f"grad_bias {n}x{o}",
        _core.dense_grad_bias,
        reference.dense_grad_bias,
        normal((n, o)),
        bound=on_magnitudes(reference.dense_grad_bias, n),
        torch="dense_grad_bias",
        nbytes=4 * n * o,
    )
