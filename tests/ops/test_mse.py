"""Mean squared error: losses and gradient within derived bounds, in the documented order."""

import exact
import numpy as np
import pytest
from fastnn import _core
from fastnn.reference.mse import mse
from harness import Arrays, OpTests, Real, check_same_bits, normals
from loss_tests import loss_op

SMALL = [*((3, c) for c in range(1, 35)), *((n, 5) for n in range(1, 35)), (7,), (2, 3, 4), (7, 10)]
LARGE = [(15_001, 10), (101, 1531), (150_001,)]


def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """A square has three roundings (x - t counts twice), a sample's sum the lane tree, the gradient three;
    the total adds the tree over the samples and two roundings for the scale."""
    outputs = truth[2][0].size
    losses = 1.01 * (real.tree(outputs) + 3 * real.u) * truth[1]
    return [
        1.01 * (real.tree(outputs) + real.tree(len(truth[1])) + 5 * real.u) * truth[0],
        losses,
        real.gamma(3) * np.abs(truth[2]),
    ]


class TestMean(OpTests):
    op = loss_op(_core.mse, mse, True, bound=bound, draw=normals(2), small=SMALL, large=LARGE)


class TestSum(OpTests):
    op = loss_op(_core.mse, mse, False, bound=bound, draw=normals(2), small=SMALL, large=LARGE)


@pytest.mark.parametrize("shape", [(1, 1), (17, 16), (5, 33)])
def test_orders(isa: str, real: Real, shape: tuple[int, int], rng: np.random.Generator) -> None:
    """Bit for bit the lane trees written in NumPy."""
    x, target = normals(2)(rng, shape, real.dtype)
    error = x - target
    losses = exact.tree(error * error)
    total, found_losses, grad = _core.mse(x, target)
    check_same_bits(found_losses, losses)
    check_same_bits(grad, error * real.dtype(2 / x.size))
    check_same_bits(total, np.asarray(exact.tree(losses) * real.dtype(1 / x.size)))
