"""silu: some roundings from x sigmoid(x); its gradient from x."""

import numpy as np
from fastnn import _core
from fastnn.reference.sigmoid import sigmoid
from fastnn.reference.silu import silu, silu_backward
from function_tests import SpecialTests, faded, gate_gradient_bound, wide_normals
from harness import REMAINDERS, Arrays, Op, OpTests, Real, worth_three_threads

LARGE = worth_three_threads(12)
SIGMOID = 4  # roundings: 2 ULP


def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """The sigmoid's and the product's."""
    return [real.gamma(SIGMOID + 1) * np.abs(truth[0]) + faded(real, inputs[0])]


def backward_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    grad_y, x = inputs
    return [gate_gradient_bound(real, grad_y, sigmoid(x), x, SIGMOID)]


class TestSilu(SpecialTests):
    op = Op(run=_core.silu, truth=silu, bound=bound, draw=wide_normals(1), small=REMAINDERS, large=LARGE)
    low, high = -100.0, 20.0
    specials = (
        (0.0, 0.0),
        (-0.0, -0.0),
        (np.inf, np.inf),
        (-np.inf, np.nan),
        (np.nan, np.nan),
        (50, 50),
        (-3e38, -0.0),
    )


class TestSiluBackward(OpTests):
    op = Op(
        run=_core.silu_backward,
        truth=silu_backward,
        bound=backward_bound,
        draw=wide_normals(2),
        small=REMAINDERS,
        large=LARGE,
    )
