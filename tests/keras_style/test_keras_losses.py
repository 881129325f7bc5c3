"""Losses by every name, with values worked out by hand, and their gradients; regularizers."""

from __future__ import annotations

import math
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.eager.tensor import Tensor
from fastnn.keras import layers, losses, regularizers

LOG2 = math.log(2)
# targets, predictions, a value a sample
ROWS: dict[str, tuple[Any, Any, list[float]]] = {
    "mean_squared_error": ([[1.0, 2], [0, 4]], [[2.0, 2], [1, 1]], [1 / 2, 10 / 2]),
    "mean_absolute_error": ([[1.0, 2], [0, 4]], [[2.0, 2], [1, 1]], [1 / 2, 4 / 2]),
    "mean_absolute_percentage_error": ([[1.0, 2], [4, 4]], [[2.0, 2], [1, 3]], [50, 50]),
    "mean_squared_logarithmic_error": ([[1.0], [0]], [[3.0], [0]], [LOG2**2, 0]),
    "huber": ([[0.0, 0], [0, 0]], [[0.5, 1], [-3, 0]], [(0.125 + 0.5) / 2, 2.5 / 2]),
    "log_cosh": ([[0.0], [1]], [[2.0], [1]], [math.log(math.cosh(2)), 0]),
    "poisson": ([[2.0], [0]], [[3.0], [1]], [3 - 2 * math.log(3), 1]),
    "kl_divergence": ([[0.5, 0.5], [0.5, 0.5]], [[0.25, 0.75], [0.5, 0.5]], [0.5 * LOG2 + 0.5 * math.log(2 / 3), 0]),
    "cosine_similarity": ([[3.0, 4], [0, 1]], [[1.0, 0], [0, 5]], [-0.6, -1]),
    "hinge": ([[1.0, -1], [0, 1]], [[0.5, 0.5], [0.5, 2]], [(0.5 + 1.5) / 2, 1.5 / 2]),
    "squared_hinge": ([[1.0, -1], [0, 1]], [[0.5, 0.5], [0.5, 2]], [(0.25 + 2.25) / 2, 2.25 / 2]),
    "categorical_hinge": ([[0.0, 1], [1, 0]], [[0.75, 0.5], [3, 1]], [1.25, 0]),
    "binary_crossentropy": ([[1.0, 0], [1, 1]], [[0.5, 0.5], [0.25, 1]], [LOG2, LOG2]),
    "categorical_crossentropy": ([[0.0, 1], [0.5, 0.5]], [[0.75, 0.25], [0.5, 0.5]], [2 * LOG2, LOG2]),
    "sparse_categorical_crossentropy": ([1, 0], [[0.75, 0.25], [0.5, 0.5]], [2 * LOG2, LOG2]),
}
SHORT = {
    "mean_squared_error": ["mse", "MSE", "MeanSquaredError"],
    "mean_absolute_error": ["mae", "MAE", "MeanAbsoluteError"],
    "mean_absolute_percentage_error": ["mape", "MAPE", "MeanAbsolutePercentageError"],
    "mean_squared_logarithmic_error": ["msle", "MSLE"],
    "kl_divergence": ["kld", "KLD", "kullback_leibler_divergence", "KLDivergence"],
    "log_cosh": ["logcosh", "LogCosh"],
    "huber": ["huber_loss", "Huber"],
    "hinge": ["Hinge"],
    "categorical_crossentropy": ["CategoricalCrossentropy"],
    "sparse_categorical_crossentropy": ["SparseCategoricalCrossentropy"],
    "binary_crossentropy": ["BinaryCrossentropy"],
}


@pytest.mark.parametrize(("name", "case"), ROWS.items(), ids=ROWS.keys())
def test_functions_and_classes(name: str, case: tuple) -> None:
    y, p, expected = case
    y, p = np.asarray(y), np.asarray(p, dtype=np.float32)
    got = getattr(losses, name)(y, p).numpy()
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)
    for spelling in (name, *SHORT.get(name, [])):
        assert losses.get(spelling)(y, p) == pytest.approx(np.mean(expected), rel=2e-5, abs=2e-6)
    kind = type(losses.get(name))
    assert kind(reduction="sum")(y, p) == pytest.approx(np.sum(expected), rel=2e-5, abs=2e-6)
    np.testing.assert_allclose(kind(reduction="none")(y, p), expected, rtol=2e-5, atol=2e-6)
    weighed = (3 * expected[0] + expected[1]) / 2
    assert kind()(y, p, sample_weight=[3, 1]) == pytest.approx(weighed, rel=2e-5, abs=2e-6)
    assert kind(name="own").name == "own"


@pytest.mark.parametrize("name", ROWS)
def test_what_is_trained_is_what_is_said(name: str) -> None:
    """One step of fit, from the gradient of the function by central differences; compiled, weighted and not."""
    y, x, _ = ROWS[name]
    y, x = np.asarray(y), np.asarray(x, dtype=np.float32) + 0.125
    values = getattr(losses, name)
    width = x.shape[1]

    def total(kernel: np.ndarray, weight: np.ndarray) -> float:
        outputs = Tensor(x.astype(np.float64) @ kernel)
        return float((values(y, outputs).detach().numpy() * weight).mean())

    for weight in (np.ones(2), np.array([0.25, 2.0])):
        model = keras.Sequential([layers.Dense(width, use_bias=False, input_shape=(width,))])
        kernel = np.eye(width) * 0.75 + 0.0625
        model.set_weights([kernel])
        model.compile(keras.optimizers.SGD(1.0), getattr(losses, name))
        given = {} if weight[0] == 1 else {"sample_weight": weight}
        history = model.fit(x, y, verbose=0, **given).history
        assert history["loss"][0] == pytest.approx(total(kernel, weight), rel=1e-4, abs=1e-6)
        slope = np.zeros_like(kernel)
        for place in np.ndindex(kernel.shape):
            step = np.zeros_like(kernel)
            step[place] = 1e-5
            slope[place] = (total(kernel + step, weight) - total(kernel - step, weight)) / 2e-5
        np.testing.assert_allclose(kernel - model.get_weights()[0], slope, rtol=2e-3, atol=2e-5)


def test_label_smoothing() -> None:
    y, p = np.array([[0.0, 1]]), np.array([[0.25, 0.75]], dtype=np.float32)
    wanted = -(0.1 * math.log(0.25) + 0.9 * math.log(0.75))
    assert losses.CategoricalCrossentropy(label_smoothing=0.2)(y, p) == pytest.approx(wanted, rel=1e-5)
    binary = losses.BinaryCrossentropy(label_smoothing=0.2)
    assert binary([[1.0]], [[0.75]]) == pytest.approx(-(0.9 * math.log(0.75) + 0.1 * math.log(0.25)), rel=1e-5)
    model = keras.Sequential([layers.Dense(2, "softmax", input_shape=(2,))])
    model.compile(keras.optimizers.SGD(0.0), losses.CategoricalCrossentropy(label_smoothing=0.2), metrics=["accuracy"])
    model.set_weights([np.eye(2), np.zeros(2)])
    loss, accuracy = model.evaluate(np.log(p), y, verbose=0)
    assert loss == pytest.approx(wanted, rel=1e-5) and accuracy == 1


@pytest.mark.parametrize("reduction", ["sum", "none", "mean", None, "auto"])
def test_reductions_in_fit(reduction: Any) -> None:
    """The sum of a batch; else its mean."""
    model = keras.Sequential([layers.Dense(1, use_bias=False, kernel_initializer="zeros", input_shape=(1,))])
    model.compile(keras.optimizers.SGD(0.0), losses.MeanSquaredError(reduction=reduction))
    history = model.fit(np.ones((4, 1)), np.array([1.0, 2, 3, 4]), verbose=0).history
    assert history["loss"] == [pytest.approx(30 if reduction == "sum" else 7.5)]


def test_sequences_of_classes() -> None:
    """Outputs (N, T, C) beside class numbers (N, T)."""
    fastnn.manual_seed(0)
    model = keras.Sequential([layers.Dense(3, "softmax", input_shape=(2, 4))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).standard_normal((6, 2, 4)).astype(np.float32)
    y = np.arange(12).reshape(6, 2) % 3
    p = model.predict(x, verbose=0)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(-np.log(np.take_along_axis(p, y[..., None], 2)).mean(), rel=1e-5)
    assert accuracy == pytest.approx((p.argmax(-1) == y).mean())
    model.fit(x, y, verbose=0)


class Cubic(losses.Loss):
    """As Keras' guide writes one."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        error = y_pred - y_true
        return (error * error * error).mean(-1)


def test_a_class_of_the_users_own() -> None:
    assert Cubic()([[0.0, 0]], [[1.0, 2]]) == pytest.approx(4.5)
    model = keras.Sequential([layers.Dense(1, kernel_initializer="ones", input_shape=(1,))])
    model.compile("sgd", Cubic())
    assert model.evaluate(np.array([[2.0]]), np.array([0.0]), verbose=0) == pytest.approx(8)


@pytest.mark.parametrize(
    ("given", "penalty"),
    [
        ("l2", lambda k: 0.01 * (k**2).sum()),
        (regularizers.l2(0.5), lambda k: 0.5 * (k**2).sum()),
        ("l1", lambda k: 0.01 * np.abs(k).sum()),
        (regularizers.L1(0.25), lambda k: 0.25 * np.abs(k).sum()),
        (regularizers.l1_l2(0.5, 0.25), lambda k: 0.5 * np.abs(k).sum() + 0.25 * (k**2).sum()),
        (regularizers.L1L2(), lambda k: 0 * k.sum()),
        (lambda k: (k[0] * k[0]).sum(), lambda k: (k[0] ** 2).sum()),  # of the kernel's first row: Keras' axes
    ],
)
@pytest.mark.parametrize("where", ["kernel_regularizer", "bias_regularizer"])
def test_regularizers(where: str, given: Any, penalty: Any) -> None:
    """Added to the loss of fit and evaluate, and through it to the gradient; a frozen layer adds nothing."""
    kernel, bias = np.array([[1.0, -2, 3], [0.5, 0.25, -1]]), np.array([2.0, -1, 0.5])
    model = keras.Sequential([layers.Dense(3, input_shape=(2,), **{where: given})])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x, y = np.zeros((4, 2)), np.tile(bias, (4, 1))  # no loss but the penalty
    model.set_weights([kernel, bias])
    assert model.evaluate(x, y, verbose=0) == pytest.approx(float(penalty([kernel, bias][where[0] == "b"])), rel=1e-6)
    history = model.fit(x, y, batch_size=4, verbose=0).history
    number = ["kernel_regularizer", "bias_regularizer"].index(where)
    own = [kernel, bias][number]
    assert history["loss"] == [pytest.approx(float(penalty(own)), rel=1e-6)]
    slope = np.zeros_like(own)
    for place in np.ndindex(own.shape):
        step = np.zeros_like(own)
        step[place] = 1e-6
        slope[place] = (penalty(own + step) - penalty(own - step)) / 2e-6
    np.testing.assert_allclose(model.get_weights()[number], own - 0.5 * slope, atol=1e-5)
    assert len(model.losses) == 1
    model.layers[0].trainable = False
    model.set_weights([kernel, bias])
    assert model.evaluate(x, y, verbose=0) == 0


def test_mistakes() -> None:
    with pytest.raises(ValueError, match=r"targets -1 and 1 \(or 0 and 1\)"):
        losses.Hinge()([[2.0]], [[1.0]])
    with pytest.raises(ValueError, match="reduction is 'max'"):
        losses.MeanSquaredError(reduction="max")
    with pytest.raises(ValueError, match="label_smoothing is 2"):
        losses.BinaryCrossentropy(label_smoothing=2)
    with pytest.raises(ValueError, match="ignore_class is not supported: leave those rows out"):
        losses.SparseCategoricalCrossentropy(ignore_class=0)
    with pytest.raises(ValueError, match="l2 is -1"):
        regularizers.L2(-1)
    with pytest.raises(ValueError, match="unknown regularizer 'l3'"):
        layers.Dense(3, kernel_regularizer="l3")
