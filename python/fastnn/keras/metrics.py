"""Metrics: what fit and evaluate count beside the loss, means over samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.keras.named import known
from fastnn.nn.labels import predicted_classes

Values = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _rows(y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Class numbers beside rows of outputs as one-hot rows."""
    if y.ndim == 1 and outputs.ndim == 2 and outputs.shape[1] > 1:
        return (y[:, None] == np.arange(outputs.shape[1])).astype(outputs.dtype)
    return y.reshape(outputs.shape)


def categorical_accuracy(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Whether the largest of each row (N, C) is the target's: class numbers (N,) or rows."""
    labels = y if y.ndim == 1 else predicted_classes(y)
    return predicted_classes(p) == labels


def binary_accuracy(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The share of each row's probabilities that are on the target's side of 0.5."""
    return ((p > 0.5) == (_rows(y, p) > 0.5)).reshape(len(p), -1).mean(axis=1)


def accuracy(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Binary for a single output, categorical for rows of them."""
    return binary_accuracy(y, p) if p.shape[-1] == 1 else categorical_accuracy(y, p)


def mean_squared_error(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The mean of (p - y)^2 in each row."""
    return ((p - _rows(y, p)) ** 2).reshape(len(p), -1).mean(axis=1)


def mean_absolute_error(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The mean of |p - y| in each row."""
    return np.abs(p - _rows(y, p)).reshape(len(p), -1).mean(axis=1)


_LARGER_IS_BETTER = {
    accuracy: True,
    binary_accuracy: True,
    categorical_accuracy: True,
    mean_squared_error: False,
    mean_absolute_error: False,
}


class Metric:
    """The running mean over samples of a function of arrays (targets, predictions) -> (N,).

    larger_is_better: for callbacks that watch it; None where nobody knows.
    """

    larger_is_better: bool | None = None

    def __init__(self, values: Values, name: str, as_given: bool = False) -> None:
        self.values = values
        self.name = name
        self.larger_is_better = _LARGER_IS_BETTER.get(values, self.larger_is_better)
        self.as_given = as_given  # one-hot rows stay rows; else they come as class numbers
        self.reset_state()

    def reset_state(self) -> None:
        """Starts from nothing."""
        self._total, self._samples = 0.0, 0

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        """Counts one batch more."""
        values = np.asarray(self.values(np.asarray(y_true), np.asarray(y_pred)), dtype=np.float64)
        self._total += float(values.sum())
        self._samples += len(values)

    def result(self) -> float:
        """The mean so far; NaN before the first batch."""
        return self._total / self._samples if self._samples else float("nan")


_KNOWN: dict[str, Values] = {
    "accuracy": accuracy,
    "acc": accuracy,
    "binary_accuracy": binary_accuracy,
    "categorical_accuracy": categorical_accuracy,
    "sparse_categorical_accuracy": categorical_accuracy,
    "mse": mean_squared_error,
    "mean_squared_error": mean_squared_error,
    "mae": mean_absolute_error,
    "mean_absolute_error": mean_absolute_error,
}


def larger_is_better(name: str) -> bool | None:
    """Of a metric by Keras' name; None for any other name."""
    return _LARGER_IS_BETTER.get(_KNOWN.get(name))  # type: ignore[arg-type]


def _kind(function: Values, default: str) -> type[Metric]:
    """A metric class of Keras' name."""

    def __init__(self: Metric, name: str = default) -> None:
        Metric.__init__(self, function, name)

    return type("".join(map(str.capitalize, default.split("_"))), (Metric,), {"__init__": __init__})


BinaryAccuracy = _kind(binary_accuracy, "binary_accuracy")
CategoricalAccuracy = _kind(categorical_accuracy, "categorical_accuracy")
SparseCategoricalAccuracy = _kind(categorical_accuracy, "sparse_categorical_accuracy")
MeanSquaredError = _kind(mean_squared_error, "mean_squared_error")
MeanAbsoluteError = _kind(mean_absolute_error, "mean_absolute_error")


def get(given: Any) -> Metric:
    """The metric of a name, a class, an object, or a function of arrays.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    if isinstance(given, str):
        return Metric(known("metric", given, _KNOWN), given)
    if isinstance(given, type) and issubclass(given, Metric):
        return given()
    if isinstance(given, Metric):
        return given
    if callable(given):
        return Metric(given, getattr(given, "__name__", "metric"), as_given=True)
    raise TypeError(f"a metric must be a name, a Metric of fastnn.keras or a function, got {type(given).__name__}")
