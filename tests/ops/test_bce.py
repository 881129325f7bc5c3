"""Binary cross-entropy with logits: losses and gradient within derived bounds, for all targets."""

from functools import partial

import numpy as np
from fastnn import _core
from fastnn.reference.bce import bce_with_logits
from fastnn.reference.sigmoid import sigmoid
from harness import Arrays, OpTests, Real, check_close, check_same_bits
from loss_tests import loss_op

SMALL = [*((3, c) for c in range(1, 35)), *((n, 5) for n in range(1, 35)), (7,), (2, 3, 4), (7, 10)]
LARGE = [(501, 10), (101, 53), (4201,)]


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    """Targets 0, 1 and between."""
    target = np.clip(rng.uniform(-0.5, 1.5, shape), 0, 1)
    return (3 * rng.standard_normal(shape)).astype(dtype), target.astype(dtype)


def bound(real: Real, truth: Arrays, inputs: Arrays, scale: float | None = None) -> list[np.ndarray]:
    """An element: x t is rounded, the difference is, and their sum with w = log(1 + e), e = exp(-|x|). w: 4 u
    e from exp, at most 4 u w through log (e / (1 + e) <= w), 4 u from log itself, 4 u for the four roundings
    around it. Then the lane tree. The gradient: 4 u of sigmoid, three roundings."""
    x, target = inputs
    samples, outputs, scale = len(x), x[0].size, scale or 1 / x.size
    w = np.log1p(np.exp(-np.abs(x)))
    product, linear = np.abs(x * target), np.abs(np.maximum(x, 0) - x * target)
    elements = real.u * (product + 2 * linear + 13 * w)
    losses = 1.01 * (elements.reshape(samples, -1).sum(axis=1) + real.tree(outputs) * truth[1])
    return [
        scale * (losses.sum() + (real.tree(samples) + 2 * real.u) * truth[1].sum()),
        losses,
        1.01 * (4 * real.u * scale * sigmoid(x) + 3 * real.u * np.abs(truth[2])),
    ]


class TestMean(OpTests):
    op = loss_op(_core.bce_with_logits, bce_with_logits, True, bound=bound, draw=draw, small=SMALL, large=LARGE)


class TestSum(OpTests):
    op = loss_op(
        _core.bce_with_logits,
        bce_with_logits,
        False,
        bound=partial(bound, scale=1),
        draw=draw,
        small=SMALL,
        large=LARGE,
    )


def test_certain_predictions(isa: str, real: Real) -> None:
    """Logits so large that exp(-|x|) vanishes: the loss is |x| where wrong and 0 where right, nothing overflows."""
    x = np.array([[1e4], [-1e4], [1e4], [-1e4]], real.dtype)
    target = np.array([[1], [0], [0], [1]], real.dtype)
    _, losses, grad = _core.bce_with_logits(x, target)
    check_same_bits(losses, np.array([0, 0, 1e4, 1e4], real.dtype))
    check_same_bits(grad, np.array([[0], [0], [0.25], [-0.25]], real.dtype))


def test_small_losses(isa: str, real: Real) -> None:
    """A nearly certain right prediction has loss exp(-|x|), not 0: log(1 + e) must not lose a small e."""
    x = np.linspace(1, 80, 300).astype(real.dtype)[:, np.newaxis]
    truth = np.log1p(np.exp(-x[:, 0].astype(real.wide)))
    _, losses, _ = _core.bce_with_logits(x, np.ones_like(x))
    check_close(losses, truth, 1.01 * 13 * real.u * truth + real.u * real.tiny)


def test_nan_stays_in_its_sample(isa: str, real: Real) -> None:
    x = np.array([[0, 1], [np.nan, 0], [2, 3]], real.dtype)
    total, losses, grad = _core.bce_with_logits(x, np.zeros_like(x))
    assert np.isnan(total) and np.isnan(losses).tolist() == [False, True, False]
    assert np.isnan(grad).tolist() == [[False, False], [True, False], [False, False]]
