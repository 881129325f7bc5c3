"""The dense layer: forward and its three gradients, over every tile, layout, ISA and number of threads."""

import exact
import numpy as np
import pytest
from fastnn import _core
from fastnn.reference import dense as reference
from harness import Arrays, Op, OpTests, Real, check_same_bits
from product_tests import K_EDGES, integers, random_dims

SMALL = [
    *((n, 5, 19) for n in range(30)),
    *((3, 7, o) for o in range(67)),
    *((5, i, 17) for i in K_EDGES),
    (9, 33, 35),
]
LARGE = [(64, 784, 31), (129, 300, 33), (5, 2049, 131), (1024, 33, 37)]


def draw_forward(rng: np.random.Generator, shape: tuple[int, int, int], dtype: type) -> Arrays:
    n, i, o = shape
    return tuple(rng.standard_normal(part).astype(dtype) for part in ((n, i), (o, i), (o,)))


def draw_grad_x(rng: np.random.Generator, shape: tuple[int, int, int], dtype: type) -> Arrays:
    n, o, i = shape
    return tuple(rng.standard_normal(part).astype(dtype) for part in ((n, o), (o, i)))


def draw_grad_weight(rng: np.random.Generator, shape: tuple[int, int, int], dtype: type) -> Arrays:
    o, n, i = shape
    return tuple(rng.standard_normal(part).astype(dtype) for part in ((n, o), (n, i)))


def draw_grad_bias(rng: np.random.Generator, shape: tuple[int, int], dtype: type) -> Arrays:
    return (rng.standard_normal(shape).astype(dtype),)


def forward_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """I fused multiply-adds, + 0.0 and + bias on the magnitudes (N3); ReLU brings no value further from another."""
    x, weight, bias = (np.abs(array) for array in inputs)
    return [real.gamma(x.shape[1] + 4) * reference.dense_forward(x, weight, bias)]


def grad_x_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    grad_y, weight = (np.abs(array) for array in inputs)
    return [real.gamma(weight.shape[0] + 4) * reference.dense_grad_x(grad_y, weight)]


def grad_weight_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    grad_y, x = (np.abs(array) for array in inputs)
    return [real.gamma(x.shape[0] + 4) * reference.dense_grad_weight(grad_y, x)]


def grad_bias_bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """N adds, the first to zero."""
    return [real.gamma(len(inputs[0])) * reference.dense_grad_bias(np.abs(inputs[0]))]


class TestForward(OpTests):
    op = Op(
        run=lambda x, weight, bias, out=None: _core.dense_forward(x, weight, bias, False, out),
        truth=reference.dense_forward,
        bound=forward_bound,
        draw=draw_forward,
        small=SMALL,
        large=LARGE,
    )


class TestForwardRelu(OpTests):
    op = Op(
        run=lambda x, weight, bias, out=None: _core.dense_forward(x, weight, bias, True, out),
        truth=lambda x, weight, bias: reference.dense_forward(x, weight, bias, relu=True),
        bound=forward_bound,
        draw=draw_forward,
        small=SMALL,
        large=LARGE,
    )


class TestGradX(OpTests):
    op = Op(
        run=_core.dense_grad_x,
        truth=reference.dense_grad_x,
        bound=grad_x_bound,
        draw=draw_grad_x,
        small=SMALL,
        large=LARGE,
    )


class TestGradWeight(OpTests):
    op = Op(
        run=_core.dense_grad_weight,
        truth=reference.dense_grad_weight,
        bound=grad_weight_bound,
        draw=draw_grad_weight,
        small=SMALL,
        large=LARGE,
    )


class TestGradBias(OpTests):
    op = Op(
        run=_core.dense_grad_bias,
        truth=reference.dense_grad_bias,
        bound=grad_bias_bound,
        draw=draw_grad_bias,
        small=[*((n, 19) for n in range(6)), *((3, o) for o in range(67)), (1000, 5), (9, 33)],
        large=[(3000, 51), (2, 75_001), (1000, 257)],
    )


def check_integers(real: Real, rng: np.random.Generator, count: int) -> None:
    """`count` random layers, forward and gradients, equal those in float64 with tolerance 0."""
    for _ in range(count):
        n, i, o = random_dims(rng)
        x, weight = integers(rng, (n, i), real.dtype), integers(rng, (o, i), real.dtype)
        bias, grad_y = integers(rng, (o,), real.dtype), integers(rng, (n, o), real.dtype)
        relu = bool(rng.uniform() < 0.5)
        wide = [array.astype(np.float64) for array in (x, weight, bias, grad_y)]
        expected = {
            "forward": reference.dense_forward(*wide[:3], relu=relu),
            "grad_x": reference.dense_grad_x(wide[3], wide[1]),
            "grad_weight": reference.dense_grad_weight(wide[3], wide[0]),
            "grad_bias": reference.dense_grad_bias(wide[3]),
        }
        if rng.uniform() < 0.5:  # [in][out] in memory, as the layer keeps it
            weight = np.asfortranarray(weight)
        out = np.empty((o, i), real.dtype) if rng.uniform() < 0.5 else None
        actual = {
            "forward": _core.dense_forward(x, weight, bias, relu),
            "grad_x": _core.dense_grad_x(grad_y, weight),
            "grad_weight": _core.dense_grad_weight(grad_y, x, out),
            "grad_bias": _core.dense_grad_bias(grad_y),
        }
        for name, array in actual.items():
            wanted = expected[name].astype(real.dtype) + real.dtype(0)
            check_same_bits(array, wanted, f"{name} of N {n}, I {i}, O {o}")


def test_integers(isa: str, threads: int, real: Real, rng: np.random.Generator) -> None:
    """N2: no tolerance at all."""
    check_integers(real, rng, 250)


@pytest.mark.slow
def test_many_integers(isa: str, threads: int, real: Real, rng: np.random.Generator) -> None:
    check_integers(real, rng, 1000)


def test_orders(isa: str, rng: np.random.Generator) -> None:
    """Bit for bit the chains written in NumPy: outputs, and gradients over the samples."""
    x, weight, bias = draw_forward(rng, (70, 50, 18), np.float32)
    grad_y = rng.standard_normal((70, 18)).astype(np.float32)
    y = exact.product(x, weight.T) + bias
    check_same_bits(_core.dense_forward(x, weight, bias), y)
    check_same_bits(_core.dense_forward(x, weight, bias, True), np.where(y > 0, y, np.float32(0)))
    check_same_bits(_core.dense_grad_x(grad_y, weight), exact.product(grad_y, weight))
    check_same_bits(_core.dense_grad_weight(grad_y, x), exact.product(grad_y.T, x))
    check_same_bits(_core.dense_grad_bias(grad_y), exact.chain(grad_y))
    assert np.any(exact.chain(grad_y) != exact.chain(grad_y[::-1])), "another order would be seen"


def test_without_bias(isa: str, real: Real, rng: np.random.Generator) -> None:
    x, weight, bias = draw_forward(rng, (9, 33, 35), real.dtype)
    check_same_bits(_core.dense_forward(x, weight), _core.dense_forward(x, weight, np.zeros_like(bias)))
    check_same_bits(_core.dense_forward(x, weight, None, True), _core.dense_forward(x, weight, bias * 0, True))


def test_zeros_underflow_and_special_weights(isa: str, rng: np.random.Generator) -> None:
    """Inputs that are mostly +0 and -0, with weights that are finite, infinite and NaN, or products that
    underflow: skipping zeros would have to agree with this."""
    x, weight, bias = draw_forward(rng, (9, 40, 18), np.float32)
    x[rng.uniform(size=x.shape) < 0.7] = 0
    x[rng.uniform(size=x.shape) < 0.2] = -0.0
    for scale in (1, 1e-21, 1e-23):
        a, b = x * np.float32(scale), weight * np.float32(scale)
        check_same_bits(_core.dense_forward(a, b), exact.product(a, b.T), f"scale {scale}")
    check_same_bits(_core.dense_forward(x * 0, -np.abs(weight)), np.zeros((9, 18), np.float32))
    weight[3, 7], weight[5, 1], weight[6, 2] = np.inf, np.nan, -np.inf
    expected = exact.product(x, weight.T) + bias
    check_same_bits(_core.dense_forward(x, weight, bias), expected)
    assert np.isnan(expected[:, [3, 5, 6]]).any(axis=0).all()
    relu = np.where((expected > 0) | np.isnan(expected), expected, np.float32(0))
    check_same_bits(_core.dense_forward(x, weight, bias, True), relu)


def test_grad_weight_lies_as_the_weight_does(isa: str, rng: np.random.Generator) -> None:
    """A fresh gradient is [in][out] in memory; `out` in C order gets the same bits."""
    grad_y, x = draw_grad_weight(rng, (18, 20, 33), np.float32)
    fresh, out = _core.dense_grad_weight(grad_y, x), np.empty((18, 33), np.float32)
    assert fresh.shape == (18, 33) and fresh.T.flags.c_contiguous
    assert _core.dense_grad_weight(grad_y, x, out) is out
    check_same_bits(fresh, out)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_row_is_the_first_of_two(isa: str, threads: int, dtype: type, rng: np.random.Generator) -> None:
    """A single row has a kernel of its own: every width of its tiles, the bits of the kernel for many rows."""
    for outputs in [*range(1, 70), *range(90, 460, 7), 2000]:
        memory = rng.standard_normal((33, outputs)).astype(dtype)  # [in][out], as layers keep their weights
        x = rng.standard_normal((2, 66)).astype(dtype)[:, ::2]
        bias = rng.standard_normal(outputs).astype(dtype)
        for more in ((), (None, True), (bias, True)):
            check_same_bits(_core.dense_forward(x[:1], memory.T, *more), _core.dense_forward(x, memory.T, *more)[:1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("samples", [127, 129, 256, 300, 1500])
def test_a_large_batch_gives_one_chain(
    isa: str, threads: int, samples: int, dtype: type, rng: np.random.Generator
) -> None:
    """Its weight gradient is made by blocks of samples and inputs: the bits of one product, whatever the strides."""
    for inputs, outputs in ((5, 1), (1, 70), (101, 33), (197, 290)):
        grad_y = rng.standard_normal((samples, outputs)).astype(dtype)
        x = rng.standard_normal((samples, 2 * inputs)).astype(dtype)[:, ::2]
        product = _core.matmul(x.T, grad_y).T
        check_same_bits(_core.dense_grad_weight(grad_y, np.ascontiguousarray(x)), product)
        check_same_bits(_core.dense_grad_weight(grad_y, x), product)
        check_same_bits(_core.dense_grad_weight(np.asfortranarray(grad_y), x), product)
