"""How a Keras-style fit runs on :class:`fastnn.training.trainer.Trainer`: epochs as logs, lines and callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.keras.callbacks import CallbackList, Logs
from fastnn.keras.metrics import Metric
from fastnn.keras.progress import Progress, show
from fastnn.training.callbacks import Callback
from fastnn.training.engines import Chunk
from fastnn.training.feed import Feed
from fastnn.training.trainer import Trainer

if TYPE_CHECKING:
    from fastnn.keras.models import Sequential


class Meter:
    """The loss and the metrics over what was seen so far: means over samples."""

    def __init__(self, model: Sequential) -> None:
        self.model = model
        self.loss, self.samples = 0.0, 0
        self.metrics: list[Metric] = model.metrics
        for metric in self.metrics:
            metric.reset_state()

    def add(self, losses: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Batches of one size: a loss each, and the outputs and targets of all their samples."""
        self.loss += float(losses.sum(dtype=np.float64)) * (len(outputs) // len(losses))
        self.samples += len(outputs)
        if self.metrics:
            predictions = self.model.activated(outputs)
            for metric in self.metrics:
                y = self.model.loss.as_given(targets, outputs.shape) if metric.as_given else targets
                metric.update_state(y, predictions)

    def logs(self) -> Logs:
        """By name, sorted as Keras sorts them."""
        values = {"loss": self.loss / max(self.samples, 1), **{metric.name: metric.result() for metric in self.metrics}}
        return dict(sorted(values.items()))


class Fitting(Callback):
    """A trainer's callback that tells Keras' callbacks."""

    def __init__(
        self, model: Sequential, callbacks: CallbackList, verbose: int, validation: Feed | None, validation_freq: int
    ) -> None:
        self.model = model
        self.callbacks = callbacks
        self.verbose = verbose
        self.validation = validation
        self.validation_freq = validation_freq
        self.every = 1 if callbacks.hears_batches else 0
        self.logs: Logs = {}

    def on_train_begin(self, trainer: Trainer) -> None:
        self.callbacks.call("on_train_begin")

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        self.callbacks.call("on_epoch_begin", epoch)
        if self.verbose and trainer.epochs > 1:
            show(f"Epoch {epoch + 1}/{trainer.epochs}")
        self.meter = Meter(self.model)
        self.progress = Progress(trainer.steps_per_epoch, self.verbose)
        self._batch_begins(0)

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        self.meter.add(chunk.losses, chunk.outputs, chunk.targets)
        logs = self.meter.logs()
        self.progress.update(trainer.position.step, logs)
        if self.callbacks.hears_batches:
            self.callbacks.call("on_train_batch_end", chunk.first, logs)
            trainer.stop_training = self.model.stop_training
            if chunk.first + 1 < trainer.steps_per_epoch:
                self._batch_begins(chunk.first + 1)

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        self.logs = self.meter.logs()
        if self.validation is not None and (epoch + 1) % self.validation_freq == 0:
            values = self.model.measured(trainer, self.validation)
            self.logs |= {f"val_{name}": value for name, value in values.items()}
        self.callbacks.call("on_epoch_end", epoch, self.logs)
        self.progress.finish(self.logs)
        trainer.stop_training = self.model.stop_training

    def on_train_end(self, trainer: Trainer) -> None:
        self.callbacks.call("on_train_end", self.logs)

    def _batch_begins(self, batch: int) -> None:
        if self.callbacks.hears_batches:
            self.callbacks.call("on_train_batch_begin", batch)
