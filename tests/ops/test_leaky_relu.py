"""leaky_relu: exact, with every special value, for slopes of either sign; its gradient reads x."""

from functools import partial

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference.leaky_relu import leaky_relu, leaky_relu_backward
from harness import REMAINDERS, Arrays, Op, OpTests, Real, check_same_bits, normals, worth_three_threads


def draw_with_zeros(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    x = rng.standard_normal(shape).astype(dtype)
    x[rng.uniform(size=shape) < 0.1] = -0.0
    return rng.standard_normal(shape).astype(dtype), x


def forward(slope: float) -> Op:
    return Op(
        run=partial(_core.leaky_relu, negative_slope=slope),
        truth=partial(leaky_relu, negative_slope=slope),
        draw=normals(1),
        small=REMAINDERS,
        large=worth_three_threads(1),
    )


def backward(slope: float) -> Op:
    return Op(
        run=partial(_core.leaky_relu_backward, negative_slope=slope),
        truth=partial(leaky_relu_backward, negative_slope=slope),
        draw=draw_with_zeros,
        small=REMAINDERS,
        large=worth_three_threads(1),
    )


class TestLeakyRelu(OpTests):
    op = forward(0.01)


class TestNegativeSlope(OpTests):
    op = forward(-1.7)


class TestLeakyReluBackward(OpTests):
    op = backward(0.01)


class TestNegativeSlopeBackward(OpTests):
    op = backward(-1.7)


@pytest.mark.parametrize(
    ("slope", "y"),
    [
        (0.25, "0 -0 t -0 inf -inf nan nan 1 -0.25"),
        (-2.0, "-0 0 t 2t inf inf nan nan 1 2"),
        (0.0, "0 -0 t -0 inf nan nan nan 1 -0"),
    ],
)
def test_special_values(isa: str, real: Real, slope: float, y: str) -> None:
    """At 0 it is slope * 0; a zero slope makes no number of -inf. t: the smallest subnormal."""
    sizes = {"t": real.tiny, "2t": 2 * real.tiny}
    x = np.array([0.0, -0.0, real.tiny, -real.tiny, np.inf, -np.inf, np.nan, -np.nan, 1, -1] * 3, real.dtype)
    expected = np.array([sizes.get(word) or float(word) for word in y.split()] * 3, real.dtype)
    check_same_bits(_core.leaky_relu(x, slope), expected)
    assert _core.leaky_relu(x, slope, out=x) is x
    check_same_bits(x, expected)


def test_special_gradients(isa: str, real: Real) -> None:
    """The slope's, wherever x > 0 does not hold: at both zeros and NaN too."""
    x = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, real.tiny, -1] * 3, real.dtype)
    grad_y = np.array([-3.0, -3, -3, np.nan, np.nan, -0.0, np.inf] * 3, real.dtype)
    grad_x = np.array([-1.5, -1.5, -1.5, np.nan, np.nan, -0.0, np.inf] * 3, real.dtype)
    check_same_bits(_core.leaky_relu_backward(grad_y, x, 0.5), grad_x)
    assert _core.leaky_relu_backward(grad_y, x, 0.5, out=x) is x
    check_same_bits(x, grad_x)


@pytest.mark.parametrize("slope", [np.inf, -np.inf, np.nan, 1e39])
def test_a_slope_must_be_finite(slope: float) -> None:
    """In the arrays' own type: 1e39 is no float32."""
    x = np.array([-1.0, 2.0], np.float32)
    for op, arrays in (("leaky_relu", [x]), ("leaky_relu_backward", [x, x])):
        with pytest.raises(ValueError, match=rf"\[{op}\] negative_slope is \S+; it must be a finite float32"):
            getattr(_core, op)(*arrays, slope)
    check_same_bits(_core.leaky_relu(np.array([-1.0, 2.0]), 1e39), np.array([-1e39, 2.0]))
