"""When a fit ends, and at which rate it learns until then: as scikit-learn's networks, and fastnn's schedules."""

from __future__ import annotations

from typing import Any

from fastnn.training.schedules import SCHEDULES

# Of scikit-learn's networks: what "adaptive" divides the rate by, and where it ends; the rates that only sgd follows.
_STEP, _LEAST = 5.0, 1e-6
_OF_SGD = ("invscaling", "adaptive")
RATES = ("constant", *_OF_SGD, *SCHEDULES)


class Patience:
    """Counts the epochs, one after the other, that were not better by ``tol`` than the best before."""

    def __init__(self, settings: Any, best: float) -> None:
        self.tol, self.most = settings.tol, settings.n_iter_no_change
        self.best = best
        self.count = 0

    def better(self, score: float) -> bool:
        """Whether one more epoch is the best of all; the higher the score, the better."""
        self.count = 0 if score >= self.best + self.tol else self.count + 1
        is_best = score > self.best
        self.best = max(self.best, score)
        return is_best

    def is_over(self) -> bool:
        return self.count > self.most

    def least(self) -> float:
        """Epochs that there will be in any case."""
        return self.most + 1 - self.count


class Rate:
    """The learning rate: at first ``learning_rate_init``, or as a schedule has it."""

    def __init__(self, settings: Any) -> None:
        self.kind, self.first, self.power = settings.learning_rate, settings.learning_rate_init, settings.power_t
        if self.kind in _OF_SGD and settings.solver != "sgd":
            self.kind = "constant"
        self.now = self.first
        self.changes = self.kind not in ("constant", "adaptive")
        self._schedule = SCHEDULES[self.kind](self.first) if self.kind in SCHEDULES else None

    def at(self, epoch: int, epochs: int, samples: int) -> float:
        """That of an epoch, from 0, of so many; samples: how many were seen before it."""
        if self._schedule is not None:
            self.now = self.first * self._schedule.at(epoch, epochs)
        elif self.kind == "invscaling":
            self.now = self.first / (samples + 1) ** self.power
        return self.now

    def falls(self) -> bool:
        """Whether training goes on at a lower rate where nothing gets better at this one."""
        if self.kind != "adaptive" or self.now <= _LEAST:
            return False
        self.now /= _STEP
        return True
