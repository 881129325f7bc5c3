"""elu: no cancellation near zero; its gradient from x, for alpha of either sign."""

from functools import partial

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference.elu import elu, elu_backward
from function_tests import SpecialTests, least, wide_normals
from harness import REMAINDERS, Arrays, Op, OpTests, Real, check_same_bits, worth_three_threads

LARGE = worth_three_threads(12)


def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """exp(x) - 1 is right to 2 ULP; alpha is rounded, and the product."""
    return [real.gamma(6) * np.abs(truth[0])]


def backward_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """exp's 2 ULP, alpha, two products."""
    return [real.gamma(7) * np.abs(truth[0]) + least(real)]


def forward(alpha: float) -> Op:
    return Op(
        run=partial(_core.elu, alpha=alpha),
        truth=partial(elu, alpha=alpha),
        bound=bound,
        draw=wide_normals(1),
        small=REMAINDERS,
        large=LARGE,
    )


def backward(alpha: float) -> Op:
    return Op(
        run=partial(_core.elu_backward, alpha=alpha),
        truth=partial(elu_backward, alpha=alpha),
        bound=backward_bound,
        draw=wide_normals(2),
        small=REMAINDERS,
        large=LARGE,
    )


class TestElu(SpecialTests):
    op = forward(1.0)
    low, high = -20.0, 20.0
    specials = (
        (0.0, 0.0),
        (-0.0, -0.0),
        (np.inf, np.inf),
        (-np.inf, -1),
        (np.nan, np.nan),
        (-1e-30, -1e-30),
        (-800, -1),
    )


class TestNegativeAlpha(OpTests):
    op = forward(-1.7)


class TestEluBackward(OpTests):
    op = backward(1.0)


class TestNegativeAlphaBackward(OpTests):
    op = backward(-1.7)


def test_special_gradients(isa: str, real: Real) -> None:
    """alpha's at both zeros; nothing is left far below."""
    x = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, -300000, real.tiny], real.dtype)
    grad_x = np.array([-1.5, -1.5, np.nan, -3, 0, 0, -3], real.dtype)
    check_same_bits(_core.elu_backward(np.full_like(x, -3), x, 0.5), grad_x)


@pytest.mark.parametrize("alpha", [np.inf, np.nan, -1e39])
def test_alpha_must_be_finite(alpha: float) -> None:
    """In the arrays' own type: 1e39 is no float32."""
    x = np.array([-1.0, 2.0], np.float32)
    for op, arrays in (("elu", [x]), ("elu_backward", [x, x])):
        with pytest.raises(ValueError, match=rf"\[{op}\] alpha is \S+; it must be a finite float32"):
            getattr(_core, op)(*arrays, alpha)
