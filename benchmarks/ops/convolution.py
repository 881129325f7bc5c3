"""Convolution: forward and its gradients, on layers of LeNet, a small network and ResNet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from fastnn import _core
from fastnn.reference import convolution as reference

from benchmarks.harness import gamma
from benchmarks.op_case import Arrays, OpCase, normal


class Layer(NamedTuple):
    """N samples of C channels, side x side pixels, to O channels; square kernels."""

    n: int
    c: int
    side: int
    o: int
    kernel: int
    padding: int


# LeNet's two layers, the widest of a small network, the second stage of ResNet-34: at their batch sizes.
LAYERS = [
    Layer(64, 1, 28, 6, 5, 2),
    Layer(64, 6, 14, 16, 5, 0),
    Layer(64, 32, 16, 64, 3, 1),
    Layer(32, 128, 8, 128, 3, 1),
]


def images(memory: np.ndarray) -> np.ndarray:
    return memory.transpose(0, 3, 1, 2)


def kernels(memory: np.ndarray) -> np.ndarray:
    return memory.transpose(3, 2, 0, 1)


def tap_by_tap(layer: Layer, what: str) -> Callable[..., np.ndarray]:
    """The reference's sums in another order, a product for each tap: its chains of additions would take minutes."""
    geometry = reference.Geometry(
        (layer.side, layer.side), (layer.kernel, layer.kernel), (1, 1), (layer.padding,) * 4, (1, 1)
    )

    def forward(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        y = np.zeros((len(x), len(weight), *geometry.outputs), x.dtype)
        for i, j, out, inside in geometry.taps():
            y[out] += np.moveaxis(np.tensordot(x[inside], weight[:, :, i, j], (1, 1)), -1, 1)
        return y

    def grad_x(grad_y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        grad = np.zeros((len(grad_y), weight.shape[1], layer.side, layer.side), grad_y.dtype)
        for i, j, out, inside in geometry.taps():
            grad[inside] += np.moveaxis(np.tensordot(grad_y[out], weight[:, :, i, j], (1, 0)), -1, 1)
        return grad

    def grad_weight(grad_y: np.ndarray, x: np.ndarray) -> np.ndarray:
        grad = np.zeros((layer.o, layer.c, layer.kernel, layer.kernel), x.dtype)
        for i, j, out, inside in geometry.taps():
            grad[:, :, i, j] = np.tensordot(grad_y[out], x[inside], ((0, 2, 3), (0, 2, 3)))
        return grad

    return {"forward": forward, "grad_x": grad_x, "grad_weight": grad_weight}[what]


def bound_of(op: Callable[..., np.ndarray], length: int) -> Callable[..., Sequence[np.ndarray]]:
    """A chain of so many fused multiply-adds, and + 0.0, on the magnitudes."""
    return lambda truth, *inputs: [gamma(length + 2) * op(*(np.abs(array) for array in inputs))]


def cases() -> Iterator[OpCase]:
    for layer in LAYERS:
        n, c, side, o, kernel, padding = layer
        out = side + 2 * padding - kernel + 1
        name = f"{n}x{c}x{side}x{side} to {o}, kernel {kernel}"
        x, weight, grad_y = (n, side, side, c), (kernel, kernel, c, o), (n, out, out, o)
        settings = ([1, 1], [padding] * 4)
        ours: dict[str, tuple[Callable[..., np.ndarray], Callable[[], Arrays], int]] = {
            "forward": (
                lambda x, weight, settings=settings: _core.conv2d(x, weight, None, *settings),
                drawn((x, images), (weight, kernels)),
                kernel * kernel * c,
            ),
            "grad_x": (
                lambda grad_y, weight, side=side, settings=settings: _core.conv2d_grad_x(
                    grad_y, weight, [side, side], *settings
                ),
                drawn((grad_y, images), (weight, kernels)),
                kernel * kernel * o,
            ),
            "grad_weight": (
                lambda grad_y, x, kernel=kernel, settings=settings: _core.conv2d_grad_weight(
                    grad_y, x, [kernel, kernel], *settings
                ),
                drawn((grad_y, images), (x, images)),
                n * out * out,
            ),
        }
        for what, (run, inputs, length) in ours.items():
            yield OpCase(
                f"{what} {name}",
                run,
                tap_by_tap(layer, what),
                inputs,
                bound=bound_of(tap_by_tap(layer, what), length),
                op="conv2d",
                torch=f"conv2d_{what}",
                settings={"padding": padding},
                flops=2.0 * n * out * out * kernel * kernel * c * o,
            )


def drawn(*parts: tuple[tuple[int, ...], Callable[[np.ndarray], np.ndarray]]) -> Callable[[], Arrays]:
    """Normal values in the core's order of memory, with PyTorch's shapes."""
    draw = normal(*(shape for shape, _ in parts))
    return lambda: tuple(turned(array) for array, (_, turned) in zip(draw(), parts, strict=True))
