"""A training run as TensorBoard event files, for ``fastnn.train --tensorboard DIR``."""

from __future__ import annotations

import os

from fastnn.io.event_files import SummaryWriter
from fastnn.training.callbacks import Callback
from fastnn.training.engines import Chunk
from fastnn.training.trainer import Trainer


class TensorBoardLog(Callback):
    """The loss of every 100th step, and after each epoch: its metrics, the learning rate that training goes on with,
    its time and speed, the weights' distributions.

    Steps are counted over the whole run, so that a resumed one goes on where it was.
    """

    steps_between = 100

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.writer = SummaryWriter(folder)

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        before = trainer.position.epoch * trainer.steps_per_epoch
        for i, loss in enumerate(chunk.losses.tolist()):
            if (chunk.first + i) % self.steps_between == 0:
                self.writer.add_scalar("batch/loss", loss, before + chunk.first + i)

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self.writer.add_scalar(f"epoch/{name}", value, epoch + 1)
        seconds, rate = trainer.epoch_seconds[-1], trainer.optimizer.param_groups[0]["lr"]
        for name, value in (("lr", rate), ("seconds", seconds), ("images_per_s", trainer.samples / seconds)):
            self.writer.add_scalar(f"epoch/{name}", value, epoch + 1)
        for name, parameter in trainer.model.named_parameters():
            self.writer.add_histogram(name, parameter, epoch + 1)
        self.writer.flush()

    def on_train_end(self, trainer: Trainer) -> None:
        self.writer.close()
