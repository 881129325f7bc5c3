"""Class numbers: which one a row of scores stands for, and whether they are those of the classes that there are."""

from __future__ import annotations

import numpy as np

from fastnn import _core


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
