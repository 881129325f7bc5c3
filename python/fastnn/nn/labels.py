"""What outputs stand for: probabilities, numbers, classes; and whether class numbers are of those that there are."""

from __future__ import annotations

import numpy as np

from fastnn import _core
from fastnn.eager import ops

PREDICTIONS = ("softmax", "sigmoid", "numbers")


def predictions(outputs: np.ndarray, kind: str) -> np.ndarray:
    """What outputs (N, C) predict: probabilities of classes that exclude each other (``softmax``), one probability each
    (``sigmoid``), or the ``numbers`` themselves.
    """
    if kind == "softmax":
        return ops.softmax(outputs)
    return ops.sigmoid(outputs) if kind == "sigmoid" else outputs


def class_values(outputs: np.ndarray, kind: str) -> np.ndarray:
    """:func:`predictions` with a column for each class: a single probability (N, 1) is that of the second of two."""
    values = predictions(outputs, kind)
    return np.concatenate([1 - values, values], axis=1) if kind == "sigmoid" and values.shape[1] == 1 else values


def predicted_classes(outputs: np.ndarray) -> np.ndarray:
    """The class of each row of scores (N, C), int64 (N,): the first largest; a single score (N, 1) is a logit, class 1
    above 0.
    """
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        return (outputs[:, 0] > 0).astype(np.int64)
    rows = np.ascontiguousarray(outputs).reshape(len(outputs), -1, 1)
    return _core.max(rows)[1].reshape(-1)


def first_outside(labels: np.ndarray, classes: int) -> int | None:
    """The first row of class numbers (N,) outside 0..classes-1; None where there is none."""
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    return int(wrong[0]) if len(wrong) else None


def check_range(name: str, labels: np.ndarray, classes: int) -> None:
    """Refuses class numbers of any shape outside 0..classes-1.

    Raises:
        ValueError: there are some; the least and the largest are named.
    """
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(f"{name}: labels run from {labels.min()} to {labels.max()}, outside 0..{classes - 1}")
