"""Metrics: which one "accuracy" is, and the formula of each, with values worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from fastnn import keras
from fastnn.keras import layers, metrics

P = np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [0.2, 0.35, 0.45], [0.1, 0.2, 0.7]], dtype=np.float32)
NUMBERS = np.array([1, 0, 1, 2])
ROWS = np.eye(3, dtype=np.float32)[NUMBERS]
ONE = np.array([[0.2], [0.6], [0.9], [0.4]], dtype=np.float32)

# What "accuracy" is of these targets and outputs, by Keras' choice.
CHOICES: dict[str, tuple[Any, np.ndarray, float]] = {
    "class numbers": (NUMBERS, P, 3 / 4),
    "a column of them": (NUMBERS[:, None], P, 3 / 4),
    "one-hot": (ROWS, P, 3 / 4),
    "soft rows": (ROWS * 0.8 + 0.05, P, 3 / 4),
    "0 and 1": ([0, 1, 1, 1], ONE, 3 / 4),
    "0 and 1 in a column": ([[0], [1], [1], [1]], ONE, 3 / 4),
    "-1 and 1: a -1 is never met": ([-1, 1, 1, -1], ONE, 2 / 4),
    "numbers: never met but for 0 and 1": ([0.2, 0.6, 1, 0.4], ONE, 1 / 4),
    "larger numbers": ([0.9, 0.6, 3, 0], ONE, 1 / 4),
    "rows of numbers: where the largest is": ([[1.0, 3], [3, 1], [2, 1], [5, 4]], P[:, :2], 2 / 4),
}


@pytest.mark.parametrize("name", ["accuracy", "acc", metrics.accuracy])
@pytest.mark.parametrize(("y", "p", "expected"), CHOICES.values(), ids=CHOICES.keys())
def test_which_accuracy(name: Any, y: Any, p: np.ndarray, expected: float) -> None:
    metric = metrics.get(name)
    metric.update_state(np.asarray(y), p)
    assert metric.result() == pytest.approx(expected)


@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy", "hinge"])
@pytest.mark.parametrize("kind", ["0 and 1", "-1 and 1: a -1 is never met", "numbers: never met but for 0 and 1"])
def test_accuracy_in_fit_and_evaluate(kind: str, loss: str) -> None:
    """Whatever the loss is."""
    y, p, expected = CHOICES[kind]
    if loss == "hinge" and kind.startswith("numbers"):
        pytest.skip("hinge has no such targets")
    model = keras.Sequential([layers.Dense(1, input_shape=(1,))])
    model.compile(keras.optimizers.SGD(0.0), loss, metrics=["accuracy"])
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    history = model.fit(p, np.array(y), verbose=0, validation_data=(p, np.array(y)), batch_size=2).history
    assert history["accuracy"] == history["val_accuracy"] == [expected]
    assert model.evaluate(p, np.array(y), verbose=0)[1] == expected
    assert model.test_on_batch(p, np.array(y))[1] == expected


T = np.array([[1.0, 2.0], [0.0, 4.0]], dtype=np.float32)
Q = np.array([[2.0, 2.0], [1.0, 1.0]], dtype=np.float32)  # errors 1, 0, 1, -3
BITS, SHARES = np.array([0, 0, 1, 1, 1]), np.array([0.1, 0.8, 0.3, 0.7, 0.9], dtype=np.float32)[:, None]

VALUES: dict[str, tuple[Any, Any, Any, float]] = {
    "mse": ("mse", T, Q, 11 / 4),
    "mae": ("mae", T, Q, 5 / 4),
    "mape": ("mape", T[:1], Q[:1], 50.0),
    "msle": ("msle", [[1.0]], [[3.0]], math.log(2) ** 2),
    "rmse": (metrics.RootMeanSquaredError(), T, Q, math.sqrt(11 / 4)),
    "cosine": (metrics.CosineSimilarity(), [[3.0, 4.0]], [[1.0, 0.0]], 0.6),
    "logcosh": (metrics.LogCoshError(), [[0.0]], [[2.0]], math.log(math.cosh(2))),
    "poisson": ("poisson", [[2.0]], [[3.0]], 3 - 2 * math.log(3)),
    "kld": ("kl_divergence", [[0.5, 0.5]], [[0.25, 0.75]], 0.5 * math.log(2) + 0.5 * math.log(2 / 3)),
    "hinge": ("hinge", [[1.0], [-1.0]], [[0.5], [0.25]], (0.5 + 1.25) / 2),
    "hinge of 0 and 1": ("hinge", [[1.0], [0.0]], [[0.5], [0.25]], (0.5 + 1.25) / 2),
    "squared hinge": ("squared_hinge", [[1.0], [-1.0]], [[0.5], [0.25]], (0.25 + 1.5625) / 2),
    "categorical hinge": ("categorical_hinge", [[0.0, 1.0]], [[0.75, 0.5]], 1.25),
    "huber": ("huber", T, Q, (0.5 + 0 + 0.5 + 2.5) / 4),
    "binary_accuracy": ("binary_accuracy", BITS, SHARES, 3 / 5),
    "binary_accuracy, threshold": (metrics.BinaryAccuracy(threshold=0.85), BITS, SHARES, 3 / 5),
    "binary_accuracy, low": (metrics.BinaryAccuracy(threshold=0.2), BITS, SHARES, 4 / 5),
    "categorical_accuracy": ("categorical_accuracy", ROWS, P, 3 / 4),
    "sparse": ("sparse_categorical_accuracy", NUMBERS[:, None], P, 3 / 4),
    "top 1": (metrics.TopKCategoricalAccuracy(k=1), ROWS, P, 3 / 4),
    "top 2": (metrics.TopKCategoricalAccuracy(k=2), ROWS, P, 1.0),
    "sparse top 1": (metrics.SparseTopKCategoricalAccuracy(k=1), NUMBERS, P, 3 / 4),
    "top 5": ("top_k_categorical_accuracy", ROWS, P, 1.0),
    "Accuracy": (metrics.Accuracy(), [1, 2, 3, 4], [1, 2, 0, 4], 3 / 4),
    "binary_crossentropy": ("binary_crossentropy", [[1.0], [0.0]], [[0.5], [0.75]], math.log(2) * 1.5),
    "bce of logits": (metrics.BinaryCrossentropy(from_logits=True), [[1.0]], [[0.0]], math.log(2)),
    "categorical_crossentropy": ("categorical_crossentropy", [[0.0, 1.0]], [[0.75, 0.25]], math.log(4)),
    "sparse_categorical_crossentropy": ("sparse_categorical_crossentropy", [1], [[0.75, 0.25]], math.log(4)),
    "precision": (metrics.Precision(), BITS, SHARES, 2 / 3),
    "recall": (metrics.Recall(), BITS, SHARES, 2 / 3),
    "precision, threshold": (metrics.Precision(0.85), BITS, SHARES, 1.0),
    "recall, threshold": (metrics.Recall(thresholds=0.2), BITS, SHARES, 1.0),
    "true positives": (metrics.TruePositives(), BITS, SHARES, 2),
    "false positives": (metrics.FalsePositives(), BITS, SHARES, 1),
    "true negatives": (metrics.TrueNegatives(), BITS, SHARES, 1),
    "false negatives": (metrics.FalseNegatives(), BITS, SHARES, 1),
    # of the 6 pairs of a positive and a negative, 4 are in order: (.3, .1), (.7, .1), (.9, .1), (.9, .8)
    "auc": (metrics.AUC(), BITS, SHARES, 4 / 6),
    "auc by name": ("AUC", BITS, SHARES, 4 / 6),
    "precision of none": (metrics.Precision(), [1, 1], [[0.1], [0.2]], 0.0),
}


@pytest.mark.parametrize(("given", "y", "p", "expected"), VALUES.values(), ids=VALUES.keys())
def test_values(given: Any, y: Any, p: Any, expected: float) -> None:
    metric = metrics.get(given)
    y, p = np.asarray(y), np.asarray(p, dtype=np.float32)
    metric.reset_state()
    metric.update_state(y, p)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5, abs=1e-7)
    metric.reset_state()
    for i in range(len(y)):  # row by row
        metric.update_state(y[i : i + 1], p[i : i + 1])
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_area_under_precision() -> None:
    """All in order: 1. A single threshold between: as Davis and Goadrich interpolate."""
    metric = metrics.AUC(curve="PR")
    metric.update_state([0, 0, 1, 1], np.array([0.1, 0.2, 0.8, 0.9], dtype=np.float32)[:, None])
    assert metric.result() == pytest.approx(1)
    # thresholds -e, 1/2, 1 + e: true positives 2, 1, 0 of chosen 4, 1, 0. From (4, 2) to (1, 1): slope 1/3, start 2/3,
    # area (1/3)(1 + 2/3 log 4) / 2; from (1, 1) to (0, 0): slope 1, area 1 / 2.
    metric = metrics.AUC(num_thresholds=3, curve="PR")
    metric.update_state([0, 0, 1, 1], np.array([0.1, 0.2, 0.4, 0.9], dtype=np.float32)[:, None])
    assert metric.result() == pytest.approx((1 + 2 / 3 * math.log(4)) / 6 + 1 / 2)


def test_weights_of_samples() -> None:
    metric = metrics.BinaryAccuracy()
    metric.update_state(BITS, SHARES, [1, 2, 3, 4, 5])  # right: the first, fourth and fifth
    assert metric.result() == pytest.approx(10 / 15)
    counts = metrics.Precision()
    counts.update_state(BITS, SHARES, [1, 2, 3, 4, 5])
    assert counts.result() == pytest.approx(9 / 11)


def test_thresholds_that_are_several() -> None:
    metric = metrics.Recall(thresholds=[0.2, 0.5, 0.8])
    metric.update_state(BITS, SHARES)
    np.testing.assert_allclose(metric.result(), [1, 2 / 3, 1 / 3])


def test_running_means() -> None:
    mean = keras.metrics.Mean(name="train_loss")
    assert math.isnan(mean.result())
    mean(2.0)
    mean.update_state([3.0, 7.0])
    assert mean.result() == 4 and mean.name == "train_loss"
    mean.reset_states()
    mean.update_state([1.0, 3.0], sample_weight=[3, 1])
    assert mean.result() == 1.5
    total = metrics.Sum()
    total.update_state([1, 2, 3])
    assert total.result() == 6


class Positives(metrics.Metric):
    """As Keras' guide writes one."""

    def __init__(self, name: str = "positives", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.count.assign_add(np.sum(y_pred[:, 0] > 0.5))

    def result(self) -> Any:
        return self.count


def test_a_class_of_the_users_own() -> None:
    model = keras.Sequential([layers.Dense(1, input_shape=(1,), kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=[Positives()])
    history = model.fit(ONE, ONE, batch_size=1, epochs=2, verbose=0, validation_data=(ONE[:2], ONE[:2])).history
    assert history["positives"] == [2, 2] and history["val_positives"] == [1, 1]


def test_a_function_that_gives_one_number_a_batch() -> None:
    """The mean over batches, as Keras has it: of batches of 3 and 1."""
    model = keras.Sequential([layers.Dense(1, input_shape=(1,), kernel_initializer="ones")])

    def largest(y_true: Any, y_pred: Any) -> Any:
        return y_pred.max()

    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=[largest])
    assert model.fit(ONE, ONE, batch_size=3, shuffle=False, verbose=0).history["largest"] == [
        pytest.approx((0.9 + 0.4) / 2)
    ]


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="takes class numbers of shape"):
        metrics.sparse_categorical_accuracy(ROWS, P)
    with pytest.raises(ValueError, match="make rows of numbers with to_categorical"):
        metrics.Precision().update_state(NUMBERS, P)
    with pytest.raises(ValueError, match="curve is 'X'"):
        metrics.AUC(curve="X")
    with pytest.raises(ValueError, match="Precision: top_k is not supported: give thresholds"):
        metrics.Precision(top_k=3)
    with pytest.raises(NotImplementedError, match="has no result"):
        metrics.Metric().result()


def test_which_way_is_better() -> None:
    for name, larger in (("acc", True), ("AUC", None), ("auc", True), ("mae", False), ("val_loss", None)):
        assert metrics.larger_is_better(name) is larger
