"""What fit does to weights and what it says of them: beside NumPy in float64, and beside Keras where it is there."""

from __future__ import annotations

import json
import os
from typing import Any

import fastnn
import keras_formulas
import numpy as np
import pytest
from fastnn import keras
from fastnn.keras.utils import to_categorical

RNG = np.random.default_rng(3)
X = RNG.standard_normal((50, 5)).astype(np.float32)
LABELS = RNG.integers(0, 3, 50)
ONE_HOT = to_categorical(LABELS)
SOFT = (ONE_HOT * 0.7 + 0.1).astype(np.float32)
BITS = RNG.integers(0, 2, 50).astype(np.float32)
NUMBERS = RNG.standard_normal((50, 2)).astype(np.float32)

# activations, units, loss, targets, optimizer, its options
CASES: dict[str, tuple[list[str], list[int], str, np.ndarray, str, dict[str, Any]]] = {
    "rmsprop": (["relu", "softmax"], [4, 3], "categorical_crossentropy", ONE_HOT, "RMSprop", {}),
    "adam, class numbers": (["tanh", "softmax"], [4, 3], "sparse_categorical_crossentropy", LABELS, "Adam", {}),
    "leaky": (["leaky_relu", "softmax"], [4, 3], "categorical_crossentropy", ONE_HOT, "Adam", {}),
    "soft targets": (["relu", "softmax"], [4, 3], "categorical_crossentropy", SOFT, "SGD", {}),
    "sigmoid outputs": (["relu", "sigmoid"], [4, 3], "categorical_crossentropy", ONE_HOT, "Adam", {"epsilon": 1e-3}),
    "class numbers, sigmoid": (["tanh", "sigmoid"], [4, 3], "sparse_categorical_crossentropy", LABELS, "SGD", {}),
    "momentum": (["sigmoid", "sigmoid"], [4, 1], "binary_crossentropy", BITS, "SGD", {"momentum": 0.9}),
    "nesterov": (["tanh", "sigmoid"], [4, 1], "binary_crossentropy", BITS, "SGD", {"momentum": 0.8, "nesterov": True}),
    "binary, softmax": (["tanh", "softmax"], [4, 2], "binary_crossentropy", ONE_HOT[:, :2], "Adam", {"beta_1": 0.5}),
    "mse": (["tanh", "linear"], [4, 2], "mse", NUMBERS, "RMSprop", {"rho": 0.8, "momentum": 0.5}),
    "mae": (["tanh", "tanh"], [4, 2], "mae", NUMBERS, "Adam", {"beta_2": 0.9}),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
RATES = [0.02, 0.01, 0.03]


class Rates(keras.callbacks.Callback):
    """A learning rate for each epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = RATES[epoch]


def made(case: Any, metrics: Any = ()) -> keras.Sequential:
    activations, units, loss, _, optimizer, options = case
    fastnn.manual_seed(2)
    model = keras.Sequential([keras.Input((5,))])
    for size, activation in zip(units, activations, strict=True):
        model.add(keras.layers.Dense(size, activation=activation))
    rng = np.random.default_rng(1)
    model.set_weights([rng.standard_normal(w.shape) * 0.5 for w in model.get_weights()])
    model.compile(getattr(keras.optimizers, optimizer)(RATES[0], **options), loss, metrics=list(metrics))
    return model


def rows(y: np.ndarray, outputs: int) -> np.ndarray:
    """Targets as the oracle takes them."""
    return to_categorical(y, outputs) if y.dtype.kind == "i" else y.reshape(len(y), -1)


@each_case
def test_weights_and_losses(case: Any) -> None:
    activations, units, loss, y, optimizer, options = case
    model = made(case)
    start = model.get_weights()
    history = model.fit(X, y, 16, epochs=3, shuffle=False, verbose=0, callbacks=[Rates()])
    name = loss.replace("sparse_", "")
    arguments = (start, activations, name, optimizer, options, X, rows(y, units[-1]), 16, RATES)
    weights, losses = keras_formulas.train(*arguments)
    for got, wanted in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)
    p = keras_formulas.forward([w.astype(np.float64) for w in model.get_weights()], activations, X.astype(np.float64))
    np.testing.assert_allclose(model.predict(X, verbose=0), p, rtol=1e-5, atol=1e-6)
    expected = keras_formulas.loss(name, rows(y, units[-1]), p)
    assert model.evaluate(X, y, verbose=0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("case", "names", "of"),
    [
        ("rmsprop", ["accuracy"], lambda p: (p.argmax(1) == LABELS).mean()),
        ("adam, class numbers", ["acc", "sparse_categorical_accuracy"], lambda p: (p.argmax(1) == LABELS).mean()),
        ("soft targets", ["categorical_accuracy"], lambda p: (p.argmax(1) == LABELS).mean()),
        ("momentum", ["accuracy", "binary_accuracy"], lambda p: ((p[:, 0] > 0.5) == BITS).mean()),
        ("mse", ["mae"], lambda p: np.abs(p - NUMBERS).mean()),
        ("rmsprop", ["mse"], lambda p: ((p - ONE_HOT) ** 2).mean()),
    ],
)
def test_metrics(case: str, names: list[str], of: Any) -> None:
    """After the epoch on all data, before each step on the training batches."""
    model = made(CASES[case], names)
    y, before = CASES[case][3], model.predict(X, verbose=0)
    history = model.fit(X, y, batch_size=50, epochs=1, verbose=0, validation_data=(X, y)).history
    after = model.predict(X, verbose=0)
    for name in names:
        assert history[name] == [pytest.approx(of(before), rel=1e-6)]
        assert history[f"val_{name}"] == [pytest.approx(of(after), rel=1e-6)]
    assert model.evaluate(X, y, verbose=0)[1:] == [pytest.approx(of(after), rel=1e-6)] * len(names)
    assert model.evaluate(X, y, verbose=0, return_dict=True).keys() == {"loss", *names}
    assert list(history) == [*sorted(["loss", *names]), *(f"val_{name}" for name in sorted(["loss", *names]))]


@pytest.mark.filterwarnings("ignore")  # Keras' own
@each_case
def test_beside_keras(case: Any) -> None:
    """The same weights, histories and scores as Keras gives, also with a validation split."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    theirs_keras = pytest.importorskip("keras")
    activations, units, loss, y, optimizer, options = case
    metrics = ["accuracy", "mse"] if y.ndim == 2 else ["accuracy"]
    ours = made(case, metrics)
    theirs = theirs_keras.Sequential([theirs_keras.layers.Input((5,))])
    for size, activation in zip(units, activations, strict=True):
        theirs.add(theirs_keras.layers.Dense(size, activation=activation))
    theirs.set_weights(ours.get_weights())
    theirs.compile(getattr(theirs_keras.optimizers, optimizer)(RATES[0], **options), loss, metrics=metrics)
    found = []
    for model, kind in ((ours, keras), (theirs, theirs_keras)):
        rates = kind.callbacks.LearningRateScheduler(lambda epoch, lr: RATES[epoch])
        history = model.fit(X, y, 16, 3, validation_split=0.3, shuffle=False, verbose=0, callbacks=[rates])
        found.append((history.history, model.get_weights(), model.evaluate(X, y, verbose=0)))
    (history, weights, scores), (their_history, their_weights, their_scores) = found
    assert list(history) == list(their_history)
    for name, values in history.items():
        np.testing.assert_allclose(values, their_history[name], rtol=2e-5, atol=2e-6, err_msg=name)
    for got, wanted in zip(weights, their_weights, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scores[:2], their_scores[:2], rtol=2e-5, atol=2e-6)


def test_a_function_as_loss_and_as_metric() -> None:
    model = made(CASES["mse"])
    model.compile("sgd", lambda t, p: (p - t) ** 2, metrics=[lambda t, p: np.abs(p - t).max(axis=1)])
    reference = made(CASES["mse"])
    reference.compile("sgd", "mse")
    one, other = (m.fit(X, NUMBERS, epochs=2, shuffle=False, verbose=0).history for m in (model, reference))
    np.testing.assert_allclose(one["loss"], other["loss"], rtol=1e-6)
    assert len(one["<lambda>"]) == 2


def test_losses_are_functions_too() -> None:
    p = np.array([[0.2, 0.8], [0.6, 0.4]], dtype=np.float32)
    assert keras.losses.MeanSquaredError()(np.zeros((2, 2)), p) == pytest.approx((p**2).mean())
    wanted = -(np.log(0.8) + np.log(0.6)) / 2
    assert keras.losses.SparseCategoricalCrossentropy()([1, 0], p) == pytest.approx(wanted, rel=1e-6)
    told = keras.losses.MeanSquaredError()(np.zeros((2, 2)), p)  # as TensorFlow's first tutorial asks for it
    assert isinstance(told, float) and told.numpy().dtype == np.float32 and told.numpy() == np.float32(told)
    assert json.dumps(told) == repr(told) == repr(float(told))
    metric = keras.metrics.Mean()
    metric.update_state([1.0, 2.0])
    assert metric.result().numpy() == 1.5
    logits = keras.losses.CategoricalCrossentropy(from_logits=True)
    assert logits(np.eye(2)[::-1], np.log(p)) == pytest.approx(wanted, rel=1e-6)


def test_logits_that_overflow_as_probabilities() -> None:
    """The loss of a softmax output is computed from its logits: no infinity, no lost gradient."""
    model = made(CASES["rmsprop"], ["accuracy"])
    model.set_weights([w * 1000 for w in model.get_weights()])
    loss = model.evaluate(X, ONE_HOT, verbose=0)[0]
    assert np.isfinite(loss) and loss > 100


def test_the_seed_decides_everything_and_the_engine_nothing() -> None:
    def fitted() -> list[np.ndarray]:
        keras.utils.set_random_seed(7)
        layers = [keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.3), keras.layers.Dense(3, "softmax")]
        model = keras.Sequential([keras.Input((5,)), *layers])
        model.compile("adam", "categorical_crossentropy")
        model.fit(X, ONE_HOT, epochs=2, verbose=0)
        return model.get_weights()

    for one, other in zip(fitted(), fitted(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_fit_goes_on_with_the_state_of_its_optimizer() -> None:
    """Two calls are one of twice the length."""
    once, twice = made(CASES["rmsprop"]), made(CASES["rmsprop"])
    once.fit(X, ONE_HOT, epochs=4, shuffle=False, verbose=0)
    twice.fit(X, ONE_HOT, epochs=2, shuffle=False, verbose=0)
    history = twice.fit(X, ONE_HOT, epochs=4, initial_epoch=2, shuffle=False, verbose=0)
    assert history.epoch == [2, 3]
    for one, other in zip(once.get_weights(), twice.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_validation_split_is_the_end_before_shuffling() -> None:
    model = made(CASES["rmsprop"])
    model.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy")
    history = model.fit(X, ONE_HOT, validation_split=0.2, verbose=0).history
    assert history["val_loss"] == [pytest.approx(model.evaluate(X[40:], ONE_HOT[40:], verbose=0))]
    assert history["loss"] == [pytest.approx(model.evaluate(X[:40], ONE_HOT[:40], verbose=0))]
