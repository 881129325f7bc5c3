"""What a fit that stops early holds out: rows, and the score of outputs on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from fastnn.nn.labels import predicted_classes
from fastnn.training.feed import Feed
from fastnn.training.metrics import r_squared


@dataclass(frozen=True)
class Rows:
    """x (N, features), targets, class numbers (N,) or (N, outputs), and weights (N,) or None: all count alike."""

    x: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None

    def __getitem__(self, which: np.ndarray) -> Rows:
        return Rows(self.x[which], self.targets[which], None if self.weights is None else self.weights[which])

    def split(self, share: float, draws: np.random.RandomState, stratify: bool) -> tuple[Rows, Rows]:
        """Those to train on and a share of them to stop by, as scikit-learn's networks draw them.

        Raises:
            ValueError: fewer than two are held out, or classes are too small to be in both parts.
        """
        classes = self.targets.reshape(-1) if stratify else None
        rows = np.arange(len(self.x))
        train, held = train_test_split(rows, random_state=draws, test_size=share, stratify=classes)
        if len(held) < 2:
            raise ValueError(
                f"validation_fraction={share} of {len(rows)} samples is {len(held)}: it must be at least 2"
            )
        return self[train], self[held]


class HeldOut:
    """Scores by what becomes of the outputs: accuracy (of several labels, where all are right), or R2."""

    def __init__(self, rows: Rows, kind: str) -> None:
        self.rows, self.kind = rows, kind
        self.feed = Feed.of_inputs(rows.x)

    def score(self, outputs: np.ndarray) -> float:
        """Of outputs for the rows: the higher, the better."""
        targets, weights = self.rows.targets, self.rows.weights
        if self.kind == "identity":
            return r_squared(outputs, targets, weights)
        right = predicted_classes(outputs) == targets if self.kind == "softmax" else ((outputs > 0) == targets).all(1)
        if weights is None:
            return int(np.count_nonzero(right)) / len(right)
        return math.fsum(weights[right].tolist()) / math.fsum(weights.tolist())
