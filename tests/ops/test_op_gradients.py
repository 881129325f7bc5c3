"""Every backward against central differences of its forward, in float64.

A case draws inputs, and says what is differentiated (`forward`) and what claims to be the gradient
(`backward`). The differences take four points, so that the step may be large enough for rounding not to
matter: the error is about h^4 f'''''/30 + 1e-15 f / h, below 1e-10 for what is drawn here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from fastnn import _core
from hypothesis import given, settings
from hypothesis import strategies as st

STEP = 3e-4
RTOL, ATOL = 1e-6, 1e-8
FULL = 64  # inputs up to which each is moved alone; above, random directions

Inputs = list[np.ndarray]
Forward = Callable[..., np.ndarray]
Backward = Callable[..., Inputs]
Case = tuple[Inputs, Forward, Backward]


def difference(forward: Forward, inputs: Inputs, weights: np.ndarray, moves: Inputs) -> float:
    """The derivative of sum(weights * forward) along `moves`."""

    def at(distance: float) -> float:
        return float(np.sum(weights * forward(*(x + distance * d for x, d in zip(inputs, moves, strict=True)))))

    return (8 * (at(STEP) - at(-STEP)) - (at(2 * STEP) - at(-2 * STEP))) / (12 * STEP)


def directions(inputs: Inputs, rng: np.random.Generator) -> list[Inputs]:
    """Each input element alone, or eight random directions where there are many."""
    total = sum(x.size for x in inputs)
    flat = np.eye(total) if total <= FULL else rng.standard_normal((8, total)) / total**0.5
    ends = np.cumsum([x.size for x in inputs])[:-1]
    return [[part.reshape(x.shape) for part, x in zip(np.split(row, ends), inputs, strict=True)] for row in flat]


def check_gradient(case: Case, rng: np.random.Generator) -> None:
    inputs, forward, backward = case
    y = forward(*inputs)
    weights = rng.standard_normal(y.shape)
    gradients = backward(weights, *inputs)
    assert [g.shape for g in gradients] == [x.shape for x in inputs]
    assert [g.tobytes() for g in gradients] == [g.tobytes() for g in backward(weights, *inputs)], "two runs, one result"
    for moves in directions(inputs, rng):
        claimed = float(sum(np.sum(g * d) for g, d in zip(gradients, moves, strict=True)))
        found = difference(forward, inputs, weights, moves)
        assert abs(found - claimed) <= ATOL + RTOL * abs(found), (found, claimed, [x.shape for x in inputs])


def relu(rng: np.random.Generator, n: int, m: int) -> Case:
    x = rng.uniform(0.01, 2, (n, m)) * rng.choice([-1, 1], (n, m))  # away from the kink
    return [x], _core.relu, lambda g, x: [_core.relu_backward(g, x)]


def relu_from_y(rng: np.random.Generator, n: int, m: int) -> Case:
    inputs, forward, _ = relu(rng, n, m)
    return inputs, forward, lambda g, x: [_core.relu_backward(g, _core.relu(x))]


def leaky_relu(rng: np.random.Generator, n: int, m: int) -> Case:
    inputs, _, _ = relu(rng, n, m)
    slope = float(rng.choice([0.01, 0.3, -2.0, 0.0]))
    return inputs, lambda x: _core.leaky_relu(x, slope), lambda g, x: [_core.leaky_relu_backward(g, x, slope)]


def elu(rng: np.random.Generator, n: int, m: int) -> Case:
    inputs, _, _ = relu(rng, n, m)
    alpha = float(rng.choice([1.0, 0.3, -2.0, 0.0]))
    return inputs, lambda x: _core.elu(x, alpha), lambda g, x: [_core.elu_backward(g, x, alpha)]


def clamp(rng: np.random.Generator, n: int, m: int) -> Case:
    x = rng.choice([-2.0, 0.2, 3.0], (n, m)) + rng.uniform(0, 0.9, (n, m))  # away from both bounds
    return [x], lambda x: _core.clamp(x, -1, 1.5), lambda g, x: [_core.clamp_backward(g, x, -1, 1.5)]


def from_x(name: str) -> Callable[..., Case]:
    """A smooth function whose backward reads x."""
    forward, backward = getattr(_core, name), getattr(_core, f"{name}_backward")
    return lambda rng, n, m: ([2 * rng.standard_normal((n, m))], forward, lambda g, x: [backward(g, x)])


def sigmoid(rng: np.random.Generator, n: int, m: int) -> Case:
    return [rng.standard_normal((n, m))], _core.sigmoid, lambda g, x: [_core.sigmoid_backward(g, _core.sigmoid(x))]


def tanh(rng: np.random.Generator, n: int, m: int) -> Case:
    return [rng.standard_normal((n, m))], _core.tanh, lambda g, x: [_core.tanh_backward(g, _core.tanh(x))]


def exp(rng: np.random.Generator, n: int, m: int) -> Case:
    return [rng.standard_normal((n, m))], _core.exp, lambda g, x: [_core.multiply(g, _core.exp(x))]


def log(rng: np.random.Generator, n: int, m: int) -> Case:
    return [rng.uniform(0.5, 2, (n, m))], _core.log, lambda g, x: [_core.divide(g, x)]


def power(rng: np.random.Generator, n: int, m: int) -> Case:
    p = float(rng.choice([1, 2, 3, -1, -2, 0.5, 1.5, -0.7]))
    x = rng.uniform(0.5, 2, (n, m))
    return [x], lambda x: _core.pow(x, p), lambda g, x: [_core.pow_backward(g, x, p)]


def divide(rng: np.random.Generator, n: int, m: int) -> Case:
    def backward(g: np.ndarray, a: np.ndarray, b: np.ndarray) -> Inputs:
        quotient = _core.divide(a, b)
        return [_core.divide(g, b), _core.multiply(_core.multiply(g, -1.0), _core.divide(quotient, b))]

    return [rng.standard_normal((n, m)), rng.uniform(0.5, 2, (n, m))], _core.divide, backward


def softmax(rng: np.random.Generator, n: int, m: int) -> Case:
    x = rng.standard_normal((n, m + 1))
    return [x], _core.softmax, lambda g, x: [_core.softmax_backward(g, _core.softmax(x))]


def log_softmax(rng: np.random.Generator, n: int, m: int) -> Case:
    x = rng.standard_normal((n, m + 1))
    return [x], _core.log_softmax, lambda g, x: [_core.log_softmax_backward(g, _core.log_softmax(x))]


def mean(rng: np.random.Generator, n: int, m: int) -> Case:
    """sum with a scale, over an axis between two others."""
    scale = 1 / (m + 1)

    def backward(g: np.ndarray, x: np.ndarray) -> Inputs:
        return [_core.copy(np.broadcast_to(_core.multiply(g, scale)[:, np.newaxis], x.shape))]

    return [rng.standard_normal((n, m + 1, 3))], lambda x: _core.sum(x, scale), backward


def largest(rng: np.random.Generator, n: int, m: int) -> Case:
    x = 0.1 * rng.permutation(n * (m + 1) * 2).reshape(n, m + 1, 2)  # no ties
    return [x], lambda x: _core.max(x)[0], lambda g, x: [_core.max_backward(g, _core.max(x)[1], m + 1)]


def take(rng: np.random.Generator, n: int, m: int) -> Case:
    """Indices that repeat: their gradients add up."""
    index = rng.integers(0, n + 1, m)
    return (
        [rng.standard_normal(n + 1)],
        lambda x: _core.take(x, index),
        lambda g, x: [_core.take_backward(g, index, list(x.shape))],
    )


def dropout(rng: np.random.Generator, n: int, m: int) -> Case:
    draw = {"p": 0.4, "seed": int(rng.integers(2**32)), "call": 1, "module": 2}
    x = rng.standard_normal((n, m))
    return [x], lambda x: _core.dropout(x, **draw)[0], lambda g, x: [_core.multiply(g, _core.dropout(x, **draw)[1])]


def matmul(rng: np.random.Generator, n: int, m: int) -> Case:
    k = int(rng.integers(0, 6))
    inputs = [rng.standard_normal((n, k)), rng.standard_normal((k, m))]
    return inputs, _core.matmul, lambda g, a, b: [_core.matmul(g, b.T), _core.matmul(a.T, g)]


def dense(rng: np.random.Generator, n: int, m: int) -> Case:
    i = int(rng.integers(0, 6))
    inputs = [rng.standard_normal(shape) for shape in ((n, i), (m, i), (m,))]

    def backward(g: np.ndarray, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Inputs:
        return [_core.dense_grad_x(g, weight), _core.dense_grad_weight(g, x), _core.dense_grad_bias(g)]

    return inputs, _core.dense_forward, backward


def dense_relu(rng: np.random.Generator, n: int, m: int) -> Case:
    """With ReLU fused. Inputs are drawn again while an output lies near the kink."""
    inputs, _, linear = dense(rng, n, m)
    while np.any(np.abs(_core.dense_forward(*inputs)) < 0.02):
        inputs = [rng.standard_normal(x.shape) for x in inputs]

    def forward(*inputs: np.ndarray) -> np.ndarray:
        return _core.dense_forward(*inputs, True)

    return inputs, forward, lambda g, *inputs: linear(_core.relu_backward(g, forward(*inputs)), *inputs)


def image(rng: np.random.Generator, channels: int, n: int, m: int) -> np.ndarray:
    return rng.standard_normal((2, channels, n % 6 + 3, m % 6 + 3))


def conv2d(rng: np.random.Generator, n: int, m: int) -> Case:
    groups, stride = int(rng.integers(1, 3)), [int(s) for s in rng.integers(1, 3, 2)]
    settings = (stride, [int(p) for p in rng.integers(0, 3, 4)], [1, int(rng.integers(1, 3))], groups)
    x, weight = image(rng, 2 * groups, n, m), rng.standard_normal((3 * groups, 2, 3, 2))

    def backward(g: np.ndarray, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Inputs:
        return [
            _core.conv2d_grad_x(g, weight, x.shape[2:], *settings),
            _core.conv2d_grad_weight(g, x, weight.shape[2:], *settings),
            _core.conv2d_grad_bias(g),
        ]

    return [x, weight, rng.standard_normal(len(weight))], lambda *inputs: _core.conv2d(*inputs, *settings), backward


def max_pool2d(rng: np.random.Generator, n: int, m: int) -> Case:
    x = image(rng, 3, n, m)
    x[...] = 0.1 * rng.permutation(x.size).reshape(x.shape)  # no ties
    settings = ([3, 2], [int(s) for s in rng.integers(1, 4, 2)], [1, 1], [1, 1], bool(rng.integers(2)))
    return [x], lambda x: _core.max_pool2d(x, *settings), lambda g, x: [_core.max_pool2d_backward(g, x, *settings)]


def avg_pool2d(rng: np.random.Generator, n: int, m: int) -> Case:
    stride, counted = [int(s) for s in rng.integers(1, 4, 2)], bool(rng.integers(2))
    settings = ([3, 2], stride, [1, 1], bool(rng.integers(2)), counted, int(rng.choice([0, 5])))

    def backward(g: np.ndarray, x: np.ndarray) -> Inputs:
        return [_core.avg_pool2d_backward(g, x.shape[2:], *settings)]

    return [image(rng, 3, n, m)], lambda x: _core.avg_pool2d(x, *settings), backward


def adaptive_avg_pool2d(rng: np.random.Generator, n: int, m: int) -> Case:
    cut = [int(c) for c in rng.integers(1, 5, 2)]

    def backward(g: np.ndarray, x: np.ndarray) -> Inputs:
        return [_core.adaptive_avg_pool2d_backward(g, x.shape[2:])]

    return [image(rng, 3, n, m)], lambda x: _core.adaptive_avg_pool2d(x, cut), backward


def batch_norm(rng: np.random.Generator, n: int, m: int) -> Case:
    def backward(g: np.ndarray, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Inputs:
        _, mean, inverse, *_ = _core.batch_norm(x, weight, bias)
        return list(_core.batch_norm_backward(g, x, weight, mean, inverse))

    inputs = [image(rng, 3, n, m), rng.standard_normal(3), rng.standard_normal(3)]
    return inputs, lambda *inputs: _core.batch_norm(*inputs)[0], backward


def batch_norm_inference(rng: np.random.Generator, n: int, m: int) -> Case:
    running = rng.standard_normal(3), rng.uniform(0.5, 2, 3)

    def backward(g: np.ndarray, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Inputs:
        return list(_core.batch_norm_inference_backward(g, x, weight, *running))

    inputs = [image(rng, 3, n, m), rng.standard_normal(3), rng.standard_normal(3)]
    return inputs, lambda *inputs: _core.batch_norm_inference(*inputs, *running), backward


def loss(name: str, draw_target: Callable[..., np.ndarray]) -> Callable[..., Case]:
    """A loss gives its value and gradient at once: the value times `weights` is differentiated, mean or sum."""

    def case(rng: np.random.Generator, n: int, m: int) -> Case:
        average, target = bool(rng.integers(2)), draw_target(rng, n + 1, m + 1)

        def results(x: np.ndarray) -> tuple[np.ndarray, ...]:
            return getattr(_core, name)(x, target, average)

        x = rng.standard_normal((n + 1, m + 1))
        return [x], lambda x: results(x)[0], lambda g, x: [g * results(x)[2]]

    return case


CASES: dict[str, Callable[..., Case]] = {
    "relu": relu,
    "relu_from_y": relu_from_y,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "clamp": clamp,
    **{name: from_x(name) for name in ("gelu", "gelu_tanh", "silu", "softplus")},
    "sigmoid": sigmoid,
    "tanh": tanh,
    "exp": exp,
    "log": log,
    "pow": power,
    "divide": divide,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "sum": mean,
    "max": largest,
    "take": take,
    "dropout": dropout,
    "matmul": matmul,
    "dense": dense,
    "dense_relu": dense_relu,
    "conv2d": conv2d,
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
    "adaptive_avg_pool2d": adaptive_avg_pool2d,
    "batch_norm": batch_norm,
    "batch_norm_inference": batch_norm_inference,
    "cross_entropy": loss("cross_entropy", lambda rng, n, m: rng.integers(0, m, n)),
    "mse": loss("mse", lambda rng, n, m: rng.standard_normal((n, m))),
    "bce_with_logits": loss("bce_with_logits", lambda rng, n, m: rng.uniform(0, 1, (n, m))),
}

SIZES = st.one_of(st.sampled_from([0, 1]), st.integers(0, 7), st.sampled_from([11, 17]))


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=200)
@given(n=SIZES, m=SIZES, seed=st.integers(0, 2**32 - 1))
def test_gradient(name: str, n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    check_gradient(CASES[name](rng, n, m), rng)


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_gradient_is_seen(name: str) -> None:
    """One element off by one part in a hundred thousand is rejected, in every case."""
    rng = np.random.default_rng(5)
    inputs, forward, backward = CASES[name](rng, 3, 4)

    def off(*arguments: np.ndarray) -> Inputs:
        gradients = [np.array(g, order="C") for g in backward(*arguments)]
        for g in gradients:
            g.reshape(-1)[np.argmax(np.abs(g))] *= 1 + 1e-5
        return gradients

    check_gradient((inputs, forward, backward), np.random.default_rng(1))
    with pytest.raises(AssertionError):
        check_gradient((inputs, forward, off), np.random.default_rng(1))


def test_every_backward_has_a_case() -> None:
    """A backward added to the core must be added here."""
    backwards = {name.removesuffix("_backward") for name in dir(_core) if name.endswith("_backward")}
    assert backwards <= set(CASES), backwards - set(CASES)
