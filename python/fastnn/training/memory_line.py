"""What a run will take of memory, said before its first step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastnn.io.checks import shown_bytes
from fastnn.io.memory import free_memory
from fastnn.platform import resident_memory
from fastnn.training.callbacks import Callback
from fastnn.training.console import Console
from fastnn.training.engines import PlanEngine, evaluation_batch
from fastnn.training.feed import Feed
from fastnn.training.trainer import Trainer


class MemoryLine(Callback):
    """Tells what a run takes at most, and where that is more than there is.

    images: that are held in memory. feed, val: what is trained on, in batches of batch_size, and what is looked at
    after each epoch.

    The figure: what the process has once all steps are compiled (full and last batches, to train and to evaluate on),
    and five times the weights, for the best epoch's and for what files are made of. The most that was measured
    (64x64 pixels; lenet, small_cnn, resnet18, resnet34) is within 7 % of it.
    """

    def __init__(self, console: Console, images: Sequence[np.ndarray], feed: Feed, val: Feed, batch_size: int) -> None:
        self.console = console
        self.images = sum(array.nbytes for array in images)
        self.feed = feed
        self.val = val
        self.batch_size = batch_size

    def on_train_begin(self, trainer: Trainer) -> None:
        self._compile(trainer)
        engine = trainer.engine
        steps = engine.plan._memory.nbytes() if isinstance(engine, PlanEngine) else 0
        weights = sum(tensor._data.nbytes for tensor in trainer.model.state_dict().values())
        coming, now, free = 5 * weights, resident_memory(), free_memory()
        if trainer.engine_note:
            self.console.line(f"the network is run layer by layer, as it cannot be compiled: {trainer.engine_note}")
        parts = ("images", self.images), ("weights", weights), ("steps", steps)
        shown = ", ".join(f"{name} {shown_bytes(size)}" for name, size in parts)
        self.console.line(f"memory: about {shown_bytes(now + coming)} ({shown}); {shown_bytes(free)} more are free")
        if coming > free:
            text = f"memory: {shown_bytes(coming)} more are needed, {shown_bytes(free)} are free"
            self.console.warn(f"{text}: a smaller --batch-size takes less")

    def _compile(self, trainer: Trainer) -> None:
        """What the first epoch would compile; full batches are."""
        if rest := len(self.feed) % self.batch_size:
            trainer._engine.prepare(self.feed.first(rest), rest)
        batch = evaluation_batch(self.val)
        trainer.outputs_of(self.val.first(batch + len(self.val) % batch))
