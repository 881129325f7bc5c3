"""An epoch of LeNet on photographs in a folder that are changed at random, anew each epoch.

fastnn has the photographs in memory, decoded and cut to size before the first epoch, and changes them in the compiled
step (``--augment light``: flipped or not, moved by up to an eighth of the side). A tutorial's loader opens, decodes,
cuts and changes each file in every epoch, in workers beside the training. The random numbers of two libraries differ,
so there is no answer to compare: the steps themselves are compared in ``cnn_step``, the pixels in the tests.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
from fastnn import models, nn, optim, random
from fastnn.data.augment import augmentation
from fastnn.data.source import open_source
from fastnn.training.feed import Feed
from fastnn.training.trainer import Trainer
from PIL import Image

from benchmarks.harness import Case, Contender, Options

ROUNDS = 3
PEERS = ("torch",)
SIZE, BATCH = 64, 64
QUICK_IMAGES = 64

SETTINGS = "fastnn: photographs in memory, augmentation light, compiled steps, Adam; reading them once is not counted"


def draw_photographs(root: Path, images: int) -> None:
    """Noise in the sizes of small photographs, of two classes, as JPEG files under root/train/<class>/."""
    rng = np.random.default_rng(3)
    for number in range(images):
        folder = root / "train" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (80, 107, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:05d}.jpg")


def cases(options: Options) -> Iterator[Case]:
    """One, on the photographs of --data, or on drawn ones."""
    with tempfile.TemporaryDirectory(prefix="fastnn-benchmark-") as drawn:
        root = Path(options.data or drawn)
        if options.data is None:
            draw_photographs(root, options.images or (QUICK_IMAGES if options.quick else 2000))
        count = sum(path.is_file() for path in (root / "train").glob("*/*"))
        name = f"LeNet 3x{SIZE}x{SIZE}, batch {BATCH}, {count:,} photographs"
        yield Case(name, partial(prepare, str(root), options), "epoch", images=count, repeat=False)


def prepare(root: str, options: Options) -> list[Contender]:
    """fastnn's epoch, and the peers'."""
    contenders = [Contender("fastnn", FastnnEpochs(root).run, None, settings=SETTINGS)]
    for name in options.peers:
        peer = import_module(f"benchmarks.peers.{name}_photographs")
        epochs = peer.Epochs(f"{root}/train", SIZE, BATCH, options.threads)
        contenders.append(Contender(peer.NAME, epochs.run, None, settings=peer.SETTINGS))
    return contenders


class FastnnEpochs:
    """One epoch after the other of one training."""

    def __init__(self, root: str) -> None:
        random.manual_seed(0)
        data = open_source(root, size=SIZE).train
        model = models.create("lenet", data.shape, len(data.classes))
        self.feed = replace(Feed.of(data), augment=augmentation("light", 0))
        self.trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))

    def run(self) -> None:
        """The next."""
        self.trainer.fit(self.feed, epochs=self.trainer.position.epoch + 1, batch_size=BATCH)
