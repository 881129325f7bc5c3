"""Weights of samples and classes, and what brings batches, beside Keras where it is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.keras.utils import to_categorical

RNG = np.random.default_rng(4)
X = RNG.standard_normal((23, 5)).astype(np.float32)
LABELS = RNG.integers(0, 3, 23)
BITS = RNG.integers(0, 2, 23).astype(np.float32)
WEIGHTS = (RNG.random(23) * 2).astype(np.float32)
# loss, activation, units, targets
KINDS: dict[str, tuple[str, str, int, np.ndarray]] = {
    "numbers": ("sparse_categorical_crossentropy", "softmax", 3, LABELS),
    "one-hot": ("categorical_crossentropy", "softmax", 3, to_categorical(LABELS)),
    "binary": ("binary_crossentropy", "sigmoid", 1, BITS),
    "column": ("binary_crossentropy", "sigmoid", 1, BITS[:, None]),
    "mse": ("mse", "linear", 1, BITS),
}
SETS = (slice(0, 15), slice(15, 23))


def endless(size: int, *parts: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    while True:
        for at in range(0, len(parts[0]), size):
            yield tuple(part[at : at + size] for part in parts)


def numbered(base: type, size: int, *parts: np.ndarray) -> Any:
    """A PyDataset of Keras' or ours."""

    class Parts(base):  # type: ignore[misc]
        def __len__(self) -> int:
            return -(-len(parts[0]) // size)

        def __getitem__(self, number: int) -> tuple[np.ndarray, ...]:
            return tuple(part[number * size : (number + 1) * size] for part in parts)

    return Parts()


def fitted(kind: Any, model: Any, y: np.ndarray, way: str) -> list[Any]:
    """History and scores of a model of a package like Keras, trained in one of several ways."""
    one, other = ((X[rows], y[rows], WEIGHTS[rows]) for rows in SETS)
    given: dict[str, Any] = {"epochs": 3, "shuffle": False, "verbose": 0, "validation_data": other}
    classes = {0: 0.5, 1: 3.0}  # and class 2 has none
    if way == "samples":
        history = model.fit(*one[:2], batch_size=4, sample_weight=one[2], **given)
    elif way == "classes":
        history = model.fit(*one[:2], batch_size=4, class_weight=classes, **given)
    elif way == "generator":
        given["validation_data"] = numbered(kind.utils.PyDataset, 3, *other)
        history = model.fit(endless(4, *one), steps_per_epoch=3, validation_steps=2, **given)
    elif way == "classes of a sequence":
        history = model.fit(numbered(kind.utils.PyDataset, 4, *one[:2]), class_weight=classes, **given)
    else:
        given["validation_data"] = numbered(kind.utils.PyDataset, 3, *other)
        history = model.fit(numbered(kind.utils.PyDataset, 4, *one), **given)
    scores = model.evaluate(*other[:2], sample_weight=other[2], verbose=0, batch_size=3)
    steps = model.evaluate(endless(3, *other), steps=2, verbose=0)
    batch = model.test_on_batch(*other), model.train_on_batch(*other)
    predicted = model.predict(endless(3, X), steps=3, verbose=0)
    return [history.history, scores, steps, *batch, predicted, *model.get_weights()]


@pytest.mark.filterwarnings("ignore")  # Keras' own, and of a class without a weight
@pytest.mark.parametrize("way", ["samples", "classes", "generator", "classes of a sequence", "sequence"])
@pytest.mark.parametrize("name", KINDS)
def test_beside_keras(name: str, way: str) -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    theirs = pytest.importorskip("keras")
    loss, activation, units, y = KINDS[name]
    fastnn.manual_seed(1)
    found: list[Any] = []
    start: list[np.ndarray] = []
    for kind in (keras, theirs):
        layers = [kind.layers.Input((5,)), kind.layers.Dense(4, "tanh"), kind.layers.Dense(units, activation)]
        model = kind.Sequential(layers)
        start = start or model.get_weights()
        model.set_weights(start)
        model.compile(kind.optimizers.SGD(0.1, momentum=0.9), loss, metrics=["accuracy"], weighted_metrics=["acc"])
        found.append(fitted(kind, model, y, way))
    (history, *ours), (their_history, *wanted) = found
    assert list(history) == list(their_history)
    for name, values in history.items():
        np.testing.assert_allclose(values, their_history[name], rtol=1e-5, err_msg=name)
    for got, expected in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
