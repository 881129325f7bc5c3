"""Callbacks: what hears of a fit's steps and epochs. Lines on the screen."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

from fastnn.html import notebook
from fastnn.training.console import Console
from fastnn.training.history import History
from fastnn.training.metrics import count_correct

if TYPE_CHECKING:
    from fastnn.training.engines import Chunk
    from fastnn.training.feed import Feed
    from fastnn.training.trainer import Trainer


class Callback:
    """Hears what a trainer does; override what you need. ``trainer.stop_training = True`` ends the fit."""

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


class EpochTimes(Callback):
    """A line an epoch with its time and speed; between, a bar with the loss, the speed and the time that is left."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def on_train_begin(self, trainer: Trainer) -> None:
        self._began, self._done = time.perf_counter(), 0  # steps of this process

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        self._epoch_began = time.perf_counter()
        self._trained_from = trainer.position.step

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        now, (step, steps) = time.perf_counter(), (trainer.position.step, trainer.steps_per_epoch)
        self._done += len(chunk.losses)
        speed = trainer.samples * (step - self._trained_from) / steps / (now - self._epoch_began)
        left = self._left(trainer)
        self.console.bar(step, steps, f"loss {chunk.losses[-1]:.4f} | {speed:,.0f} images/s | {left}")

    def _left(self, trainer: Trainer) -> str:
        """The time that the rest of the run takes, where its steps take as long as those so far."""
        steps = (trainer.epochs - trainer.position.epoch) * trainer.steps_per_epoch - trainer.position.step
        return f"{clock((time.perf_counter() - self._began) * steps / max(self._done, 1))} left"

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        seconds = trainer.epoch_seconds[-1]
        share = 1 - self._trained_from / trainer.steps_per_epoch
        speed = trainer.samples * share / seconds
        extra = "".join(f" | {name} {value:.4f}" for name, value in metrics.items() if name != "loss")
        extra += f" | {self._left(trainer)}" if epoch + 1 < trainer.epochs else ""
        self.console.line(
            f"Epoch {epoch + 1}/{trainer.epochs} | {seconds:.2f} s | {speed:,.0f} images/s | "
            f"mean loss {metrics['loss']:.4f}{extra}"
        )


class AccuracyOnTest(Callback):
    """The accuracy on a test set after each epoch, for those that hear of the epoch later. Neither the training nor its
    measured time has to do with it.
    """

    def __init__(self, feed: Feed) -> None:
        self.feed = feed

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        metrics["test_accuracy"] = count_correct(trainer.outputs_of(self.feed), self.feed.y) / len(self.feed)


class BatchLines(EpochTimes):
    """The tutorial's lines: the loss every 100 batches, time and speed of every epoch."""

    batches_between = 100

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        number, total = trainer.position.epoch + 1, trainer.steps_per_epoch
        for i, loss in enumerate(chunk.losses):
            if (chunk.first + i) % self.batches_between == 0:
                self.console.line(
                    f"Epoch {number}/{trainer.epochs} | Batch {chunk.first + i}/{total} | Loss: {loss:.4f}"
                )
        super().on_chunk(trainer, chunk)


class EpochLines(Callback):
    """One line an epoch, for ``Network.fit(verbose=1)``; in a notebook one line that is renewed.

    all_lines: there too a line an epoch.
    """

    def __init__(self, all_lines: bool = False) -> None:
        self.console = Console(all_lines=all_lines)

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        step, steps, epoch = trainer.position.step, trainer.steps_per_epoch, trainer.position.epoch + 1
        self.console.bar(step, steps, f"loss {chunk.losses[-1]:.4f}", f"Epoch {epoch}/{trainer.epochs} ")

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        values = " - ".join(f"{name}: {value:.4f}" for name, value in metrics.items())
        self.console.line(f"Epoch {epoch + 1}/{trainer.epochs} - {trainer.epoch_seconds[-1]:.2f} s - {values}")


class LiveCurve(Callback):
    """Draws the curves of the history while a network learns, in the one output of a notebook's running cell:
    ``network.fit(train, val, callbacks=[LiveCurve()])``. In a loop of one's own: ``live = LiveCurve()`` before it,
    ``live.update(loss=..., val_loss=...)`` after each epoch.

    Warns outside of notebooks, where nothing is drawn.
    """

    def __init__(self) -> None:
        self.history = History()
        self._output = notebook.Renewed()
        if not notebook.in_notebook():
            text = "LiveCurve draws in a notebook's cell, and this is none: history.plot() draws after the training"
            warnings.warn(text, stacklevel=2)

    def update(self, **metrics: float) -> None:
        """Takes the metrics of one epoch and draws."""
        self.history.append(len(self.history.epoch), metrics)
        self._output.show(self.history)

    def on_train_begin(self, trainer: Trainer) -> None:
        self._output = notebook.Renewed()  # of the cell that runs now

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        self._output.show(trainer.history)


def clock(seconds: float) -> str:
    """0:07, 12:34 or 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
