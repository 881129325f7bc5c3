"""Metrics of outputs against targets."""

from __future__ import annotations

import math

import numpy as np

from fastnn.nn.labels import predicted_classes


def count_correct(outputs: np.ndarray, targets: np.ndarray) -> int:
    """How many rows have their target's class. Targets are class numbers (N,), or one row of scores each (N, C): their
    largest.
    """
    labels = (
        targets
        if targets.ndim == 1
        else predicted_classes(targets)
        if targets.shape[1] > 1
        else targets[:, 0].astype(np.int64)
    )
    return int(np.count_nonzero(predicted_classes(outputs) == labels))


def is_classification(outputs_shape: tuple[int, ...], targets: np.ndarray) -> bool:
    """Whether accuracy means something: class numbers beside scores, or one-hot rows."""
    if len(outputs_shape) != 2:
        return False
    if targets.ndim == 1 and targets.dtype.kind in "iu":
        return True
    return targets.ndim == 2 and targets.shape[1] > 1 and bool(np.all((targets == 0) | (targets == 1)))


def r_squared(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> float:
    """R2, the coefficient of determination: 1 - sum (t - y)^2 / sum (t - mean t)^2, the mean over outputs (N, ...) of
    those; 1 at best, 0 of always the mean. Of targets that are all the same: 1 where they are met, else 0.

    weights (N,): what each row counts.
    """
    scores = []
    w = np.ones(len(targets)) if weights is None else weights
    pairs = (array.reshape(len(array), -1).T.astype(np.float64) for array in (outputs, targets))
    for y, t in zip(*pairs, strict=True):
        missed = _total(w * (t - y) ** 2)
        spread = _total(w * (t - _total(w * t) / _total(w)) ** 2)
        scores.append(1 - missed / spread if spread else float(missed == 0))
    return math.fsum(scores) / len(scores)


def _total(values: np.ndarray) -> float:
    """Exactly rounded, the same everywhere."""
    return math.fsum(values.tolist())


# Numbers a sample of which R2 is told: of a reconstructed image it would take a tenth of the training's time.
_MOST_NUMBERS = 64


class RunningMetrics:
    """The share of right classes over the batches so far; with ``numbers`` R2 where targets are no classes. threshold:
    every output says yes or no, yes above it; of several all have to be right.
    """

    def __init__(self, numbers: bool = False, threshold: float | None = None) -> None:
        self.numbers, self.threshold = numbers, threshold
        self.correct = self.samples = 0
        self._sums: np.ndarray | None = None
        self._rows = 0

    def add(self, outputs: np.ndarray, targets: np.ndarray) -> None:
        """One batch more; nothing where its targets are neither."""
        if self.threshold is not None:
            if outputs.shape == targets.shape and outputs.ndim <= 2 and np.isin(targets, (0, 1)).all():
                right = (outputs > self.threshold) == targets
                self.correct += int(np.count_nonzero(right.reshape(len(right), -1).all(1)))
                self.samples += len(outputs)
        elif is_classification(outputs.shape, targets):
            self.correct += count_correct(outputs, targets)
            self.samples += len(outputs)
        elif self.numbers and outputs.shape == targets.shape and len(outputs):
            y, t = (array.reshape(len(array), -1).astype(np.float64) for array in (outputs, targets))
            if y.shape[1] <= _MOST_NUMBERS:
                self._add_numbers(y, t)

    def _add_numbers(self, y: np.ndarray, t: np.ndarray) -> None:
        if self._sums is None:
            self._sums, self._shift = np.zeros((3, t.shape[1])), t[0]  # so that squares do not swamp differences
        d = t - self._shift
        self._sums += np.stack([((t - y) ** 2).sum(0), d.sum(0), (d * d).sum(0)])
        self._rows += len(t)

    def metrics(self) -> dict[str, float]:
        """``{"accuracy": ...}`` or ``{"r2": ...}``; empty where there was nothing to count."""
        if self._sums is None:
            return {"accuracy": self.correct / self.samples} if self.samples else {}
        missed, total, squares = self._sums
        spread = squares - total * total / self._rows
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.where(spread > 0, 1 - missed / spread, missed == 0)
        return {"r2": math.fsum(scores.tolist()) / len(scores)}
