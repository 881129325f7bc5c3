"""gelu: right to some roundings, far below zero too; its form with tanh; their gradients from x."""

import numpy as np
from fastnn import _core
from fastnn.reference.gelu import gelu, gelu_backward, gelu_tanh, gelu_tanh_backward, share_below
from fastnn.reference.sigmoid import sigmoid
from function_tests import SpecialTests, faded, gate_gradient_bound, least, wide_normals
from harness import REMAINDERS, Arrays, Op, OpTests, Real, worth_three_threads

LARGE = worth_three_threads(12)

# Roundings of the share: r 2; w 2 |r scale| + 1 <= 6, of which C's relative slope takes at most all; C's coefficients 4
# and its steps 8 (the sums of |c_k| and of k |c_k|, over C >= 0.5); exp 4, what rounding took from its argument 1; two
# products, the difference from 1.
SHARE = 28
SPECIALS = ((0.0, 0.0), (-0.0, -0.0), (np.inf, np.inf), (-np.inf, np.nan), (np.nan, np.nan), (50, 50), (-3e38, -0.0))


def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """The share's roundings and the product's."""
    return [real.gamma(SHARE + 1) * np.abs(truth[0]) + faded(real, inputs[0])]


def backward_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """The share's; of x exp(-x^2 / 2) / sqrt(2 pi) 7: exp and its argument 5, the factor 2; the sum and the product."""
    grad_y, x = inputs
    sizes = share_below(x) * (SHARE + 2) + 9 * np.abs(x) * np.exp(-x * x / 2)
    return [np.abs(grad_y) * (1.01 * real.u * sizes + faded(real, x)) + least(real)]


class TestGelu(SpecialTests):
    op = Op(run=_core.gelu, truth=gelu, bound=bound, draw=wide_normals(1), small=REMAINDERS, large=LARGE)
    low, high, specials = -13.0, 10.0, SPECIALS


class TestGeluBackward(OpTests):
    op = Op(
        run=_core.gelu_backward,
        truth=gelu_backward,
        bound=backward_bound,
        draw=wide_normals(2),
        small=REMAINDERS,
        large=LARGE,
    )


def argument(x: np.ndarray) -> np.ndarray:
    """2 u."""
    return 2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)


def gate_roundings(x: np.ndarray) -> np.ndarray:
    """Of the sigmoid: its own 4; what 2 u is off by moves it by that, and 2 u has 5 (x^2, factors, sum, product)."""
    return 4 + 5 * np.abs(argument(x))


def tanh_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    (x,) = inputs
    return [1.01 * real.u * (gate_roundings(x) + 1) * np.abs(truth[0]) + faded(real, x)]


def tanh_backward_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    grad_y, x = inputs
    steep = 2 * np.sqrt(2 / np.pi) * (x + 3 * 0.044715 * x**3)
    return [gate_gradient_bound(real, grad_y, sigmoid(argument(x)), steep, gate_roundings(x))]


class TestGeluTanh(SpecialTests):
    op = Op(run=_core.gelu_tanh, truth=gelu_tanh, bound=tanh_bound, draw=wide_normals(1), small=REMAINDERS, large=LARGE)
    low, high, specials = -9.0, 10.0, SPECIALS


class TestGeluTanhBackward(OpTests):
    op = Op(
        run=_core.gelu_tanh_backward,
        truth=gelu_tanh_backward,
        bound=tanh_backward_bound,
        draw=wide_normals(2),
        small=REMAINDERS,
        large=LARGE,
    )


def test_gradients_of_what_is_infinite(isa: str, real: Real) -> None:
    """0 and 1, where 0 times infinity would be NaN; NaN stays."""
    x = np.array([-np.inf, -3e38, 3e38, np.inf, np.nan], real.dtype)
    for backward in (_core.gelu_backward, _core.gelu_tanh_backward, _core.silu_backward):
        np.testing.assert_array_equal(backward(np.full_like(x, -2), x), np.array([0, 0, -2, -2, np.nan], real.dtype))


def test_share_below() -> None:
    """The oracle's, beside known values (Abramowitz and Stegun, table 26.1 and 26.2)."""
    x = np.longdouble([0, 1, 2, 3, 5, -1, -10])
    known = ["0.5", "0.8413447460685429485852", "0.9772498680518207927997", "0.9986501019683699054733"]
    known += ["0.9999997133484281208061", "0.1586552539314570514148", "7.619853024160526065973e-24"]
    np.testing.assert_allclose(
        share_below(x), [np.longdouble(text) for text in known], rtol=20 * np.finfo(x.dtype).eps, atol=0
    )
