"""fastnn.kernels: the functions on NumPy arrays that scripts build on; their numbers are tested op by op."""

from __future__ import annotations

import inspect
import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastnn import _core, kernels

N, I, O = 5, 7, 3  # noqa: E741
RNG = np.random.default_rng(11)
DTYPES = [np.float32, np.float64]


def array(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return RNG.standard_normal(shape).astype(dtype)


def test_signatures() -> None:
    """Fixed: scripts call them with these names and in this order."""
    functions = [name for name in kernels.__all__ if name != "OPS"]
    names = {name: list(inspect.signature(getattr(kernels, name)).parameters) for name in functions}
    assert sorted(names) == sorted(name for name in dir(kernels) if inspect.isfunction(getattr(kernels, name)))
    assert names["dense_forward"] == ["x", "weight", "bias", "activation", "out"]
    assert names["dense_backward"] == ["grad_y", "x", "weight", "out"]
    window = ["stride", "padding", "dilation", "groups"]
    assert names["conv2d_forward"] == ["x", "weight", "bias", *window, "activation", "out"]
    assert names["conv2d_backward"] == ["grad_y", "x", "weight", *window, "out"]
    pooling = ["kernel_size", "stride", "padding", "dilation", "ceil_mode", "out"]
    assert names["max_pool2d_forward"] == ["x", *pooling]
    assert names["max_pool2d_backward"] == ["grad_y", "x", *pooling]
    assert names["relu_forward"] == ["x", "out"]
    assert names["relu_backward"] == ["grad_y", "x", "out"]
    assert names["softmax_cross_entropy"] == ["logits", "labels", "out"]
    adam = inspect.signature(kernels.adam_step).parameters
    assert list(adam)[:5] == ["param", "grad", "m", "v", "step"]
    defaults = {name: value.default for name, value in list(adam.items())[5:]}
    assert defaults == {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}


@pytest.mark.parametrize("dtype", DTYPES)
class TestResults:
    """Against the definitions, written out in float64; bounds of a few roundings (the op tests have exact ones)."""

    def test_dense_forward(self, dtype: type) -> None:
        x, weight, bias = array(N, I, dtype=dtype), array(O, I, dtype=dtype), array(O, dtype=dtype)
        product = x.astype(float) @ weight.T.astype(float)
        for given, activation, expected in (
            (bias, None, product + bias),
            (None, None, product),
            (bias, "relu", np.maximum(product + bias, 0)),
            (None, "relu", np.maximum(product, 0)),
        ):
            y = kernels.dense_forward(x, weight, given, activation)
            close(y, expected, dtype)
            assert y.shape == (N, O)

    def test_dense_backward(self, dtype: type) -> None:
        grad_y, x, weight = array(N, O, dtype=dtype), array(N, I, dtype=dtype), array(O, I, dtype=dtype)
        grad_x, grad_weight, grad_bias = kernels.dense_backward(grad_y, x, weight)
        close(grad_x, grad_y.astype(float) @ weight, dtype)
        close(grad_weight, grad_y.T.astype(float) @ x, dtype)
        close(grad_bias, grad_y.astype(float).sum(axis=0), dtype)

    def test_relu(self, dtype: type) -> None:
        x, grad = array(N, I, dtype=dtype), array(N, I, dtype=dtype)
        x[0, :3] = -0.0, np.nan, np.inf
        assert np.array_equal(kernels.relu_forward(x), np.where(x > 0, x, np.where(np.isnan(x), x, 0)), equal_nan=True)
        assert not np.signbit(kernels.relu_forward(x)[0, 0])
        assert np.array_equal(kernels.relu_backward(grad, x), np.where(x > 0, grad, 0))

    def test_conv2d(self, dtype: type) -> None:
        """Tap by tap, as sums of products of the windows that a stride picks of a padded image."""
        x, weight, bias = array(2, 3, 6, 5, dtype=dtype), array(4, 3, 3, 2, dtype=dtype), array(4, dtype=dtype)
        padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (0, 0)]).astype(float)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 2), axis=(2, 3))[:, :, ::2]
        product = np.einsum("nchwij,ocij->nohw", windows, weight.astype(float)) + bias[:, None, None]
        settings = ((2, 1), (1, 0))
        close(kernels.conv2d_forward(x, weight, bias, *settings), product, dtype)
        close(kernels.conv2d_forward(x, weight, bias, *settings, activation="relu"), np.maximum(product, 0), dtype)
        grad_y = array(*product.shape, dtype=dtype)
        grad_x, grad_weight, grad_bias = kernels.conv2d_backward(grad_y, x, weight, *settings)
        close(grad_weight, np.einsum("nchwij,nohw->ocij", windows, grad_y.astype(float)), dtype, roundings=60)
        close(grad_bias, grad_y.astype(float).sum((0, 2, 3)), dtype)
        spread = np.einsum("nohw,ocij->nchwij", grad_y.astype(float), weight.astype(float))
        back = np.zeros(padded.shape)
        for i, j in np.ndindex(3, 2):
            back[:, :, i : i + 5 : 2, j : j + 4] += spread[..., i, j]
        close(grad_x, back[:, :, 1:-1], dtype)

    def test_max_pool2d(self, dtype: type) -> None:
        x = array(2, 3, 6, 4, dtype=dtype)
        windows = x.reshape(2, 3, 3, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(2, 3, 3, 2, 4)
        y = kernels.max_pool2d_forward(x, (2, 2))
        assert np.array_equal(y, windows.max(axis=-1))
        grad_x = kernels.max_pool2d_backward(y, x, (2, 2))
        assert np.array_equal(grad_x, np.where(np.repeat(np.repeat(y, 2, 2), 2, 3) == x, x, 0))

    def test_softmax_cross_entropy(self, dtype: type) -> None:
        logits, labels = 3 * array(N, O, dtype=dtype), np.array([0, 2, 1, 1, 0])
        loss, grad = kernels.softmax_cross_entropy(logits, labels)
        exps = np.exp(logits.astype(float))
        soft = exps / exps.sum(axis=1, keepdims=True)
        assert type(loss) is float
        assert loss == pytest.approx(-np.log(soft[np.arange(N), labels]).mean(), rel=float(10 * np.finfo(dtype).eps))
        close(grad, (soft - np.eye(O)[labels]) / N, dtype)

    def test_adam(self, dtype: type) -> None:
        param, grad = array(4, 6, dtype=dtype), array(4, 6, dtype=dtype)
        m, v = np.zeros_like(param), np.zeros_like(param)
        p, mm, vv = (a.astype(float) for a in (param, m, v))
        for step in (1, 2, 3):
            assert kernels.adam_step(param, grad, m, v, step, lr=0.1, beta1=0.8, weight_decay=0.01) is None
            g = grad + 0.01 * p
            mm, vv = 0.8 * mm + 0.2 * g, 0.999 * vv + 0.001 * g * g
            p = p - 0.1 * (mm / (1 - 0.8**step)) / (np.sqrt(vv / (1 - 0.999**step)) + 1e-8)
        for found, expected in ((param, p), (m, mm), (v, vv)):
            close(found, expected, dtype, roundings=60)


def close(found: np.ndarray, expected: np.ndarray, dtype: type, roundings: int = 20) -> None:
    assert found.dtype == dtype
    assert np.allclose(found, expected, rtol=roundings * np.finfo(dtype).eps, atol=roundings * np.finfo(dtype).eps)


ONE_RESULT: dict[str, Callable[..., np.ndarray]] = {
    "dense_forward": lambda **k: kernels.dense_forward(X, WEIGHT, BIAS, **k),
    "relu_forward": lambda **k: kernels.relu_forward(X, **k),
    "relu_backward": lambda **k: kernels.relu_backward(X, X[::-1].copy(), **k),
    "softmax_cross_entropy": lambda **k: kernels.softmax_cross_entropy(SCORES, LABELS, **k)[1],
}
X, WEIGHT, BIAS, SCORES = array(N, I), array(O, I), array(O), array(N, O)
LABELS = np.array([0, 1, 2, 1, 0])
IMAGES = array(2, 3, 4, 4)
PAIR = r"^\[{}\] {}.*: expected two integers, \(rows, columns\), got"


@pytest.mark.parametrize("name", ONE_RESULT)
class TestOut:
    def test_it_is_filled_and_returned(self, name: str) -> None:
        expected = ONE_RESULT[name]()
        out = np.full_like(expected, 99)
        assert ONE_RESULT[name](out=out) is out
        assert out.tobytes() == expected.tobytes()

    def test_what_does_not_fit(self, name: str) -> None:
        shape = ONE_RESULT[name]().shape
        read_only = np.zeros(shape, np.float32)
        read_only.flags.writeable = False
        for out in (
            np.zeros((*shape, 1), np.float32),
            np.zeros((shape[0] + 1, shape[1]), np.float32),
            np.zeros(shape[::-1], np.float32).T,
            read_only,
        ):
            with pytest.raises(ValueError, match="out"):
                ONE_RESULT[name](out=out)
        for wrong in (np.zeros(shape, np.float64), np.zeros(shape, np.int32), "x", [[0.0]]):
            with pytest.raises(TypeError, match="out"):
                ONE_RESULT[name](out=wrong)


def test_out_of_dense_backward() -> None:
    grad_y = array(N, O)
    expected = kernels.dense_backward(grad_y, X, WEIGHT)
    outs = tuple(np.full_like(part, 99) for part in expected)
    found = kernels.dense_backward(grad_y, X, WEIGHT, out=outs)
    for part, out, right in zip(found, outs, expected, strict=True):
        assert part is out
        assert out.tobytes() == right.tobytes()
    some = kernels.dense_backward(grad_y, X, WEIGHT, out=(None, outs[1], None))
    assert some[1] is outs[1]
    assert some[0] is not outs[0]


@pytest.mark.parametrize("order", ["C", "F"])
def test_gradients_fit_the_update(order: str) -> None:
    """What dense_backward gives goes into adam_step, in either layout of the weights: the same numbers."""
    weight = np.array(WEIGHT, order=order)
    gradient = kernels.dense_backward(SCORES, X, weight)[1]
    assert gradient.strides == weight.strides
    for given in (gradient, np.array(gradient, order="C"), np.array(gradient, order="F")):
        param = weight.copy(order="K")
        kernels.adam_step(param, given, np.zeros_like(param), np.zeros_like(param), 1)
        expected, plain = WEIGHT.copy(), np.ascontiguousarray(gradient)
        kernels.adam_step(expected, plain, np.zeros_like(expected), np.zeros_like(expected), 1)
        assert param.tobytes() == expected.tobytes()


def test_in_place() -> None:
    """ReLU may overwrite what it reads; where that would change the result it is refused."""
    x, grad = X.copy(), array(N, I)
    expected = kernels.relu_forward(X), kernels.relu_backward(grad, X)
    assert np.array_equal(kernels.relu_forward(x, out=x), expected[0])
    assert np.array_equal(kernels.relu_backward(grad, X, out=grad), expected[1])
    square = np.eye(N, dtype=np.float32)
    with pytest.raises(ValueError, match="overlap"):
        kernels.dense_forward(square, square.copy(), None, out=square)


@pytest.mark.parametrize(
    "make",
    [
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        np.asfortranarray,
        lambda a: a.astype(a.dtype.newbyteorder()),
        lambda a: np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
    ],
    ids=["strided", "column by column", "swapped", "misaligned and read-only"],
)
def test_inputs_of_any_layout(make: Callable[[np.ndarray], np.ndarray]) -> None:
    expected = kernels.dense_forward(X, WEIGHT, BIAS)
    assert kernels.dense_forward(make(X), make(WEIGHT), make(BIAS)).tobytes() == expected.tobytes()
    loss, grad = kernels.softmax_cross_entropy(make(SCORES), LABELS)
    same, right = kernels.softmax_cross_entropy(SCORES, LABELS)
    assert (loss, grad.tobytes()) == (same, right.tobytes())


ERRORS: dict[str, tuple[Callable[[], Any], type, str]] = {
    "activation": (lambda: kernels.dense_forward(X, WEIGHT, BIAS, "gelu"), ValueError, "None or 'relu', got 'gelu'"),
    "inputs": (
        lambda: kernels.dense_forward(X[:, :6], WEIGHT, BIAS),
        ValueError,
        r"weight has 7 inputs, x has shape \(5, 6\)",
    ),
    "bias": (lambda: kernels.dense_forward(X, WEIGHT, BIAS[:2]), ValueError, "bias"),
    "dtypes": (lambda: kernels.dense_forward(X, WEIGHT.astype(float), BIAS), TypeError, "float32"),
    "integers": (lambda: kernels.dense_forward(X.astype(int), WEIGHT, BIAS), TypeError, "float"),
    "no array": (lambda: kernels.relu_forward("x"), TypeError, "array"),
    "objects": (lambda: kernels.relu_forward(np.array([None])), TypeError, "object"),
    "rank": (lambda: kernels.dense_forward(X[0], WEIGHT, BIAS), ValueError, "dimension"),
    "backward rows": (lambda: kernels.dense_backward(SCORES[:4], X, WEIGHT), ValueError, r"x has shape \(5, 7\)"),
    "backward inputs": (lambda: kernels.dense_backward(SCORES, X[:, :6], WEIGHT), ValueError, r"of \(5, 7\)"),
    "relu shapes": (lambda: kernels.relu_backward(X, X[:4]), ValueError, "shape"),
    "label": (
        lambda: kernels.softmax_cross_entropy(SCORES, LABELS + 1),
        ValueError,
        "label 3 at sample 2 is outside 0..2",
    ),
    "negative": (lambda: kernels.softmax_cross_entropy(SCORES, -LABELS), ValueError, "label -1 at sample 1"),
    "float labels": (lambda: kernels.softmax_cross_entropy(SCORES, LABELS * 1.0), TypeError, "labels must be int64"),
    "counts": (lambda: kernels.softmax_cross_entropy(SCORES, LABELS[:4]), ValueError, "4"),
    "empty": (lambda: kernels.softmax_cross_entropy(SCORES[:0], LABELS[:0]), ValueError, "empty"),
    "step": (
        lambda: kernels.adam_step(*(X.copy() for _ in range(4)), 0),
        ValueError,
        "step is 0; steps are counted from 1",
    ),
    "stride": (
        lambda: kernels.conv2d_forward(IMAGES, IMAGES, stride=1),
        TypeError,
        PAIR.format("conv2d_forward", "str"),
    ),
    "padding": (
        lambda: kernels.conv2d_forward(IMAGES, IMAGES, padding=1),
        TypeError,
        r"padding: .* columns\), got 1",
    ),
    "same": (lambda: kernels.conv2d_forward(IMAGES, IMAGES, padding="same"), TypeError, "padding: .* got 'same'"),
    "pooling": (lambda: kernels.max_pool2d_forward(IMAGES, 2), TypeError, PAIR.format("max_pool2d_forward", "kernel_")),
    "a list": (
        lambda: kernels.conv2d_backward([1.0], IMAGES, IMAGES),
        TypeError,
        "grad_y: expected a NumPy array",
    ),
    "text": (
        lambda: kernels.adam_step(*(X.copy() for _ in range(4)), 1, lr="0.1"),
        TypeError,
        r"^\[adam_step\] lr: expected a number, got '0.1'",
    ),
    "half a step": (lambda: kernels.sgd_step(X.copy(), X, step=1.5), TypeError, "step: expected an integer, got 1.5"),
    "eps": (lambda: kernels.batch_norm_forward(IMAGES, eps=-1), ValueError, "eps is -1; it must be finite and at le"),
    "nan": (
        lambda: kernels.batch_norm_inference_forward(IMAGES, *[None] * 2, *[X] * 2, math.nan),
        ValueError,
        "eps is",
    ),
    "rate": (lambda: kernels.sgd_step(X.copy(), X, lr=-1), ValueError, "lr is -1; it must be"),
    "unknown": (lambda: kernels.relu_forward(X, alpha=1), TypeError, r"^relu_forward\(\) got an unexpected keyword"),
    "adam shapes": (lambda: kernels.adam_step(X.copy(), X, X.copy(), WEIGHT.copy(), 1), ValueError, "shape"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    call, kind, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        call()


def test_adam_refuses_a_read_only_parameter() -> None:
    param = X.copy()
    param.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        kernels.adam_step(param, X, np.zeros_like(X), np.zeros_like(X), 1)
    assert np.array_equal(param, X)


ADAM = dict.fromkeys(("param", "grad", "m", "v"))


@pytest.mark.parametrize("pair", [*itertools.combinations(ADAM, 2)], ids="-".join)
@pytest.mark.parametrize("isa, threads", [("scalar", 1), ("", 1), ("", 2)])
@pytest.mark.parametrize("shift", [0, 1, 7, 99_999])
def test_adam_refuses_arrays_that_overlap(pair: tuple[str, str], isa: str, threads: int, shift: int) -> None:
    size, before, many = 100_000, _core.isa(), _core.get_num_threads()
    memory = np.ones(size + shift, np.float32)
    arrays = {name: np.ones(size, np.float32) for name in ADAM}
    arrays[pair[0]], arrays[pair[1]] = memory[:size], memory[shift:]
    _core.set_isa(isa or before)
    _core.set_num_threads(threads)
    try:
        with pytest.raises(ValueError, match=rf"^\[adam\] ({pair[0]} and {pair[1]}|{pair[1]} and {pair[0]}) overlap"):
            kernels.adam_step(*arrays.values(), 3)
    finally:
        _core.set_isa(before)
        _core.set_num_threads(many)
    assert all((array == 1).all() for array in arrays.values())


def test_neighbours_do_not_overlap() -> None:
    memory = np.ones((4, 1000), np.float32)
    kernels.adam_step(*memory, 1)
    assert (memory[1] == 1).all() and (memory[0] < 1).all() and (memory[3] == 1).all()


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "wrong",
    [
        *({"step": step} for step in (0, -1, -(2**62), 2**63, 2**64)),
        *({name: value} for name in ("lr", "eps", "weight_decay") for value in (-1e-3, NAN, INF, -INF)),
        *({name: value} for name in ("beta1", "beta2") for value in (-0.1, 1.0, 1.5, NAN, INF)),
    ],
    ids=str,
)
def test_adam_refuses_settings_out_of_range(wrong: dict[str, float]) -> None:
    arrays = [np.ones(4, np.float32) for _ in range(4)]
    with pytest.raises(ValueError, match=rf"^\[adam\] .*{next(iter(wrong))}"):
        kernels.adam_step(*arrays, **{"step": 2**62, **wrong})
    assert all((array == 1).all() for array in arrays)


@pytest.mark.parametrize("wrong", [1.5, "1", None])
def test_a_step_is_an_integer(wrong: Any) -> None:
    with pytest.raises(TypeError):
        kernels.adam_step(*(np.ones(4, np.float32) for _ in range(4)), wrong)
    kernels.adam_step(*(np.ones(4, np.float32) for _ in range(4)), np.int32(2))


@pytest.mark.parametrize("step", [2**24, 2**24 + 1, 2**40, 2**62, 2**63 - 1])
@pytest.mark.parametrize("beta", [0.0, 0.9, 0.999, 1 - 1e-9, 1 - 2**-53])
def test_any_number_of_steps_is_taken_at_once(step: int, beta: float) -> None:
    """At most 2^24 products, 50 ms; beta^step by squaring beyond, whose error is some 60 roundings."""
    arrays = [np.ones(4) for _ in range(4)]
    begin = time.process_time()
    kernels.adam_step(*arrays, step, beta1=beta, beta2=beta, eps=0)
    assert time.process_time() - begin < 2
    c = -math.expm1(step * math.log(beta)) if beta else 1
    m = v = beta + (1 - beta) * 1
    np.testing.assert_allclose(arrays[0], 1 - 1e-3 * (m / c) / math.sqrt(v / c), rtol=1e-9 if c > 1e-6 else 1e-3)


@pytest.mark.parametrize("place", range(3))
def test_results_of_dense_backward_lie_apart(place: int) -> None:
    """An out in the memory of an input, or of another result, would be read after it was written."""
    grad_y, x, weight = array(4, 4), array(4, 4), array(4, 4)
    for other in (grad_y, x, weight):
        out: list[np.ndarray | None] = [None, None, None]
        out[place] = other if place < 2 else other[0]
        with pytest.raises(ValueError, match="overlaps"):
            kernels.dense_backward(grad_y, x, weight, out=tuple(out))
    both = array(4, 4)
    with pytest.raises(ValueError, match="grad_weight overlaps"):
        kernels.dense_backward(grad_y, x, weight, out=(both, both, None))
