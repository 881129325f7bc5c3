"""relu: exact, with every special value; its gradient masks."""

import numpy as np
from fastnn import _core
from fastnn.reference.relu import relu, relu_backward
from harness import REMAINDERS, Arrays, Op, OpTests, Real, check_same_bits, normals, worth_three_threads


def draw_with_zeros(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    x = rng.standard_normal(shape).astype(dtype)
    x[rng.uniform(size=shape) < 0.1] = -0.0
    return rng.standard_normal(shape).astype(dtype), x


class TestRelu(OpTests):
    op = Op(run=_core.relu, truth=relu, draw=normals(1), small=REMAINDERS, large=worth_three_threads(1))

    def test_special_values(self, isa: str, real: Real) -> None:
        tiny, inf, nan = real.tiny, np.inf, np.nan
        x = np.array([0.0, -0.0, tiny, -tiny, inf, -inf, nan, -nan, 1, -1] * 3, real.dtype)
        y = np.array([0.0, 0.0, tiny, 0.0, inf, 0.0, nan, nan, 1, 0.0] * 3, real.dtype)
        check_same_bits(_core.relu(x), y)
        assert _core.relu(x, out=x) is x
        check_same_bits(x, y)


class TestReluBackward(OpTests):
    op = Op(
        run=_core.relu_backward,
        truth=relu_backward,
        draw=draw_with_zeros,
        small=REMAINDERS,
        large=worth_three_threads(1),
    )

    def test_special_values(self, isa: str, real: Real) -> None:
        x = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, real.tiny, -1] * 3, real.dtype)
        grad_y = np.array([-3.0, -3, -3, np.nan, np.nan, -0.0, np.inf] * 3, real.dtype)
        grad_x = np.array([0.0, 0, 0, np.nan, 0, -0.0, 0] * 3, real.dtype)
        check_same_bits(_core.relu_backward(grad_y, x), grad_x)
        assert _core.relu_backward(grad_y, x, out=grad_y) is grad_y
        check_same_bits(grad_y, grad_x)
