"""Pooling: the largest and the means of windows, and their gradients, bit for bit over random windows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference import pooling as reference
from harness import Arrays, Op, OpTests, Real, check_same_bits, configured
from image_tests import CHANNELS, images

Window = tuple[int, ...]  # samples, channels, height, width, kernel, stride, padding, dilation (two each), ceil_mode


def window(rng: np.random.Generator, dilated: bool = True) -> Window:
    kernel, stride = rng.integers(1, 5, 2), rng.integers(1, 4, 2)
    dilation = rng.integers(1, 3, 2) if dilated and rng.uniform() < 0.3 else np.ones(2, int)
    padding = [int(rng.integers(0, k // 2 + 1)) for k in kernel]
    size = [
        max(int(rng.integers(1, 10)), d * (k - 1) + 1 - 2 * p)
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    channels = int(rng.choice([1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33]))
    parts = [rng.integers(1, 4), channels, *size, *kernel, *stride, *padding, *dilation, rng.integers(0, 2)]
    return tuple(int(part) for part in parts)


RNG = np.random.default_rng(7)
WINDOWS = [window(RNG) for _ in range(60)]
MEANS = [window(RNG, dilated=False) for _ in range(60)]
LARGE = [(40, 33, 12, 12, 3, 3, 2, 2, 1, 1, 1, 1, 0), (64, 6, 28, 28, 2, 2, 2, 2, 0, 0, 1, 1, 1)]
CUTS = [(2, c, h, w, oh, ow) for c, h, w, oh, ow in [
    (1, 1, 1, 1, 1), (3, 5, 7, 1, 1), (16, 4, 4, 1, 1),
    (33, 6, 6, 2, 3), (8, 7, 5, 3, 2), (17, 3, 2, 5, 7), (5, 8, 8, 8, 8),
]]  # fmt: skip


def unpacked(sizes: np.ndarray) -> tuple[tuple, bool]:
    """Kernel, stride, padding, dilation and ceil_mode."""
    n = [int(value) for value in sizes[4:]]
    return (tuple(n[0:2]), tuple(n[2:4]), tuple(n[4:6])), tuple(n[6:8]), bool(n[8])


def draw_x(rng: np.random.Generator, sizes: Window, dtype: type) -> Arrays:
    """Few different values, so that some are equal, -0 beside 0, some NaN and infinities; in the order of memory."""
    n, c, h, w = sizes[:4]
    x = rng.integers(-3, 3, (n, h, w, c)).astype(dtype) * dtype(0.3)
    x[rng.uniform(size=x.shape) < 0.2] *= -1
    x[rng.uniform(size=x.shape) < 0.02] = np.nan
    x[rng.uniform(size=x.shape) < 0.02] = -np.inf
    return x, np.array(sizes)


def draw_both(rng: np.random.Generator, sizes: Window, dtype: type) -> Arrays:
    x, settings = draw_x(rng, sizes, dtype)
    kernel, dilation, ceil_mode = unpacked(settings)
    shape = reference.max_pool2d(images(x), *kernel, dilation, ceil_mode).shape
    return rng.standard_normal((shape[0], *shape[2:], shape[1])).astype(dtype), x, settings


def draw_normal(rng: np.random.Generator, sizes: Window, dtype: type) -> Arrays:
    n, c, h, w = sizes[:4]
    return rng.standard_normal((n, h, w, c)).astype(dtype), np.array(sizes)


def draw_gradient(rng: np.random.Generator, sizes: Window, dtype: type) -> Arrays:
    return draw_both(rng, sizes, dtype)[::2]


def max_pool(module: object) -> Callable[..., np.ndarray]:
    def run(x: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        kernel, dilation, ceil_mode = unpacked(sizes)
        return module.max_pool2d(images(x), *kernel, dilation, ceil_mode)

    return run


def max_pool_backward(module: object) -> Callable[..., np.ndarray]:
    def run(grad_y: np.ndarray, x: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        kernel, dilation, ceil_mode = unpacked(sizes)
        return module.max_pool2d_backward(images(grad_y), images(x), *kernel, dilation, ceil_mode)

    return run


def averages(module: object) -> Callable[..., tuple[np.ndarray, ...]]:
    """With the padding counted, without it, and by a divisor."""

    def run(x: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, ...]:
        kernel, _, ceil_mode = unpacked(sizes)
        ways = ((True, 0), (False, 0), (True, 7))
        return tuple(module.avg_pool2d(images(x), *kernel, ceil_mode, *way) for way in ways)

    return run


def averages_backward(module: object) -> Callable[..., tuple[np.ndarray, ...]]:
    def run(grad_y: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, ...]:
        kernel, _, ceil_mode = unpacked(sizes)
        size = int(sizes[2]), int(sizes[3])
        ways = ((True, 0), (False, 0), (True, 7))
        return tuple(module.avg_pool2d_backward(images(grad_y), size, *kernel, ceil_mode, *way) for way in ways)

    return run


class TestMaxPool(OpTests):
    op = Op(
        run=max_pool(_core), truth=max_pool(reference), draw=draw_x, small=WINDOWS, large=LARGE[1:], takes_out=False
    )


class TestMaxPoolBackward(OpTests):
    op = Op(
        run=max_pool_backward(_core),
        truth=max_pool_backward(reference),
        draw=draw_both,
        small=WINDOWS,
        large=[(40, 9, 12, 12, 3, 3, 2, 2, 1, 1, 1, 1, 0)],
        takes_out=False,
    )


class TestAvgPool(OpTests):
    op = Op(run=averages(_core), truth=averages(reference), draw=draw_normal, small=MEANS, large=LARGE, takes_out=False)


class TestAvgPoolBackward(OpTests):
    op = Op(
        run=averages_backward(_core),
        truth=averages_backward(reference),
        draw=draw_gradient,
        small=MEANS,
        large=LARGE,
        takes_out=False,
    )


class TestAdaptive(OpTests):
    op = Op(
        run=lambda x, cut: _core.adaptive_avg_pool2d(images(x), [int(n) for n in cut[4:]]),
        truth=lambda x, cut: reference.adaptive_avg_pool2d(images(x), tuple(cut[4:])),
        draw=draw_normal,
        small=CUTS,
        large=[(60, 33, 9, 9, 2, 2)],
        takes_out=False,
    )


def draw_cut(rng: np.random.Generator, cut: tuple[int, ...], dtype: type) -> Arrays:
    n, c, _, _, oh, ow = cut
    return rng.standard_normal((n, oh, ow, c)).astype(dtype), np.array(cut)


class TestAdaptiveBackward(OpTests):
    op = Op(
        run=lambda g, cut: _core.adaptive_avg_pool2d_backward(images(g), [int(n) for n in cut[2:4]]),
        truth=lambda g, cut: reference.adaptive_avg_pool2d_backward(images(g), tuple(cut[2:4])),
        draw=draw_cut,
        small=CUTS,
        large=[(60, 33, 9, 9, 2, 2)],
        takes_out=False,
    )


def random_cut(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(n) for n in (rng.integers(1, 4), rng.choice(CHANNELS), *rng.integers(1, 10, 4)))


@pytest.mark.parametrize(
    ("tests", "sizes"),
    [
        *((tests, window) for tests in (TestMaxPool, TestMaxPoolBackward)),
        *((tests, lambda rng: window(rng, dilated=False)) for tests in (TestAvgPool, TestAvgPoolBackward)),
        *((tests, random_cut) for tests in (TestAdaptive, TestAdaptiveBackward)),
    ],
)
def test_300_random_sizes(isa: str, tests: type[OpTests], sizes: Callable, rng: np.random.Generator) -> None:
    """Bit for bit what the reference gives."""
    for number in range(300):
        inputs = tests.op.draw(rng, drawn := sizes(rng), (np.float32, np.float64)[number % 2])
        with configured(isa, (1, 2, 3)[number % 3]):
            found = tests.op.results(inputs)
        wanted = tests.op.truth(*(np.array(array) for array in inputs))
        for one, other in zip(found, wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
            check_same_bits(one, other, str(drawn))


def test_first_of_equals_and_nan(isa: str, real: Real) -> None:
    """The first of equals has the gradient; NaN wins, the first one; padding never does, not over -inf either."""
    rows = np.array([[1, 1, 0, 1], [0, np.nan, np.nan, 5], [-np.inf] * 4, [-0.0, 0, 0, -0.0]], real.dtype)
    x, ones = rows.reshape(4, 1, 2, 2), np.ones((4, 1, 1, 1), real.dtype)
    y = _core.max_pool2d(x, [2, 2], [2, 2])
    check_same_bits(y.ravel(), np.array([1, np.nan, -np.inf, -0.0], real.dtype))
    winners = _core.max_pool2d_backward(ones, x, [2, 2], [2, 2]).reshape(4, 4).argmax(1)
    assert winners.tolist() == [0, 1, 0, 0]
    padded = _core.max_pool2d(-np.ones((1, 1, 2, 2), real.dtype), [2, 2], [2, 2], [1, 1])
    check_same_bits(padded, np.full((1, 1, 2, 2), -1, real.dtype))


def test_a_window_of_padding_alone(isa: str) -> None:
    """By dilation a window may meet no pixel: -inf, and its gradient goes nowhere."""
    x, window = np.ones((1, 1, 1, 1), np.float32), ([2, 2], [1, 1], [1, 1], [2, 2])
    assert _core.max_pool2d(x, *window).tolist() == [[[[-np.inf]]]]
    assert _core.max_pool2d_backward(x, x, *window).tolist() == [[[[0.0]]]]


def test_order_of_overlapping_windows(isa: str) -> None:
    """A pixel's gradients are added in the order of the windows: in another, the small ones would be lost or kept."""
    grad_y = np.array([1, 2.0**-24, 2.0**-24], np.float32).reshape(1, 1, 3, 1)
    found = _core.avg_pool2d_backward(grad_y, [5, 1], [3, 1], [1, 1], divisor=1)
    assert found.ravel().tolist() == [1, 1, 1, 2.0**-23, 2.0**-24]
    back = _core.avg_pool2d_backward(grad_y[:, :, ::-1], [5, 1], [3, 1], [1, 1], divisor=1)
    assert back.ravel()[2] == 1 + 2.0**-23


def x(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


ERRORS = {
    "rank": (
        lambda: _core.max_pool2d(x(3, 8, 8), [2, 2], [2, 2]),
        r"x has shape \(3, 8, 8\): images are \(N, C, H, W\)",
    ),
    "kernel": (
        lambda: _core.max_pool2d(x(1, 3, 2, 8), [3, 3], [1, 1]),
        "the kernel of 3 x 3 pixels is larger than the image: 2 x 8",
    ),
    "padding": (
        lambda: _core.avg_pool2d(x(1, 3, 8, 8), [3, 3], [1, 1], [2, 0]),
        "padding 2 is more than half of the kernel of 3",
    ),
    "stride": (lambda: _core.avg_pool2d(x(1, 3, 8, 8), [3, 3], [1, 0]), "stride is 0; it must be at least 1"),
    "divisor": (
        lambda: _core.avg_pool2d(x(1, 3, 8, 8), [3, 3], [1, 1], divisor=-1),
        "divisor_override is -1; it must be at least 1",
    ),
    "output": (lambda: _core.adaptive_avg_pool2d(x(1, 3, 8, 8), [0, 1]), "output_size is 0; it must be at least 1"),
    "many": (
        lambda: _core.adaptive_avg_pool2d(x(1, 3, 8, 8), [2**40, 1]),
        "output_size is 1099511627776; it must be at most 65536",
    ),
    "nothing": (
        lambda: _core.adaptive_avg_pool2d(x(1, 3, 0, 8), [1, 1]),
        "images of 0 x 8 pixels have no mean",
    ),
    "gradient": (
        lambda: _core.max_pool2d_backward(x(1, 3, 3, 4), x(1, 3, 8, 8), [2, 2], [2, 2]),
        r"grad_y has shape \(1, 3, 3, 4\), it must be \(1, 3, 4, 4\)",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    call, message = ERRORS[name]
    with pytest.raises(ValueError, match=rf"^\[\w+\] {message}"):
        call()
