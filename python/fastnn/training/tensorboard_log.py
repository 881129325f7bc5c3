"""A training run as TensorBoard event files, for ``fastnn.train --tensorboard DIR``."""

from __future__ import annotations

import os

import numpy as np

from fastnn.io.event_files import SummaryWriter
from fastnn.training.callbacks import Callback
from fastnn.training.engines import Chunk
from fastnn.training.feed import Feed
from fastnn.training.trainer import Trainer


class TensorBoardLog(Callback):
    """The loss of every 100th step, and after each epoch: its metrics, the learning rate that training goes on with,
    its time and speed, the weights' distributions. Where training images are augmented: a few, as the first epoch has
    them.

    Steps are counted over the whole run, so that a resumed one goes on where it was.
    """

    steps_between = 100
    pictures = 16

    def __init__(self, folder: str | os.PathLike[str], feed: Feed) -> None:
        self.writer = SummaryWriter(folder)
        if feed.augment is not None:
            rows = np.linspace(0, len(feed) - 1, self.pictures).astype(np.int64)  # of all classes, which lie in order
            self.writer.add_images("training images", feed.augment.images(feed.x, rows, 0), 0)

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
