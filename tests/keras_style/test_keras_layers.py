"""Layers, activations and initializers: their formulas, with values worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.eager.tensor import Tensor
from fastnn.keras import activations, initializers, layers

X = np.array([[-2.0, -0.5, 0.0, 0.5, 8.0]], dtype=np.float32)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def softplus(x: float) -> float:
    return math.log(1 + math.exp(x))


FORMULAS: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "relu": lambda x: max(x, 0),
    "relu6": lambda x: min(max(x, 0), 6),
    "leaky_relu": lambda x: x if x > 0 else 0.2 * x,
    "elu": lambda x: x if x > 0 else math.exp(x) - 1,
    "selu": lambda x: 1.05070098 * (x if x > 0 else 1.67326324 * (math.exp(x) - 1)),
    "softplus": softplus,
    "softsign": lambda x: x / (1 + abs(x)),
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda x: min(max(x / 6 + 0.5, 0), 1),
    "tanh": math.tanh,
    "silu": lambda x: x * sigmoid(x),
    "swish": lambda x: x * sigmoid(x),
    "mish": lambda x: x * math.tanh(softplus(x)),
    "exponential": math.exp,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_activations(name: str) -> None:
    """As a function, in Dense and as a layer, compiled; and the gradient, by central differences."""
    expected = [[FORMULAS[name](float(x)) for x in X[0]]]
    np.testing.assert_allclose(activations.get(name)(Tensor(X)).numpy(), expected, rtol=1e-5, atol=1e-6)
    model = keras.Sequential([keras.Input((5,)), layers.Activation(name)])
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    assert activations.name_in_files(activations.get(name)) in (name, "silu")
    dense = keras.Sequential([layers.Dense(1, name, use_bias=False, input_shape=(1,))])
    dense.compile(keras.optimizers.SGD(1.0), lambda t, p: p)
    for x in (-2.0, -0.5, 0.75, 3.5):
        dense.set_weights([np.array([[x]])])
        dense.fit(np.ones((1, 1)), np.zeros(1), verbose=0)
        slope = (FORMULAS[name](x + 1e-6) - FORMULAS[name](x - 1e-6)) / 2e-6
        assert x - dense.get_weights()[0].item() == pytest.approx(slope, rel=1e-4, abs=1e-5)


def test_large_numbers_do_not_overflow() -> None:
    x = Tensor(np.array([-1000.0, 1000.0], dtype=np.float32))
    for name in ("softplus", "elu", "selu", "sigmoid", "tanh", "silu", "mish", "softsign"):
        assert np.isfinite(activations.get(name)(x).numpy()).all(), name


OWN: dict[str, tuple[Callable[[], Any], list[float]]] = {
    "ReLU": (lambda: layers.ReLU(), [0, 0, 0, 0.5, 8]),
    "ReLU, at most": (lambda: layers.ReLU(6), [0, 0, 0, 0.5, 6]),
    "ReLU, slope": (lambda: layers.ReLU(max_value=4, negative_slope=0.5), [-1, -0.25, 0, 0.5, 4]),
    "LeakyReLU": (lambda: layers.LeakyReLU(alpha=0.1), [-0.2, -0.05, 0, 0.5, 8]),
    "ELU": (lambda: layers.ELU(0.5), [0.5 * math.expm1(-2), 0.5 * math.expm1(-0.5), 0, 0.5, 8]),
    "Softmax": (lambda: layers.Softmax(), list(np.exp(X[0]) / np.exp(X[0]).sum())),
    "Lambda": (lambda: layers.Lambda(lambda x: x * 2 + 1), [-3, 0, 1, 2, 17]),
    "Normalization": (lambda: layers.Normalization(mean=[1.0] * 5, variance=[4.0] * 5), list((X[0] - 1) / 2)),
}


@pytest.mark.parametrize(("make", "expected"), OWN.values(), ids=OWN.keys())
def test_layers(make: Callable[[], Any], expected: list[float]) -> None:
    model = keras.Sequential([keras.Input((5,)), make()])
    np.testing.assert_allclose(model.predict(X, verbose=0), [expected], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(make()(X).numpy(), [expected], rtol=1e-5, atol=1e-6)
    assert model.output_shape == (None, 5) and model.count_params() == 0
    model.compile("sgd", "mse")  # trained through
    whole = keras.Sequential([layers.Dense(5, input_shape=(2,)), make(), layers.Dense(1)])
    whole.compile("sgd", "mse")
    before = whole.get_weights()[0]
    whole.fit(np.ones((3, 2)), np.ones(3), verbose=0)
    assert not np.array_equal(before, whole.get_weights()[0])


def test_a_softmax_layer_is_computed_with_the_loss() -> None:
    """No probability of 0, whose logarithm would be infinite."""
    model = keras.Sequential([layers.Dense(2, input_shape=(1,)), layers.Softmax()])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.set_weights([np.array([[1000.0, -1000.0]]), np.zeros(2)])
    assert model.evaluate(np.ones((1, 1)), np.array([1]), verbose=0) == pytest.approx(2000)


@pytest.mark.parametrize(
    ("target", "shape"), [((3, 4), (3, 4)), ((-1, 2), (6, 2)), ((12,), (12,)), ((2, -1, 2), (2, 3, 2))]
)
def test_reshape(target: tuple, shape: tuple, tmp_path: Path) -> None:
    x = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    model = keras.Sequential([layers.Reshape(target, input_shape=(4, 3))])
    assert model.output_shape == (None, *shape)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x.reshape(2, *shape))
    assert layers.Reshape(target).compute_output_shape((None, 4, 3)) == (None, *shape)
    with pytest.raises(ValueError, match=r"cannot make \(5, 5\) of samples of shape \(4, 3\)"):
        keras.Sequential([layers.Reshape((5, 5), input_shape=(4, 3))])


@pytest.mark.parametrize("axis", [-1, None, (1, 2)])
def test_normalization_by_data(axis: Any, tmp_path: Path) -> None:
    data = np.random.default_rng(0).standard_normal((50, 4, 3)).astype(np.float32) * 3 + 2
    layer = layers.Normalization(axis=axis)
    layer.adapt(data)
    others = {-1: (0, 1), None: (0, 1, 2), (1, 2): (0,)}[axis]
    expected = (data - data.mean(axis=others, keepdims=True)) / data.std(axis=others, keepdims=True)
    model = keras.Sequential([layer, layers.Flatten(), layers.Dense(1)])
    np.testing.assert_allclose(layer(data).numpy(), expected, rtol=1e-3, atol=1e-4)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(data, verbose=0), model.predict(data, verbose=0))
    layer.adapt(data * 2)
    np.testing.assert_allclose(layer(data * 2).numpy(), expected, rtol=1e-3, atol=1e-4)


def test_what_a_model_says_of_itself(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    first = layers.Dense(3, "relu", name="first")
    model = keras.Sequential([keras.Input(shape=(2,)), first, layers.Dense(1, trainable=False)], name="m")
    assert model.input.shape == (None, 2) and model.output.shape == (None, 1) and model.inputs[0].dtype == "float32"
    assert (first.input.shape, first.output.shape) == ((None, 2), (None, 3))
    assert [len(model.trainable_variables), len(model.non_trainable_weights), len(model.variables)] == [2, 2, 4]
    np.testing.assert_array_equal(first.kernel.numpy(), model.get_weights()[0])
    model.summary(line_length=90)
    wide = capsys.readouterr().out.splitlines()
    assert {len(line) for line in wide[1:8]} == {90}
    lines: list[str] = []
    model.summary(print_fn=lines.append, show_trainable=True)
    assert "Trainable" in lines[0] and capsys.readouterr().out == ""
    keras.utils.plot_model(model, tmp_path / "m.png", show_shapes=True, show_layer_activations=True, show_dtype=True)
    assert (tmp_path / "m.png").read_bytes()[:4] == b"\x89PNG"
    for wrong in ({"to_file": "m.pdf"}, {"to_file": tmp_path / "n.png", "rankdir": "LR"}):
        with pytest.raises(ValueError, match="plot_model draws"):
            keras.utils.plot_model(model, **wrong)
    assert model.pop() is not first and model.count_params() == 9


# name: the standard deviation of a kernel (400, 100) and its largest number
SPREADS: dict[str, tuple[Any, float, float]] = {
    "glorot_uniform": ("glorot_uniform", math.sqrt(2 / 500), math.sqrt(6 / 500)),
    "glorot_normal": ("glorot_normal", math.sqrt(2 / 500), 2 * math.sqrt(2 / 500) / 0.87962566),
    "he_uniform": ("he_uniform", math.sqrt(2 / 400), math.sqrt(6 / 400)),
    "he_normal": ("HeNormal", math.sqrt(2 / 400), 2 * math.sqrt(2 / 400) / 0.87962566),
    "lecun_uniform": (initializers.LecunUniform, math.sqrt(1 / 400), math.sqrt(3 / 400)),
    "lecun_normal": (initializers.lecun_normal(), math.sqrt(1 / 400), 2 * math.sqrt(1 / 400) / 0.87962566),
    "random_normal": (initializers.RandomNormal(stddev=0.5), 0.5, math.inf),
    "random_uniform": ("random_uniform", 0.05 / math.sqrt(3), 0.05),
    "truncated_normal": (initializers.TruncatedNormal(stddev=0.5), 0.5 * 0.87962566, 1.0),
    "fan_out": (initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"), math.sqrt(2 / 100), math.inf),
    "orthogonal": ("orthogonal", math.sqrt(1 / 400), math.inf),
    "zeros": ("zero", 0.0, 0.0),
}


@pytest.mark.parametrize(("given", "spread", "largest"), SPREADS.values(), ids=SPREADS.keys())
def test_initializers(given: Any, spread: float, largest: float) -> None:
    fastnn.manual_seed(6)
    made = initializers.get(given)
    values = made((400, 100))
    assert values.dtype == np.float32 and values.std() == pytest.approx(spread, rel=0.015)
    assert abs(values.mean()) <= spread / 40 and np.abs(values).max() <= largest * 1.000001
    if spread:
        assert not np.array_equal(values, made((400, 100)))
        np.testing.assert_array_equal(
            initializers.RandomNormal(seed=3)((4, 2)), initializers.RandomNormal(seed=3)((4, 2))
        )


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (2, 3, 4)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    flat = initializers.Orthogonal(gain=2.0)(shape).reshape(-1, shape[-1]).astype(np.float64) / 2
    product = flat @ flat.T if flat.shape[0] < flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-6)


def test_values_of_initializers() -> None:
    np.testing.assert_array_equal(initializers.Identity(3.0)((2, 3)), [[3, 0, 0], [0, 3, 0]])
    np.testing.assert_array_equal(initializers.constant(0.5)((2,)), [0.5, 0.5])
    dense = layers.Dense(2, kernel_initializer=lambda shape, dtype=None: np.full(shape, 7), input_shape=(3,))
    np.testing.assert_array_equal(keras.Sequential([dense]).get_weights()[0], np.full((3, 2), 7))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "dtype": (lambda: layers.Dense(3, dtype="float16"), "dtype is float16; layers of fastnn.keras compute in float32"),
    "activity": (lambda: layers.Dense(3, activity_regularizer="l2"), "kernel_regularizer and bias_regularizer are"),
    "constraint": (lambda: layers.Dense(3, kernel_constraint="non_neg"), "kernel_regularizer keeps weights small"),
    "noise": (lambda: layers.Dropout(0.5, noise_shape=(1,)), "every element is drawn for itself"),
    "threshold": (lambda: layers.ReLU(threshold=1.0), "add a Lambda layer"),
    "mean": (lambda: layers.Normalization(mean=[1.0]), "mean and variance go together"),
    "unadapted": (
        lambda: keras.Sequential([layers.Normalization(input_shape=(2,))]),
        r"knows no mean yet: call adapt\(data\)",
    ),
    "mode": (lambda: initializers.VarianceScaling(mode="fan"), "it must be 'fan_in', 'fan_out' or 'fan_avg'"),
    "matrix": (lambda: initializers.Identity()((3,)), "makes matrices"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_says_what_to_do(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
