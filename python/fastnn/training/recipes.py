"""Recipes: how long, in what batches and at what rates a network is trained, under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastnn.training.engines import Chunk
from fastnn.training.trainer import Callback, Trainer


@dataclass(frozen=True)
class Recipe:
    """Settings for what a command line leaves open.

    lr: None for the optimizer's own default. scheduled: whether the rate changes as :class:`LinearDecay` has it.
    options: of the optimizers that know them.
    """

    epochs: int = 10
    batch_size: int = 64
    optimizer: str = "adam"
    lr: float | None = None
    scheduled: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


# tutorial: what the well-known tutorials do. fast: chosen on 10,000 of MNIST's training images after training
# 784-256-10 on the other 50,000: the least time whose mean accuracy there, over ten seeds, is above 98.1 %. A rate some
# ten times Adam's default is right for so few steps if it falls to nothing in the end, and a shorter memory of the
# squares (0.99) follows it.
RECIPES: Mapping[str, Recipe] = {
    "tutorial": Recipe(),
    "fast": Recipe(epochs=4, batch_size=250, lr=0.015, scheduled=True, options={"betas": (0.9, 0.99)}),
}


class LinearDecay(Callback):
    """The learning rate rises from nothing over the first steps of a run, then falls straight to nothing at its end.

    It changes every ten steps, by the position in the run alone: so a run that is resumed has the rates of one that was
    not stopped.
    """

    every = 10
    warm_up = 0.05  # of all steps: the first ones of Adam, with its averages still empty, would go too far

    def __init__(self, lr: float) -> None:
        self.lr = lr

    def factor(self, step: int, steps: int) -> float:
        """A step's rate as a multiple of the highest: that in the middle of its ten steps."""
        first = step // self.every * self.every
        share = (first + min(first + self.every, steps)) / 2 / steps
        return min(share / self.warm_up, (1 - share) / (1 - self.warm_up))

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        self._set(trainer)

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        self._set(trainer)

    def _set(self, trainer: Trainer) -> None:
        step = trainer.position.epoch * trainer.steps_per_epoch + trainer.position.step
        for group in trainer.optimizer.param_groups:
            group["lr"] = self.lr * self.factor(step, trainer.epochs * trainer.steps_per_epoch)
