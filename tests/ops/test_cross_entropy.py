"""Softmax cross-entropy: losses and gradient within derived bounds, in the documented order."""

from functools import partial

import exact
import numpy as np
import pytest
from fastnn import _core
from fastnn.reference.cross_entropy import cross_entropy
from fastnn.reference.softmax import softmax
from harness import Arrays, OpTests, Real, check_same_bits
from loss_tests import loss_op
from softmax_bounds import total_error

SMALL = [*((3, c) for c in range(1, 35)), *((n, 10) for n in range(1, 35)), (7, 10)]
LARGE = [(1251, 10), (101, 131), (3, 5000)]


def draw(rng: np.random.Generator, shape: tuple[int, int], dtype: type) -> Arrays:
    return (3 * rng.standard_normal(shape)).astype(dtype), rng.integers(0, shape[1], shape[0])


def bound(real: Real, truth: Arrays, inputs: Arrays, scale: float | None = None) -> list[np.ndarray]:
    """loss = log sum - d[label]: 4 u of the logarithm, the sum's relative error, u |d|, the last rounding.
    grad = (p - onehot) scale: the error of softmax (ops/test_softmax.py), then three roundings.
    total: the losses' errors, and the lane tree with two more roundings on their magnitudes."""
    logits, labels = inputs
    samples = len(labels)
    scale = scale or 1 / samples
    distance, total = total_error(real, logits)
    chosen = distance[np.arange(samples), labels]
    log_total = np.abs(truth[1] - chosen)
    losses = 1.01 * (real.u * (4 * log_total + chosen + truth[1]) + total[:, 0])
    p_error = softmax(logits) * ((distance + 4) * real.u + total + real.u) + 3 * real.tiny
    grad = 1.01 * scale * p_error + real.gamma(3) * np.abs(truth[2])
    mean = scale * (losses.sum() + (real.tree(samples) + 2 * real.u) * truth[1].sum())
    return [mean, losses, grad]


class TestMean(OpTests):
    op = loss_op(_core.cross_entropy, cross_entropy, True, bound=bound, draw=draw, small=SMALL, large=LARGE)


class TestSum(OpTests):
    op = loss_op(
        _core.cross_entropy, cross_entropy, False, bound=partial(bound, scale=1), draw=draw, small=SMALL, large=LARGE
    )


SMOOTHING = 0.25  # it and 1 - it are exact in both precisions


def smoothed_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """As above with aim = (1 - s) d[label] + s (mean x - max): two roundings of the first product, the lane tree and
    two more of the mean, one of their sum; of the gradient one more, and two on s / C."""
    logits, labels = inputs
    samples, classes = logits.shape
    distance, total = total_error(real, logits)
    chosen, apart = distance[np.arange(samples), labels], distance.mean(axis=1)
    aim, size = (1 - SMOOTHING) * chosen + SMOOTHING * apart, np.abs(logits).mean(axis=1)
    mean_error = SMOOTHING * ((real.tree(classes) + 2 * real.u) * size + real.u * apart)
    aim_error = 2 * real.u * (1 - SMOOTHING) * chosen + mean_error + real.u * aim
    log_total = np.abs(truth[1] - aim)
    losses = 1.01 * (real.u * (4 * log_total + truth[1]) + aim_error + total[:, 0])
    grad = bound(real, truth, inputs)[2] + real.u * np.abs(truth[2]) + 2 * real.u * SMOOTHING / classes / samples
    mean = (losses.sum() + (real.tree(samples) + 2 * real.u) * truth[1].sum()) / samples
    return [mean, losses, grad]


class TestSmoothed(OpTests):
    op = loss_op(
        partial(_core.cross_entropy, smoothing=SMOOTHING),
        partial(cross_entropy, smoothing=SMOOTHING),
        True,
        bound=smoothed_bound,
        draw=draw,
        small=SMALL,
        large=LARGE,
    )


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, np.nan])
def test_smoothing_out_of_range(smoothing: float) -> None:
    with pytest.raises(ValueError, match=r"\[cross_entropy\] smoothing is -?[\dn.a]+; it must be from 0 to 1"):
        _core.cross_entropy(np.zeros((2, 3), np.float32), np.zeros(2, np.int64), smoothing=smoothing)


@pytest.mark.parametrize("samples", [1, 16, 17, 64])
@pytest.mark.parametrize("smoothing", [0, 0.1, 1])
def test_orders(isa: str, real: Real, samples: int, smoothing: float, rng: np.random.Generator) -> None:
    """Bit for bit the formulas of the header with lane trees written in NumPy, given exp and log."""
    logits, labels = draw(rng, (samples, 10), real.dtype)
    rows = np.arange(samples)
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = _core.exp(shifted)
    totals = exact.tree(e)
    aim, s = shifted[rows, labels], real.dtype(smoothing)
    if smoothing:
        aim = (1 - s) * aim + s * (exact.tree(logits) / real.dtype(10) - logits.max(axis=1))
    losses = _core.log(totals) - aim
    scale = real.dtype(1 / samples)
    p = e / totals[:, np.newaxis]
    p[rows, labels] -= 1 - s
    total, found_losses, grad = _core.cross_entropy(logits, labels, smoothing=smoothing)
    check_same_bits(found_losses, losses)
    check_same_bits(grad, (p - s / real.dtype(10)) * scale)
    check_same_bits(total, np.asarray(exact.tree(losses) * scale))


def test_large_logits_and_nan(isa: str, real: Real) -> None:
    """Differences of 1,000 and more give finite losses; NaN stays in its sample and reaches the total."""
    logits = np.array([[2000, 0, -2000], [2000, 0, -2000], [0, np.nan, 0], [0, 0, 0]], real.dtype)
    total, losses, grad = _core.cross_entropy(logits, np.array([0, 2, 1, 1]))
    assert losses[0] == 0 and losses[1] == 4000 and np.isnan(losses[2]) and abs(losses[3] - np.log(3)) < 1e-6
    assert np.isnan(total) and np.isnan(grad[2]).all() and np.isfinite(grad[[0, 1, 3]]).all()
    check_same_bits(grad[1], np.array([0.25, 0, -0.25], real.dtype))
