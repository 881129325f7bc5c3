"""What a room of ``ops/`` is made of: our call, the reference, inputs, a derived bound, flops or bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.harness import U32, gamma, require_close

Arrays = tuple[Any, ...]

# Shapes that come up in training: a batch of hidden activations, a batch of logits, all weights of a small network.
HIDDEN, LOGITS, WEIGHTS = (64, 256), (64, 10), (256, 784)
LARGE = (1 << 20,)


@dataclass(frozen=True)
class OpCase:
    """One op on one shape.

    Attributes:
        name: "forward 64x256"; the op's name goes before it.
        ours: the function of ``fastnn._core``; what it updates in place it returns.
        reference: its twin, on the same arguments.
        inputs: draws the arguments.
        bound: (results in float64, *inputs in float64) -> the error allowed of each result. None: the bits must be
            those of the reference.
        numpy: what a NumPy user would write, where the reference is written to be read or to be exact.
        other_numbers: why there is nothing to compare NumPy's result with.
        op: what PyTorch calls it, where its room has another name.
        torch: the function of ``peers/torch_ops.py`` that does the same.
        settings: of an update, by keyword: what a peer's function gets beside the arrays.
        flops, nbytes: of one call; bytes are what must be read and written at least.
    """

    name: str
    ours: Callable[..., Any]
    reference: Callable[..., Any]
    inputs: Callable[[], Arrays]
    bound: Callable[..., Sequence[Any]] | None = None
    numpy: Callable[..., Any] | None = None
    other_numbers: str = ""
    op: str = ""
    torch: str = ""
    settings: Mapping[str, float] = field(default_factory=dict)
    flops: float = 0
    nbytes: float = 0

    def check(self, inputs: Arrays) -> Callable[..., None]:
        """check(answer, slack=1): compares an answer to these inputs with the reference's, within so many bounds."""
        if self.bound is None:
            expected = _as_tuple(self.reference(*copies(inputs)))
            bounds: Sequence[Any] = [0] * len(expected)
        else:
            wide = tuple(_wide(value) for value in inputs)
            expected = _as_tuple(self.reference(*copies(wide)))
            bounds = self.bound(expected, *wide)

        def check(answer: object, slack: int = 1) -> None:
            results = _as_tuple(answer)
            for number, (found, wanted, bound) in enumerate(zip(results, expected, bounds, strict=True)):
                require_close(found, wanted, np.multiply(bound, slack), f"result {number}")

        return check


def copies(values: Arrays) -> Arrays:
    """The same arguments, arrays in memory of their own."""
    return tuple(value.copy() if isinstance(value, np.ndarray) else value for value in values)


def _wide(value: Any) -> Any:
    single = isinstance(value, np.ndarray) and value.dtype == np.float32
    return value.astype(np.float64) if single else value


def _as_tuple(result: Any) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(part) for part in (result if isinstance(result, tuple) else (result,)))


# Inputs


def normal(*shapes: tuple[int, ...]) -> Callable[[], Arrays]:
    """Arrays of standard normal float32 values, always the same."""
    rng = np.random.default_rng(20240229)
    return lambda: tuple(rng.standard_normal(shape, np.float32) for shape in shapes)


def positive(*shapes: tuple[int, ...]) -> Callable[[], Arrays]:
    """Arrays of float32 values from 0.1 to 2."""
    rng = np.random.default_rng(20240229)
    return lambda: tuple(rng.uniform(0.1, 2, shape).astype(np.float32) for shape in shapes)


def probabilities(shape: tuple[int, ...]) -> Callable[[], Arrays]:
    """A gradient of normal values, and rows of values in (0, 1) that sum to 1."""
    rng = np.random.default_rng(20240229)

    def draw() -> Arrays:
        y = rng.uniform(0.1, 2, shape)
        return rng.standard_normal(shape, np.float32), (y / y.sum(axis=-1, keepdims=True)).astype(np.float32)

    return draw


# Bounds


def ulps(count: int) -> Callable[..., Sequence[np.ndarray]]:
    """An ULP is at most 2 u of a result."""
    return lambda truth, *_: [2 * count * U32 * np.abs(part) for part in truth]


def roundings(count: int) -> Callable[..., Sequence[np.ndarray]]:
    """A result is off by this many roundings of itself: no differences, no sums."""
    return lambda truth, *_: [gamma(count) * np.abs(part) for part in truth]


def tree(n: int) -> float:
    """Roundings of a sum of n values along the lane tree: a lane's chain, then four levels (kernel_table.h)."""
    return -(-n // 16) + 4
