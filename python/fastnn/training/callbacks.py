"""Callbacks: what hears of a fit's steps and epochs. Lines on the screen, a learning rate that changes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fastnn.training.console import Console

if TYPE_CHECKING:
    from fastnn.training.engines import Chunk
    from fastnn.training.trainer import Trainer


class Callback:
    """Hears what a trainer does; override what you need."""

    # A checkpoint is due after every so many steps of the run (0: never): chunks end there.
    every = 0

    def on_train_begin(self, trainer: Trainer) -> None:
        """Before the first step."""

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        """Before the first step of an epoch (also when resumed inside it)."""

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """After some steps; ``trainer.position`` is just behind them."""

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        """After an epoch and its validation."""

    def on_train_end(self, trainer: Trainer) -> None:
        """After the last epoch."""


class BatchLines(Callback):
    """The tutorial's lines: the loss every 100 batches, time and speed of every epoch."""

    batches_between = 100

    def __init__(self, console: Console) -> None:
        self.console = console
        self._started = 0.0

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        self._started = time.perf_counter()
        self._trained_from = trainer.position.step

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        number, total = trainer.position.epoch + 1, trainer.steps_per_epoch
        for i, loss in enumerate(chunk.losses):
            if (chunk.first + i) % self.batches_between == 0:
                self.console.line(
                    f"Epoch {number}/{trainer.epochs} | Batch {chunk.first + i}/{total} | Loss: {loss:.4f}"
                )
        self.console.bar(trainer.position.step, total, f"loss {chunk.losses[-1]:.4f}")

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        seconds = trainer.epoch_seconds[-1]
        share = 1 - self._trained_from / trainer.steps_per_epoch
        speed = trainer.samples * share / seconds
        extra = "".join(f" | {name} {value:.4f}" for name, value in metrics.items() if name != "loss")
        self.console.line(
            f"Epoch {epoch + 1}/{trainer.epochs} | {seconds:.2f} s | {speed:,.0f} images/s | "
            f"mean loss {metrics['loss']:.4f}{extra}"
        )


class EpochLines(Callback):
    """One line an epoch, for ``Network.fit(verbose=1)``."""

    def __init__(self) -> None:
        self.console = Console()

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        self.console.bar(trainer.position.step, trainer.steps_per_epoch, f"loss {chunk.losses[-1]:.4f}")

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        values = " - ".join(f"{name}: {value:.4f}" for name, value in metrics.items())
        self.console.line(f"Epoch {epoch + 1}/{trainer.epochs} - {trainer.epoch_seconds[-1]:.2f} s - {values}")


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
