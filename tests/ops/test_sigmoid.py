"""sigmoid: at most 2 ULP everywhere; its gradient from y."""

import numpy as np
from fastnn import _core
from fastnn.reference.sigmoid import sigmoid, sigmoid_backward
from function_tests import FunctionTests, two_ulp
from harness import REMAINDERS, Arrays, Op, OpTests, Real, normals, worth_three_threads


class TestSigmoid(FunctionTests):
    op = Op(
        run=_core.sigmoid,
        truth=sigmoid,
        bound=two_ulp,
        draw=normals(1),
        small=REMAINDERS,
        large=worth_three_threads(12),
    )
    low, high = -105.0, 20.0
    specials = (
        (0.0, 0.5),
        (-0.0, 0.5),
        (np.inf, 1.0),
        (-np.inf, 0.0),
        (np.nan, np.nan),
        (1e-40, 0.5),
        (800.0, 1.0),
        (-800.0, 0.0),
    )


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    return rng.standard_normal(shape).astype(dtype), rng.uniform(0, 1, shape).astype(dtype)


def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """Three roundings: 1 - y, y (1 - y), the product with grad_y."""
    return [real.gamma(3) * np.abs(truth[0])]


class TestSigmoidBackward(OpTests):
    op = Op(
        run=_core.sigmoid_backward,
        truth=sigmoid_backward,
        bound=bound,
        draw=draw,
        small=REMAINDERS,
        large=worth_three_threads(1),
    )
