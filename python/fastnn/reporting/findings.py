"""What a test found: accuracy and how sure it is, confusion, figures by class, wrong cases."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from fastnn.nn.labels import class_values, predicted_classes

_Z95 = 1.959963984540054  # a standard normal value lies within so many deviations in 95 % of cases


class ClassFigures(NamedTuple):
    """How one class fared; None where there is nothing to divide by."""

    samples: int
    precision: float | None
    recall: float | None
    f1: float | None


class Findings:
    """A network's outputs (N, C), beside the classes (N,) that would have been right. kind: what they predict, one of
    :data:`fastnn.nn.labels.PREDICTIONS`; ``values`` has it by class.
    """

    def __init__(self, outputs: np.ndarray, targets: np.ndarray, kind: str = "softmax") -> None:
        self.kind = kind
        self.values = class_values(outputs, kind)
        self.predicted = predicted_classes(outputs)  # not of probabilities: rounding makes some equal
        self.targets = targets

    @property
    def total(self) -> int:
        return len(self.targets)

    @property
    def correct(self) -> int:
        return self.total - len(self.wrong)

    @cached_property
    def wrong(self) -> np.ndarray:
        """The rows that were wrong, the most confident first."""
        rows = np.flatnonzero(self.predicted != self.targets)
        return rows[np.argsort(-self.values[rows, self.predicted[rows]], kind="stable")]

    @cached_property
    def confusion(self) -> np.ndarray:
        """int64 (C, C): how often the class of a row was taken for that of a column."""
        classes = self.values.shape[1]
        cells = np.bincount(self.targets * classes + self.predicted, minlength=classes * classes)
        return cells.reshape(classes, classes)

    def by_class(self) -> list[ClassFigures]:
        """Samples, precision, recall and F1 of each class."""
        hits, samples, said = np.diag(self.confusion), self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        return [
            ClassFigures(n, _ratio(hit, p), _ratio(hit, n), _ratio(2 * hit, n + p))
            for hit, n, p in zip(hits.tolist(), samples.tolist(), said.tolist(), strict=True)
        ]

    def top(self, row: int, count: int = 3) -> list[int]:
        """The likeliest classes of a row, and its own where it is not among them."""
        best = np.argsort(-self.values[row], kind="stable")[:count].tolist()
        own = int(self.targets[row])
        return best if own in best else [*best, own]


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def wilson(correct: int, total: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share (Wilson's score interval): right near 0 and 1 as well."""
    share, z2 = correct / total, _Z95**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 / (1 + z2 / total) * (share * (1 - share) / total + z2 / (4 * total**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
