"""clamp: exact, NaN stays NaN; the gradient is that of x within the bounds, both included."""

from functools import partial

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference.clamp import clamp, clamp_backward
from harness import REMAINDERS, Arrays, Op, OpTests, Real, check_same_bits, worth_three_threads

LOW, HIGH = -0.3, 0.7


def draw_near_bounds(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    x = rng.choice(np.array([LOW, HIGH, -1, 0.25, 3, np.nan, -0.0], dtype), shape)
    return rng.standard_normal(shape).astype(dtype), x


class TestClamp(OpTests):
    op = Op(
        run=partial(_core.clamp, low=LOW, high=HIGH),
        truth=partial(clamp, low=LOW, high=HIGH),
        draw=lambda rng, shape, dtype: draw_near_bounds(rng, shape, dtype)[1:],
        small=REMAINDERS[1:],
        large=worth_three_threads(1),
    )


class TestClampBackward(OpTests):
    op = Op(
        run=partial(_core.clamp_backward, low=LOW, high=HIGH),
        truth=partial(clamp_backward, low=LOW, high=HIGH),
        draw=draw_near_bounds,
        small=REMAINDERS[1:],
        large=worth_three_threads(1),
    )


@pytest.mark.parametrize(
    ("low", "high", "y", "passes"),
    [
        (-1, 1, "0 -0 1 -1 nan 1 -1", "1 1 0 0 0 1 1"),
        (0, np.inf, "0 -0 inf 0 nan 1 0", "1 1 1 0 0 1 0"),
        (-np.inf, np.inf, "0 -0 inf -inf nan 1 -1", "1 1 1 1 0 1 1"),
        (2, -2, "-2 -2 -2 -2 nan -2 -2", "0 0 0 0 0 0 0"),
    ],
)
def test_special_values(isa: str, real: Real, low: float, high: float, y: str, passes: str) -> None:
    """Infinite bounds bound nothing; the upper one wins; a zero at a bound keeps its sign."""
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1] * 3, real.dtype)
    expected, grad_x = (np.array(text.split() * 3, real.dtype) for text in (y, passes))
    check_same_bits(_core.clamp(x, low, high), expected)
    check_same_bits(_core.clamp_backward(np.ones_like(x), x, low, high), grad_x)
    assert _core.clamp(x, low, high, out=x) is x
    check_same_bits(x, expected)


def test_bounds_are_numbers() -> None:
    x = np.ones(3, np.float32)
    for op, arrays in (("clamp", [x]), ("clamp_backward", [x, x])):
        for bounds in ((np.nan, 1.0), (0.0, np.nan)):
            with pytest.raises(ValueError, match=rf"\[{op}\] the bounds are .*nan.*; they must be numbers"):
                getattr(_core, op)(*arrays, *bounds)
