"""softplus: at most 2 ULP everywhere; its gradient from x."""

import numpy as np
from fastnn import _core
from fastnn.reference.softplus import softplus, softplus_backward
from function_tests import FunctionTests, least, two_ulp, wide_normals
from harness import REMAINDERS, Arrays, Op, OpTests, Real, worth_three_threads

LARGE = worth_three_threads(12)


class TestSoftplus(FunctionTests):
    op = Op(run=_core.softplus, truth=softplus, bound=two_ulp, draw=wide_normals(1), small=REMAINDERS, large=LARGE)
    low, high = -100.0, 20.0
    specials = ((np.inf, np.inf), (-np.inf, 0.0), (np.nan, np.nan), (50, 50), (-3e38, 0.0))


def backward_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """The sigmoid's 2 ULP and the product's rounding."""
    return [real.gamma(5) * np.abs(truth[0]) + least(real)]


class TestSoftplusBackward(OpTests):
    op = Op(
        run=_core.softplus_backward,
        truth=softplus_backward,
        bound=backward_bound,
        draw=wide_normals(2),
        small=REMAINDERS,
        large=LARGE,
    )
