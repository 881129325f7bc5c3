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

    images: that are held in memory. val: what is looked at after each epoch, in this feed.

    The figure: what the process has once a step is compiled and an evaluation was made, which is then known, and what
    is still to come: the same for the last, shorter batches of both, twice, as numbers are computed once while a step
    is recorded; and four times the weights, for the best epoch's and for what files are made of. Beside the most that
    was measured (64x64 pixels; lenet, small_cnn and resnet18) it was between 7 % less and 3 % more.
    """

    def __init__(self, console: Console, images: Sequence[np.ndarray], val: Feed, batch_size: int) -> None:
        self.console = console
        self.images = sum(array.nbytes for array in images)
        self.val = val
        self.batch_size = batch_size

    def on_train_begin(self, trainer: Trainer) -> None:
        step = _compiled(trainer)
        batch = evaluation_batch(self.val)
        trainer.outputs_of(self.val.first(batch))
        evaluation = _compiled(trainer) - step
        weights = sum(tensor._data.nbytes for tensor in trainer.model.state_dict().values())
        rests = step * (trainer.samples % self.batch_size) // self.batch_size
        rests += evaluation * (len(self.val) % batch) // batch if len(self.val) > batch else 0
        coming, now, free = 2 * rests + 4 * weights, resident_memory(), free_memory()
        parts = (
            f"images {shown_bytes(self.images)}, weights {shown_bytes(weights)}, steps {shown_bytes(step + evaluation)}"
        )
        if trainer.engine_note:
            self.console.line(f"the network is run layer by layer, as it cannot be compiled: {trainer.engine_note}")
        self.console.line(f"memory: about {shown_bytes(now + coming)} ({parts}); {shown_bytes(free)} more are free")
        if coming > free:
            text = f"memory: {shown_bytes(coming)} more are needed, {shown_bytes(free)} are free"
            self.console.warn(f"{text}: a smaller --batch-size takes less")


def _compiled(trainer: Trainer) -> int:
    """Bytes of the compiled steps; 0 where there are none."""
    return trainer.engine.plan._memory.nbytes() if isinstance(trainer.engine, PlanEngine) else 0
