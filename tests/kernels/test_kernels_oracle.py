"""fastnn.kernels, each function beside its oracle in float64, with and without ``out``; the table of all ops.

The ops' own tests have exact bounds; these are of what lies between them and the user: arguments, orders, defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastnn import _core, kernels
from fastnn.reference import (
    adam,
    arithmetic,
    batch_norm,
    bce,
    clamp,
    convolution,
    cross_entropy,
    dense,
    dropout,
    elu,
    exp,
    gather,
    gelu,
    leaky_relu,
    log,
    matmul,
    mse,
    pooling,
    pow,
    reduce,
    relu,
    rmsprop,
    sgd,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)

Shape = tuple[int, ...]
RNG = np.random.default_rng(17)
N, I, O = 5, 7, 3  # noqa: E741
FLAT, PAIR, CUBE = (N, I), [(N, I), (N, I)], (2, 5, 3)
INDEX, ROWS, WINNERS = np.array([[3, 0], [34, 3]]), np.array([4, 0, 0]), np.array([[0, 4, 1], [2, 2, 3]])
IMAGES, MADE = (2, 4, 6, 5), (2, 6, 3, 4)
CHANNELS, STATISTICS = [(4,)] * 2, [(4,)] * 4
CONVOLUTION = ((2, 1), (1, 0), (1, 1), 2)
PADDED = ((2, 1), (1, 0, 1, 0), (1, 1), 2)
WINDOWS = ((3, 2), (2, 1), (1, 0))
BYTES = np.arange(30, dtype=np.uint8).reshape(5, 2, 3)


def elementwise(home: Any, *numbers: float, of: str | None = None) -> dict[str, tuple[Any, ...]]:
    """A function and its gradient, by the oracle's names."""
    name = of or home.__name__.rpartition(".")[2]
    return {
        f"{name}_forward": (FLAT, numbers, getattr(home, name)),
        f"{name}_backward": (PAIR, numbers, getattr(home, f"{name}_backward")),
    }


def means(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A loss's mean and gradient."""

    def both(*given: Any) -> tuple[Any, Any]:
        total, _, grad = loss(*given)
        return total, grad

    return both


# By name: the shapes of drawn arrays, what follows them, the oracle.
CASES: dict[str, tuple[Any, tuple[Any, ...], Callable[..., Any]]] = {
    **elementwise(relu),
    **elementwise(leaky_relu, 0.2),
    **elementwise(sigmoid),
    **elementwise(tanh),
    **elementwise(silu),
    **elementwise(gelu),
    **elementwise(gelu, of="gelu_tanh"),
    **elementwise(elu, 0.7),
    **elementwise(softplus),
    **elementwise(clamp, 0.3, 0.8),
    **elementwise(softmax),
    **elementwise(softmax, of="log_softmax"),
    **elementwise(exp),
    **elementwise(log),
    **elementwise(pow, 1.7),
    **{op: ([(N, I), (I,)], (), getattr(arithmetic, op)) for op in ("add", "subtract", "multiply", "divide")},
    "copy": (FLAT, (), np.copy),
    "matmul": ([(2, 5, 7), (2, 7, 3)], (), matmul.matmul),
    "dense_forward": ([(N, I), (O, I), (O,)], (), dense.dense_forward),
    "dense_backward": (
        [(N, O), (N, I), (O, I)],
        (),
        lambda g, x, w: (dense.dense_grad_x(g, w), dense.dense_grad_weight(g, x), dense.dense_grad_bias(g)),
    ),
    "conv2d_forward": (
        [IMAGES, (6, 2, 3, 2), (6,)],
        CONVOLUTION,
        lambda x, w, b, *how: convolution.conv2d(x, w, b, *PADDED),
    ),
    "conv2d_backward": (
        [MADE, IMAGES, (6, 2, 3, 2)],
        CONVOLUTION,
        lambda g, x, w, *how: (
            convolution.conv2d_grad_x(g, w, (6, 5), *PADDED),
            convolution.conv2d_grad_weight(g, x, (3, 2), *PADDED),
            convolution.conv2d_grad_bias(g),
        ),
    ),
    "max_pool2d_forward": (IMAGES, (*WINDOWS, (1, 1), True), pooling.max_pool2d),
    "max_pool2d_backward": ([(2, 4, 4, 4), IMAGES], (*WINDOWS, (1, 1), True), pooling.max_pool2d_backward),
    "avg_pool2d_forward": (IMAGES, (*WINDOWS, True, False), pooling.avg_pool2d),
    "avg_pool2d_backward": ((2, 4, 4, 4), ((6, 5), *WINDOWS, True, False), pooling.avg_pool2d_backward),
    "adaptive_avg_pool2d_forward": (IMAGES, ((2, 3),), pooling.adaptive_avg_pool2d),
    "adaptive_avg_pool2d_backward": ((2, 4, 2, 3), ((6, 5),), pooling.adaptive_avg_pool2d_backward),
    "batch_norm_forward": ([IMAGES, *STATISTICS], (0.3, 1e-3), lambda *given: batch_norm.batch_norm(*given)[:3]),
    "batch_norm_backward": (
        [IMAGES, IMAGES, (4,)],
        (np.linspace(0.4, 0.6, 4), np.linspace(1, 2, 4)),
        batch_norm.batch_norm_backward,
    ),
    "batch_norm_inference_forward": ([IMAGES, *STATISTICS], (1e-3,), batch_norm.batch_norm_inference),
    "batch_norm_inference_backward": (
        [IMAGES, IMAGES, (4,), *CHANNELS],
        (1e-3,),
        batch_norm.batch_norm_inference_backward,
    ),
    "sum_forward": (CUBE, (0.2,), reduce.sum),
    "sum_backward": ((2, 3), (5, 0.2), reduce.sum_backward),
    "max_forward": (CUBE, (), reduce.max),
    "max_backward": ((2, 3), (WINNERS, 5), reduce.max_backward),
    "take_forward": (FLAT, (INDEX,), gather.take),
    "take_backward": ((2, 2), (INDEX, (5, 7)), gather.take_backward),
    "gather_rows": (FLAT, (ROWS,), gather.gather_rows),
    "gather_uint8": (
        [],
        (BYTES, ROWS, np.array([0.1, 0.2]), np.array([0.5, 0.6])),
        gather.gather_uint8,
    ),
    "dropout_forward": (FLAT, (0.3, 7, 1, 2), dropout.dropout),
    "softmax_cross_entropy": (FLAT, (np.array([6, 0, 2, 2, 1]),), means(cross_entropy.cross_entropy)),
    "mse": (PAIR, (), means(mse.mse)),
    "bce_with_logits": (PAIR, (), means(bce.bce_with_logits)),
}
UPDATES = {"adam_step", "adamw_step", "sgd_step", "rmsprop_step"}
SECOND = {"softmax_cross_entropy", "mse", "bce_with_logits"}  # out is for the second result


def drawn(name: str, dtype: type) -> tuple[np.ndarray, ...]:
    """From 0 to 1: right for logarithms, probabilities and variances alike."""
    shapes = CASES[name][0]
    return tuple(
        RNG.uniform(0.05, 1, shape).astype(dtype) for shape in (shapes if isinstance(shapes, list) else [shapes])
    )


def as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def close(found: Any, expected: Any, dtype: type) -> None:
    """Some roundings of sums of a few dozen numbers."""
    bound = 200 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(found, expected, rtol=bound, atol=bound)


def test_every_function_is_here() -> None:
    assert set(kernels.__all__) == {*CASES, *UPDATES, "OPS"}


def test_every_op_has_a_function() -> None:
    assert set(kernels.OPS) > set(_core.instruction_facts())
    assert {each.__name__ for each in kernels.OPS.values()} | {"adamw_step", "exp_backward", "log_backward"} == {
        name for name in kernels.__all__ if name not in ("OPS", "sum_backward")
    }
    assert all((each.__doc__ or "").strip() for each in kernels.OPS.values())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_beside_the_oracle(name: str, dtype: type) -> None:
    arrays, (_, others, oracle) = drawn(name, dtype), CASES[name]
    results = as_tuple(getattr(kernels, name)(*(array.copy() for array in arrays), *others))
    truth = as_tuple(oracle(*(array.astype(np.float64) for array in arrays), *others))
    assert len(results) == len(truth)
    for found, expected in zip(results, truth, strict=True):
        assert np.shape(found) == np.shape(expected)
        close(found, expected, np.float32 if name == "gather_uint8" else dtype)


@pytest.mark.parametrize("name", [name for name in CASES if not name.endswith(("dense_backward", "conv2d_backward"))])
def test_out(name: str) -> None:
    """It is filled and given back; what cannot hold the result is refused."""
    arrays, (_, others, _) = drawn(name, np.float32), CASES[name]
    place = 1 if name in SECOND else 0

    def run(**out: Any) -> np.ndarray:
        return as_tuple(getattr(kernels, name)(*(array.copy() for array in arrays), *others, **out))[place]

    expected = run()
    out = np.full(expected.shape, 99, expected.dtype)
    assert run(out=out) is out
    assert out.tobytes() == np.ascontiguousarray(expected).tobytes()
    fixed = out.copy()
    fixed.flags.writeable = False
    for wrong in (fixed, np.zeros((*out.shape, 1), out.dtype), np.zeros((*out.shape, 2), out.dtype)[..., 0]):
        with pytest.raises(ValueError, match="out"):
            run(out=wrong)
    for wrong in (out.astype(np.float64), out.tolist()):
        with pytest.raises(TypeError, match="out"):
            run(out=wrong)


def test_out_of_images_may_lie_as_they_do() -> None:
    x, weight = RNG.uniform(0, 1, IMAGES), RNG.uniform(0, 1, (6, 4, 3, 2))
    y = kernels.conv2d_forward(x, weight)
    out = np.zeros_like(y)
    assert kernels.conv2d_forward(x, weight, out=out) is out and np.array_equal(out, y)
    grads = kernels.conv2d_backward(y, x, weight)
    outs = tuple(map(np.zeros_like, grads))
    assert all(a is b for a, b in zip(kernels.conv2d_backward(y, x, weight, out=outs), outs, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(grads, outs, strict=True))


def test_in_place() -> None:
    """Where the docstring says that out may be an argument."""
    x, grad = RNG.uniform(0.1, 1, FLAT), RNG.uniform(0.1, 1, FLAT)
    for name in [name for name in CASES if f"{name}".endswith("_forward") and CASES[name][0] == FLAT]:
        if "``out`` may be x" in (getattr(kernels, name).__doc__ or ""):
            numbers, own = CASES[name][1], x.copy()
            expected = getattr(kernels, name)(x, *numbers)
            assert getattr(kernels, name)(own, *numbers, out=own) is own
            assert np.array_equal(own, expected)
    own = x.copy()
    assert np.array_equal(kernels.subtract(grad, own, out=own), grad - x)


def test_running_values_are_moved() -> None:
    x, mean, var = RNG.uniform(0, 1, IMAGES), np.zeros(4), np.ones(4)
    kernels.batch_norm_forward(x, None, None, mean, var, momentum=0.25)
    close(mean, 0.25 * x.mean((0, 2, 3)), np.float64)
    close(var, 0.75 + 0.25 * x.var((0, 2, 3), ddof=1), np.float64)
    mean.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        kernels.batch_norm_forward(x, None, None, mean, var)


Update = tuple[int, Callable[..., Any], Callable[..., Any]]
STEPS: dict[str, Update] = {  # states; a step of ours, and of the oracle
    "adam_step": (
        2,
        lambda step, *arrays: kernels.adam_step(*arrays, step, lr=0.1, weight_decay=0.2),
        lambda step, *arrays: adam.adam(*arrays, step, lr=0.1, weight_decay=0.2),
    ),
    "adamw_step": (
        2,
        lambda step, *arrays: kernels.adamw_step(*arrays, step, lr=0.1, weight_decay=0.2),
        lambda step, *arrays: adam.adam(*arrays, step, lr=0.1, weight_decay=0.2, decoupled=True),
    ),
    "sgd_step": (
        1,
        lambda step, *arrays: kernels.sgd_step(*arrays, step, 0.1, 0.9, 0.2, 0.3),
        lambda step, *arrays: sgd.sgd(*arrays, 0.1, 0.9, 0.2, 0.3, first=step == 1),
    ),
    "rmsprop_step": (
        2,
        lambda step, *arrays: kernels.rmsprop_step(*arrays, lr=0.1, weight_decay=0.2, momentum=0.9),
        lambda step, *arrays: rmsprop.rmsprop(*arrays, lr=0.1, weight_decay=0.2, momentum=0.9),
    ),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_updates(name: str, dtype: type) -> None:
    states, update, oracle = STEPS[name]
    grad = RNG.standard_normal(FLAT).astype(dtype)
    arrays = [RNG.standard_normal(FLAT).astype(dtype), grad, *(np.zeros(FLAT, dtype) for _ in range(states))]
    wide = [array.astype(np.float64) for array in arrays]
    for step in (1, 2, 3):
        assert update(step, *arrays) is None
        oracle(step, *wide)
    for found, expected in zip(arrays, wide, strict=True):
        close(found, expected, dtype)


def test_momentum_needs_a_buffer() -> None:
    x = np.ones(3)
    with pytest.raises(ValueError, match=r"np\.zeros_like"):
        kernels.sgd_step(x, x.copy(), momentum=0.9)
    with pytest.raises(ValueError, match=r"np\.zeros_like"):
        kernels.rmsprop_step(x, x.copy(), np.zeros(3), momentum=0.9)
    kernels.sgd_step(x, np.ones(3), lr=0.5)
    assert np.array_equal(x, [0.5] * 3)
    with pytest.raises(ValueError, match="step is 0"):
        kernels.sgd_step(x, np.ones(3), step=0)
