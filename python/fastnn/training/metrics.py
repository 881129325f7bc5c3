"""Metrics of outputs against targets."""

from __future__ import annotations

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


class RunningAccuracy:
    """The share of right classes over the batches so far."""

    def __init__(self) -> None:
        self.correct = self.samples = 0

    def add(self, outputs: np.ndarray, targets: np.ndarray) -> None:
        """One batch more; nothing where its targets are no classes."""
        if is_classification(outputs.shape, targets):
            self.correct += count_correct(outputs, targets)
            self.samples += len(outputs)

    def metrics(self) -> dict[str, float]:
        """``{"accuracy": ...}``; empty where there was nothing to count."""
        return {"accuracy": self.correct / self.samples} if self.samples else {}
