"""A process that trains a network of images, with a checkpoint every three steps; it kills itself after a given step.

python image_job.py MODEL ENGINE THREADS FOLDER STEP    (STEP 0: it ends, and prints its hash)
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from fastnn import _core, nn, optim, random
from fastnn.training.callbacks import Callback
from fastnn.training.checkpoint import Checkpointer, load_checkpoint
from fastnn.training.engines import Chunk
from fastnn.training.model_files import parameters_sha256
from fastnn.training.trainer import Trainer
from image_models import MODELS, images

CONFIG = {"version": "0", "seed": 5}


class Killed(Callback):
    """No signal handler, no flush, no goodbye."""

    def __init__(self, step: int) -> None:
        self.every = self.step = step

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        if trainer.position.epoch * trainer.steps_per_epoch + trainer.position.step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def main(model: str, engine: str, threads: str, folder: str, step: str) -> None:
    _core.set_num_threads(int(threads))
    random.manual_seed(5)
    network = MODELS[model][0]()
    trainer = Trainer(network, nn.CrossEntropyLoss(), optim.Adam(network.parameters(), lr=0.01), engine=engine)
    state = Path(folder) / "state"
    if state.exists():
        load_checkpoint(state, trainer, CONFIG)
    saver = Checkpointer(str(state), lambda: CONFIG, every=3, on_error=print)
    trainer.fit(
        images(model, [70])[0], epochs=4, batch_size=16, callbacks=[saver, *([Killed(int(step))] * (step != "0"))]
    )
    print(parameters_sha256(trainer.model))


if __name__ == "__main__":
    main(*sys.argv[1:])
