"""Learning rates that change during a run, each by the position in the run alone: so a run that is resumed has the
rates of one that was not stopped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fastnn.training.callbacks import Callback

if TYPE_CHECKING:
    from fastnn.training.engines import Chunk
    from fastnn.training.trainer import Trainer


class Schedule(Callback):
    """Sets the rate of every parameter group, ``lr``, the highest, times a factor.

    It changes every ten steps, to that in their middle: to stop after each step takes 0.3 ms (LeNet on 64x64 pixels:
    4 %).
    """

    every = 10

    def __init__(self, lr: float) -> None:
        self.lr = lr

    def at(self, step: float, steps: int) -> float:
        """The curve, at a step from 0 on of so many, as a multiple of the highest rate."""
        raise NotImplementedError

    def factor(self, step: int, steps: int) -> float:
        """What a step's rate is a multiple of."""
        first = step // self.every * self.every
        return self.at((first + min(first + self.every, steps) - 1) / 2, steps)

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        self._set(trainer)

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        self._set(trainer)

    def _set(self, trainer: Trainer) -> None:
        step = trainer.position.epoch * trainer.steps_per_epoch + trainer.position.step
        for group in trainer.optimizer.param_groups:
            group["lr"] = self.lr * self.factor(step, trainer.epochs * trainer.steps_per_epoch)


class LinearDecay(Schedule):
    """The learning rate rises from nothing over the first steps of a run, then falls straight to nothing at its end."""

    warm_up = 0.05  # of all steps: the first ones of Adam, with its averages still empty, would go too far

    def at(self, step: float, steps: int) -> float:
        share = (step + 0.5) / steps
        return min(share / self.warm_up, (1 - share) / (1 - self.warm_up))


class OneCycle(Schedule):
    """From lr / 25 up to lr over the first 30 % of the steps, then down to lr / 250,000 at the last, each along half a
    cosine: :class:`fastnn.optim.lr_scheduler.OneCycleLR` with its own values, the momentum left as it is.
    """

    up, start, end = 0.3, 1 / 25, 1 / 25e4

    def at(self, step: float, steps: int) -> float:
        top = self.up * steps - 1
        if step <= top:
            return _cosine(self.start, 1.0, step / top if top else 1.0)
        return _cosine(1.0, self.end, min(1.0, (step - top) / (steps - 1 - top)))


class Cosine(Schedule):
    """Straight up over the first 5 % of the steps, then down to nothing behind the last along half a cosine (SGDR
    without restarts: Loshchilov and Hutter, 2017).
    """

    warm_up = LinearDecay.warm_up

    def at(self, step: float, steps: int) -> float:
        rising = self.warm_up * steps
        return min((step + 1) / rising, _cosine(1.0, 0.0, max(0.0, min(1.0, (step - rising) / (steps - rising)))))


class StepDecay(Schedule):
    """A tenth of lr from the middle of the run on, a hundredth in its last quarter, as in He et al., 2015, on CIFAR."""

    def at(self, step: float, steps: int) -> float:
        return 0.1 ** ((2 * step >= steps) + (4 * step >= 3 * steps))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (math.cos(math.pi * share) + 1)


SCHEDULES: Mapping[str, type[Schedule]] = {
    "linear": LinearDecay,
    "onecycle": OneCycle,
    "cosine": Cosine,
    "step": StepDecay,
}
