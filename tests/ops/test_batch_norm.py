"""Batch norm: training, its gradients and inference, within derived bounds; sums in the documented order."""

from __future__ import annotations

import exact
import numpy as np
import pytest
from fastnn import _core
from fastnn.reference import batch_norm as reference
from fastnn.reference.convolution import pixel_sums
from harness import Arrays, Op, OpTests, Real, check_same_bits, configured
from image_tests import CHANNELS, images

SHAPES = [*((2, 2, 3, c) for c in range(1, 35)), *((n, 1, 1, 5) for n in range(2, 10)), (5, 4, 3, 33)]
LARGE = [(40, 9, 9, 33)]
EPS = 1e-3


def draw_x(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    """x about 0.3 in the order of memory, weight, bias, running mean and variance."""
    channels = [rng.standard_normal(shape[-1]), rng.standard_normal(shape[-1])]
    running = [rng.standard_normal(shape[-1]), rng.uniform(0.5, 2, shape[-1])]
    return tuple(array.astype(dtype) for array in (rng.standard_normal(shape) + 0.3, *channels, *running))


def draw_backward(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    x, weight, _, mean, inverse = draw_x(rng, shape, dtype)
    grad_y = rng.standard_normal(shape).astype(dtype)
    return grad_y, x, weight, mean.astype(np.float64), inverse.astype(np.float64)


def magnitude(real: Real, x: np.ndarray, inputs: Arrays, scale: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Of (x - mean) scale + bias, mean and scale being rounded, then a difference and a fused product and sum. In
    float64, the means' own errors are of the order of those of the sums: some u for each pixel of a chain."""
    weight, bias = inputs[1:3]
    chain = (x[..., 0].size + 8) * 2.0**-53 * (real.dtype == np.float64)
    spread = (np.abs(x).max(axis=(0, 1, 2)) + np.abs(mean)) * np.abs(weight) * scale
    return (6 * real.u + 4 * chain) * (
        images(spread * (1 + spread * 0) * np.ones_like(x)) * 2 + np.abs(bias)[:, None, None]
    )


def training_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    x, _, _, running_mean, running_var = inputs
    _, mean, inverse, *_ = truth
    sums = (x[..., 0].size + 8) * 2.0**-53  # of chains in float64
    size = np.abs(x).max(axis=(0, 1, 2)) + np.abs(mean)
    off_mean = 2 * sums * size
    off_inverse = 4 * sums * (size * inverse) ** 2 * inverse + 8 * 2.0**-53 * inverse
    y = magnitude(real, x, inputs, inverse, mean) + images(
        (off_inverse * size + inverse * off_mean) * np.abs(inputs[1]) * np.ones_like(x)
    )
    moved = 2 * real.u
    return [
        y,
        off_mean,
        off_inverse,
        moved * (np.abs(running_mean) + size) + off_mean,
        moved * (running_var + 2 * size**2) + 8 * sums * size**2,
    ]


def inference_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    x, _, _, mean, var = inputs
    return [2 * magnitude(real, x, inputs, 1 / np.sqrt(var + EPS), mean)]


def backward_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """Sums of magnitudes, their chains in float64; eight roundings of what grad_x is made of."""
    grad_y, x, weight, mean, inverse = inputs
    count = x[..., 0].size
    sums, g, d = (count + 8) * 2.0**-53, np.abs(images(grad_y)), np.abs(images(x)) + np.abs(mean)[:, None, None]
    total, product = g.sum((0, 2, 3)), (g * d).sum((0, 2, 3))
    part = g + (total / count)[:, None, None] + d * (inverse**2 * product / count)[:, None, None]
    return [
        (8 * real.u + 2 * sums) * part * np.abs(inverse * weight)[:, None, None],
        (2 * real.u + 2 * sums) * product * inverse,
        (2 * real.u + 2 * sums) * total,
    ]


def inference_backward_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    grad_y, x, weight, mean, var = inputs
    inverse = 1 / np.sqrt(var + EPS)
    return backward_bound(real, truth, (grad_y, x, weight, mean, inverse))


class TestTraining(OpTests):
    op = Op(
        run=lambda x, *values: _core.batch_norm(images(x), *values, 0.25, EPS),
        truth=lambda x, *values: reference.batch_norm(images(x), *values, 0.25, EPS),
        bound=training_bound,
        draw=draw_x,
        small=SHAPES,
        large=LARGE,
        takes_out=False,
    )

    def check_values(self, real: Real, inputs: Arrays, what: str) -> Arrays:
        """mean and inverse are float64 in either precision."""
        results = self.op.results(inputs)
        assert [array.dtype for array in results] == [real.dtype, np.float64, np.float64, real.dtype, real.dtype]
        truth, bounds = self.op.expected(real, inputs)
        for number, (found, wanted, bound) in enumerate(zip(results, truth, bounds, strict=True)):
            assert np.all(np.abs(found - wanted) <= bound), f"{what}, result {number}"
        return results


class TestBiased(TestTraining):
    """Keras' running variance; a single value a channel is enough for it."""

    op = Op(
        run=lambda x, *values: _core.batch_norm(images(x), *values, 0.25, EPS, False),
        truth=lambda x, *values: reference.batch_norm(images(x), *values, 0.25, EPS, False),
        bound=training_bound,
        draw=draw_x,
        small=[*SHAPES, (1, 1, 1, 5)],
        large=LARGE,
        takes_out=False,
    )


class TestInference(OpTests):
    op = Op(
        run=lambda x, *values: _core.batch_norm_inference(images(x), *values, EPS),
        truth=lambda x, *values: reference.batch_norm_inference(images(x), *values, EPS),
        bound=inference_bound,
        draw=draw_x,
        small=SHAPES,
        large=LARGE,
        takes_out=False,
    )


class TestBackward(OpTests):
    op = Op(
        run=lambda grad_y, x, *values: _core.batch_norm_backward(images(grad_y), images(x), *values),
        truth=lambda grad_y, x, *values: reference.batch_norm_backward(images(grad_y), images(x), *values),
        bound=backward_bound,
        draw=draw_backward,
        small=SHAPES,
        large=LARGE,
        takes_out=False,
    )


def draw_inference_backward(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    x, weight, _, mean, var = draw_x(rng, shape, dtype)
    return rng.standard_normal(shape).astype(dtype), x, weight, mean, var


class TestInferenceBackward(OpTests):
    op = Op(
        run=lambda g, x, *values: _core.batch_norm_inference_backward(images(g), images(x), *values, EPS),
        truth=lambda g, x, *values: reference.batch_norm_inference_backward(images(g), images(x), *values, EPS),
        bound=inference_backward_bound,
        draw=draw_inference_backward,
        small=SHAPES,
        large=LARGE,
        takes_out=False,
    )


@pytest.mark.parametrize("tests", [TestTraining, TestInference, TestBackward, TestInferenceBackward])
def test_100_random_sizes(isa: str, real: Real, tests: type[OpTests], rng: np.random.Generator) -> None:
    for number in range(100):
        shape = (*(int(n) for n in rng.integers((2, 1, 1), (7, 10, 10))), int(rng.choice(CHANNELS)))
        inputs = tests.op.draw(rng, shape, real.dtype)
        with configured(isa, (1, 2, 3)[number % 3]):
            tests().check_values(real, inputs, str(shape))


def test_100_steps(isa: str, threads: int, rng: np.random.Generator) -> None:
    """Of gradient descent in float64: weights and running values as the reference's, to 1e-9."""
    start = [array for array in draw_x(rng, (2, 1, 1, 5), np.float64)[1:]]
    values = {module: [array.copy() for array in start] for module in (_core, reference)}
    for _ in range(100):
        x, factor = (images(rng.standard_normal((4, 3, 6, 5)) * 3 + 1) for _ in range(2))
        for module, (weight, bias, running_mean, running_var) in values.items():
            y, mean, inverse, *moved = module.batch_norm(x, weight, bias, running_mean, running_var, 0.2, EPS)
            _, grad_weight, grad_bias = module.batch_norm_backward(2 * y * factor, x, weight, mean, inverse)
            values[module] = [weight - 1e-3 * grad_weight, bias - 1e-3 * grad_bias, *moved]
    for found, wanted, first in zip(values[_core], values[reference], start, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9)
        assert np.abs(found - first).min() > 1e-3


@pytest.mark.parametrize("channels", [1, 5, 16, 35])
def test_orders(isa: str, threads: int, real: Real, channels: int, rng: np.random.Generator) -> None:
    """Bit for bit: the pixels of a sample, then the samples, in float64; in one chain the bits would differ."""
    x = images(rng.standard_normal((19, 5, 7, channels)).astype(real.dtype))
    wide, count = x.astype(np.float64), 19 * 35
    y, mean, inverse, _, _ = _core.batch_norm(x, None, None)
    check_same_bits(mean, pixel_sums(x) / count)
    deviations = wide - mean.reshape(1, -1, 1, 1)
    check_same_bits(inverse, 1 / np.sqrt(pixel_sums(deviations * deviations) / count + 1e-5))
    one_chain = exact.chain(wide.transpose(0, 2, 3, 1).reshape(-1, channels)) / count
    assert channels < 16 or real.dtype == np.float32 or np.any(one_chain != mean)  # sums of floats are exact
    d = x - mean.astype(real.dtype).reshape(1, -1, 1, 1)
    check_same_bits(y, d * inverse.astype(real.dtype).reshape(1, -1, 1, 1) + real.dtype(0))
    grad_y = images(rng.standard_normal((19, 5, 7, channels)).astype(real.dtype))
    _, grad_weight, grad_bias = _core.batch_norm_backward(grad_y, x, None, mean, inverse)
    check_same_bits(grad_bias, pixel_sums(grad_y).astype(real.dtype))
    check_same_bits(grad_weight, (pixel_sums(grad_y.astype(np.float64) * deviations) * inverse).astype(real.dtype))


def test_without_weight_and_running_values(isa: str, real: Real, rng: np.random.Generator) -> None:
    x = images(rng.standard_normal((4, 3, 2, 7)).astype(real.dtype))
    ones, zeros = np.ones(7, real.dtype), np.zeros(7, real.dtype)
    y, mean, inverse, no_mean, no_var = _core.batch_norm(x, None, None)
    check_same_bits(y, _core.batch_norm(x, ones, zeros)[0])
    assert no_mean.shape == no_var.shape == (0,)
    plain = _core.batch_norm_backward(x, x, None, mean, inverse)
    for found, wanted in zip(plain, _core.batch_norm_backward(x, x, ones, mean, inverse), strict=True):
        check_same_bits(found, wanted)


def test_constant_channels(isa: str, real: Real) -> None:
    """A channel of one value: 0 times weight, plus bias, exactly, also far from zero."""
    x = np.full((3, 2, 4, 4), 1e4, real.dtype)
    bias = np.array([0.5, -2], real.dtype)
    y, mean, inverse, *_ = _core.batch_norm(x, np.ones(2, real.dtype), bias)
    check_same_bits(y, np.broadcast_to(bias.reshape(1, 2, 1, 1), x.shape))
    assert np.all(mean == 1e4) and np.all(inverse == 1 / np.sqrt(1e-5))


def ones(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.ones(shape, dtype)


ERRORS = {
    "one value": (
        lambda: _core.batch_norm(ones(1, 3, 1, 1), None, None),
        r"training needs more than one value a channel, x has shape \(1, 3, 1, 1\).*drop_last=True",
    ),
    "weight": (
        lambda: _core.batch_norm(ones(2, 4, 1, 1), ones(3), None),
        r"weight has shape \(3,\), x \(2, 4, 1, 1\) has 4 channels",
    ),
    "running": (
        lambda: _core.batch_norm_inference(ones(2, 4, 1, 1), None, None, ones(3), ones(3)),
        r"running_mean has shape \(3,\)",
    ),
    "rank": (lambda: _core.batch_norm(ones(2, 3), None, None), r"x has shape \(2, 3\)"),
    "gradient": (
        lambda: _core.batch_norm_backward(
            ones(2, 3, 1, 2), ones(2, 3, 2, 2), None, ones(3, dtype=np.float64), ones(3, dtype=np.float64)
        ),
        "grad_y",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    call, message = ERRORS[name]
    with pytest.raises(ValueError, match=rf"^\[\w+\] .*{message}"):
        call()
