"""tanh: at most 2 ULP everywhere; its gradient from y."""

import numpy as np
from fastnn import _core
from fastnn.reference.tanh import tanh, tanh_backward
from function_tests import FunctionTests, two_ulp
from harness import REMAINDERS, Arrays, Op, OpTests, Real, normals, worth_three_threads


class TestTanh(FunctionTests):
    op = Op(run=_core.tanh, truth=tanh, bound=two_ulp, draw=normals(1), small=REMAINDERS, large=worth_three_threads(12))
    low, high = -10.0, 10.0
    specials = (
        (0.0, 0.0),
        (-0.0, -0.0),
        (np.inf, 1.0),
        (-np.inf, -1.0),
        (np.nan, np.nan),
        (1e-40, 1e-40),
        (30.0, 1.0),
        (-3e38, -1.0),
    )


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    return rng.standard_normal(shape).astype(dtype), np.tanh(rng.standard_normal(shape)).astype(dtype)


def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """1 - y^2 is rounded once (fused), the product once."""
    return [real.gamma(2) * np.abs(truth[0])]


class TestTanhBackward(OpTests):
    op = Op(
        run=_core.tanh_backward,
        truth=tanh_backward,
        bound=bound,
        draw=draw,
        small=REMAINDERS,
        large=worth_three_threads(1),
    )
