"""sum, mean and max over one axis, and the gradient of max: bounds, documented order, first of equals."""

import exact
import numpy as np
import pytest
from fastnn import _core
from fastnn.reference import reduce as reference
from harness import Arrays, Op, OpTests, Real, check_same_bits, normals

SEVENTH = 1 / 7  # a scale that is not exact
SMALL = [*((1, n, 1) for n in range(35)), *((2, 3, n) for n in range(35)), (4, 100, 1), (3, 19, 5)]
LARGE = [(1, 3, 50_001), (2, 5, 17_000), (401, 400, 1), (37, 129, 40), (1, 160_000, 1)]


def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """The last axis along the lane tree, another as a chain; then two roundings for the scale."""
    x = inputs[0]
    magnitude = np.abs(x).sum(axis=1)
    order = real.tree(x.shape[1]) if x.shape[2] == 1 else real.gamma(x.shape[1])
    return [order * magnitude, 1.01 * (order + 2 * real.u) * magnitude * SEVENTH]


class TestSum(OpTests):
    op = Op(
        run=lambda x: (_core.sum(x), _core.sum(x, SEVENTH)),
        truth=lambda x: (reference.sum(x), reference.sum(x, SEVENTH)),
        bound=bound,
        draw=normals(1),
        small=SMALL,
        large=LARGE,
        takes_out=False,
    )


def draw_with_ties(rng: np.random.Generator, shape: tuple[int, int, int], dtype: type) -> Arrays:
    """Few different values, -0 beside 0, and some NaN."""
    x = rng.integers(-2, 3, shape).astype(dtype) * dtype(0.5)
    x[rng.uniform(size=shape) < 0.2] *= -1
    x[rng.uniform(size=shape) < 0.02] = np.nan
    return (x,)


class TestMax(OpTests):
    op = Op(
        run=_core.max,
        truth=reference.max,
        draw=draw_with_ties,
        small=[(outer, axis, inner) for outer, axis, inner in SMALL if axis > 0],
        large=LARGE,
        takes_out=False,
    )


def draw_max_backward(rng: np.random.Generator, shape: tuple[int, int, int], dtype: type) -> Arrays:
    outer, _, inner = shape
    return rng.standard_normal((outer, inner)).astype(dtype), rng.integers(0, 5, (outer, inner))


class TestMaxBackward(OpTests):
    op = Op(
        run=lambda grad_y, index: _core.max_backward(grad_y, index, 5),
        truth=lambda grad_y, index: reference.max_backward(grad_y, index, 5),
        draw=draw_max_backward,
        small=[(3, 5, n) for n in range(35)],
        large=[(1, 5, 40_001), (201, 5, 200)],
        takes_out=False,
    )


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 31, 32, 33, 1000])
def test_last_axis_along_the_lane_tree(isa: str, real: Real, n: int, rng: np.random.Generator) -> None:
    """Bit for bit the tree written in NumPy, and the mean is its product with 1 / n."""
    x = rng.standard_normal((5, n, 1)).astype(real.dtype)
    expected = exact.tree(x[:, :, 0])[:, np.newaxis]
    check_same_bits(_core.sum(x), expected)
    if n:
        check_same_bits(_core.sum(x, 1 / n), expected * real.dtype(1 / n))


@pytest.mark.parametrize("axis", [0, 1, 2, 100])
def test_other_axes_ascending(isa: str, real: Real, axis: int, rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, axis, 19)).astype(real.dtype)
    check_same_bits(_core.sum(x), exact.chain(np.moveaxis(x, 1, 0)))


def test_other_orders_are_seen(rng: np.random.Generator) -> None:
    """The tree differs from a plain chain, from eight lanes and from NumPy's order, and those from each other."""
    x = rng.standard_normal((200, 1000)).astype(np.float32)
    tree = exact.tree(x)
    eight = exact.chain(x.reshape(200, -1, 8).transpose(1, 0, 2)).sum(axis=1)
    for wrong in (exact.chain(x.T), eight, x.sum(axis=1)):
        assert np.mean(wrong != tree) > 0.3


def test_sum_of_special_values(isa: str, real: Real) -> None:
    """Infinities and NaN travel; the sum of -0 is +0 from the tree's zero; subnormals add up."""
    inf, nan = np.inf, np.nan
    rows = np.array([[inf, 1, -inf], [inf, 1, 2], [nan, 0, 0], [-0.0] * 3, [real.tiny] * 3], real.dtype)
    expected = np.array([nan, inf, nan, 0, 3 * real.tiny], real.dtype)
    check_same_bits(_core.sum(rows[:, :, np.newaxis])[:, 0], expected)
    check_same_bits(_core.sum(rows.T[np.newaxis].copy())[0], expected)


def test_max_of_special_values(isa: str, real: Real) -> None:
    inf, nan = np.inf, np.nan
    rows = np.array([[1, nan, nan], [-inf, -inf, -inf], [0, -0.0, 0], [-0.0, 0, 1], [3, inf, inf]], real.dtype)
    value, index = _core.max(rows[:, :, np.newaxis])
    assert index[:, 0].tolist() == [1, 0, 0, 2, 1] and index.dtype == np.int64
    check_same_bits(value[:, 0], np.array([nan, -inf, 0, 1, inf], real.dtype))


def test_empty_axes(isa: str, real: Real) -> None:
    """A sum of nothing is 0; a maximum of nothing is refused, unless no result needs one."""
    check_same_bits(_core.sum(np.empty((3, 0, 4), real.dtype)), np.zeros((3, 4), real.dtype))
    assert _core.sum(np.empty((0, 3, 4), real.dtype)).shape == (0, 4)
    assert _core.max(np.empty((3, 0, 0), real.dtype))[0].shape == (3, 0)
    with pytest.raises(ValueError, match=r"\[max\] there is no largest of nothing: x has shape \(3, 0, 4\)"):
        _core.max(np.empty((3, 0, 4), real.dtype))
