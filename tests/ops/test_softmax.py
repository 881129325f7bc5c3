"""softmax and log_softmax with their gradients: within derived bounds, sums along the lane tree."""

import exact
import numpy as np
import pytest
from fastnn import _core
from fastnn.reference import softmax as reference
from harness import Arrays, Op, OpTests, Real, check_same_bits
from softmax_bounds import total_error

SMALL = [*((3, n) for n in range(1, 35)), (2, 3, 17), (5,), (0, 4), (7, 10)]
LARGE = [(1251, 10), (97, 131), (3, 5000)]  # the backwards are worth less work: one thread, the same rows


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    return ((3 * rng.standard_normal(shape)).astype(dtype),)


def draw_backward(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    y = reference.softmax(3 * rng.standard_normal(shape))
    return rng.standard_normal(shape).astype(dtype), y.astype(dtype)


def draw_log_backward(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    y = reference.log_softmax(3 * rng.standard_normal(shape))
    return rng.standard_normal(shape).astype(dtype), y.astype(dtype)


def softmax_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """The error of a term (u |d| + 4 u), of the sum, and of the division; 1 % for products of errors, and underflow."""
    distance, total = total_error(real, inputs[0])
    return [1.01 * truth[0] * ((distance + 4) * real.u + total + real.u) + 3 * real.tiny]


def log_softmax_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """u |d| for the difference, 4 u |log sum| for log, the sum's relative error (log turns it into an
    absolute one), and the last rounding."""
    distance, total = total_error(real, inputs[0])
    log_total = np.abs(truth[0] + distance)
    return [1.01 * (real.u * (distance + 4 * log_total + np.abs(truth[0])) + total)]


def backward_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """The dot product along the tree (one more rounding a term), the difference, the product."""
    grad_y, y = inputs
    products = grad_y * y
    centred = np.abs(grad_y - products.sum(axis=-1, keepdims=True))
    dot = (real.tree(y.shape[-1]) + real.u) * np.abs(products).sum(axis=-1, keepdims=True)
    return [1.01 * (y * (dot + real.u * centred) + real.u * np.abs(truth[0]))]


def log_backward_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """exp within 4 u, the sum along the tree, one fused multiply-add."""
    grad_y, y = inputs
    total = np.abs(grad_y.sum(axis=-1, keepdims=True))
    error = real.tree(y.shape[-1]) * np.abs(grad_y).sum(axis=-1, keepdims=True)
    return [1.01 * (np.exp(y) * (4 * real.u * total + error) + real.u * np.abs(truth[0]))]


class TestSoftmax(OpTests):
    op = Op(run=_core.softmax, truth=reference.softmax, bound=softmax_bound, draw=draw, small=SMALL, large=LARGE)


class TestLogSoftmax(OpTests):
    op = Op(
        run=_core.log_softmax, truth=reference.log_softmax, bound=log_softmax_bound, draw=draw, small=SMALL, large=LARGE
    )


class TestSoftmaxBackward(OpTests):
    op = Op(
        run=_core.softmax_backward,
        truth=reference.softmax_backward,
        bound=backward_bound,
        draw=draw_backward,
        small=SMALL,
        large=[*LARGE, (1501, 101)],
    )


class TestLogSoftmaxBackward(OpTests):
    op = Op(
        run=_core.log_softmax_backward,
        truth=reference.log_softmax_backward,
        bound=log_backward_bound,
        draw=draw_log_backward,
        small=SMALL,
        large=LARGE,
    )


@pytest.mark.parametrize("classes", [1, 10, 16, 17, 100])
def test_orders(isa: str, real: Real, classes: int, rng: np.random.Generator) -> None:
    """Bit for bit the formulas of the header with lane trees written in NumPy, given exp and log."""
    x = draw(rng, (6, classes), real.dtype)[0]
    grad_y = rng.standard_normal((6, classes)).astype(real.dtype)
    shifted = x - x.max(axis=1, keepdims=True)
    e = _core.exp(shifted)
    total = exact.tree(e)[:, np.newaxis]
    y = e / total
    check_same_bits(_core.softmax(x), y)
    check_same_bits(_core.log_softmax(x), shifted - _core.log(total))
    check_same_bits(_core.softmax_backward(grad_y, y), y * (grad_y - exact.tree(grad_y * y)[:, np.newaxis]))
    if real.dtype is np.float32:
        y = _core.log_softmax(x)
        totals = np.broadcast_to(exact.tree(grad_y)[:, np.newaxis], y.shape)
        check_same_bits(_core.log_softmax_backward(grad_y, y), exact.fma32(-_core.exp(y), totals, grad_y))


def test_results_may_be_the_inputs(isa: str, real: Real, rng: np.random.Generator) -> None:
    """Either in place with the right values, or refused."""
    for name, inputs in (
        ("softmax", draw(rng, (5, 19), real.dtype)),
        ("log_softmax", draw(rng, (5, 19), real.dtype)),
        ("softmax_backward", draw_backward(rng, (5, 19), real.dtype)),
        ("log_softmax_backward", draw_log_backward(rng, (5, 19), real.dtype)),
    ):
        expected = getattr(_core, name)(*inputs)
        for place in range(len(inputs)):
            arrays = [array.copy() for array in inputs]
            try:
                getattr(_core, name)(*arrays, out=arrays[place])
            except ValueError as error:
                assert "overlaps" in str(error)
            else:
                check_same_bits(arrays[place], expected, f"{name} into input {place}")


def test_large_logits(isa: str, real: Real) -> None:
    """Nothing overflows: only differences count. One class is certain, equal ones share."""
    big = np.finfo(real.dtype).max / 2
    x = np.array([[big, -big, 0], [-big, -big, -big], [1000, 999, -1000]], real.dtype)
    y = _core.softmax(x)
    check_same_bits(y[:2], np.array([[1, 0, 0], [1, 1, 1]], real.dtype) / np.array([[1], [3]], real.dtype))
    assert abs(y[2, 1] - 1 / (1 + np.e)) < 1e-6 and y[2, 2] == 0
    log_y = _core.log_softmax(x)
    assert np.all(np.isfinite(log_y[1:])) and log_y[0, 0] == 0 and log_y[0, 1] <= -big


def test_special_values(isa: str, real: Real) -> None:
    """NaN anywhere makes its row NaN, and no other; -inf is probability 0."""
    inf, nan = np.inf, np.nan
    x = np.array([[0, nan, 0], [0, -inf, 0], [inf, 0, 0], [-inf, -inf, -inf], [0, 0, 0]], real.dtype)
    third = real.dtype(1) / real.dtype(3)
    expected = [[nan] * 3, [0.5, 0, 0.5], [nan, 0, 0], [nan] * 3, [third] * 3]
    y = _core.softmax(x)
    check_same_bits(y[[0, 1, 3, 4]], np.array(expected, real.dtype)[[0, 1, 3, 4]])
    assert np.isnan(y[2]).any()
    assert np.isnan(_core.log_softmax(x)[[0, 3]]).all() and _core.log_softmax(x)[1, 1] == -inf


def test_one_class_and_sums(isa: str, real: Real, rng: np.random.Generator) -> None:
    """One class has probability 1; gradients through softmax sum to nothing."""
    check_same_bits(_core.softmax(draw(rng, (4, 1), real.dtype)[0]), np.ones((4, 1), real.dtype))
    check_same_bits(_core.log_softmax(draw(rng, (4, 1), real.dtype)[0]), np.zeros((4, 1), real.dtype))
    grad_y, y = draw_backward(rng, (50, 11), real.dtype)
    assert np.abs(_core.softmax_backward(grad_y, y).sum(axis=1)).max() < 40 * real.u
