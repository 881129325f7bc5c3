"""Training on augmented images: the same bits with every engine and number of threads, and where a run resumes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn import Network, nn, optim, random
from fastnn.data.augment import NAMES, augmentation
from fastnn.datasets import ImageFolder
from fastnn.eager.tensor import Tensor
from fastnn.reference.augment import augmented
from fastnn.reference.gather import gather_uint8
from fastnn.training.callbacks import Callback
from fastnn.training.checkpoint import load_checkpoint, save_checkpoint
from fastnn.training.engines import Chunk
from fastnn.training.feed import Feed
from fastnn.training.model_files import parameters_sha256
from fastnn.training.trainer import Trainer
from fastnn.transforms import ToTensor
from fastnn.utils.data import DataLoader
from harness import check_same_bits, configured
from small_data import write_tree

CONFIG = {"version": "0", "seed": 5}
RNG = np.random.default_rng(6)
X, Y = RNG.integers(0, 256, (50, 3, 16, 18)).astype(np.uint8), RNG.integers(0, 4, 50)
MEAN, STD = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.3, 0.25])

each_name = pytest.mark.parametrize("name", NAMES)


def feed_of(name: str | None) -> Feed:
    return Feed(X, Y, MEAN, STD, None if name is None else augmentation(name, 9))


def convolution() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 7 * 8, 4))


def dense() -> nn.Module:
    """Wide enough that each thread gathers the batch for itself."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 18, 64), nn.ReLU(), nn.Linear(64, 4))


def fresh(kind: Any, engine: str) -> Trainer:
    random.manual_seed(5)
    model = kind()
    return Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.02), engine=engine)


def fit(trainer: Trainer, name: str | None, *callbacks: Callback) -> str:
    """Three epochs of four steps, each with a short last batch."""
    trainer.fit(feed_of(name), epochs=3, batch_size=16, callbacks=callbacks)
    assert trainer.engine_note == ""
    return parameters_sha256(trainer.model)


@cache
def expected(kind: Any, name: str | None) -> str:
    with configured("", 1):
        return fit(fresh(kind, "eager"), name)


@pytest.mark.parametrize("kind", [convolution, dense])
@each_name
def test_engines_and_threads_agree(threads: int, name: str, kind: Any) -> None:
    assert fit(fresh(kind, "plan"), name) == expected(kind, name)


def test_augmentation_changes_training() -> None:
    assert len({expected(convolution, name) for name in (None, *NAMES)}) == 3


@each_name
def test_what_a_model_sees(name: str) -> None:
    """The oracle's images of each epoch, normalised, in batches as of rows in any order."""
    seen: list[np.ndarray] = []

    class Sees(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.numpy())
            return super().forward(x.flatten(1))

    fresh(lambda: Sees(3 * 16 * 18, 4), "eager").fit(feed_of(name), epochs=2, batch_size=16, shuffle=False)
    every = np.arange(50)
    batches = [x for x in seen if len(x) > 1][-8:]  # not the row that tells how many outputs there are
    for epoch in range(2):
        expected = gather_uint8(augmented(X, every, name, 9, epoch), every, MEAN, STD)
        check_same_bits(np.concatenate(batches[4 * epoch : 4 * epoch + 4]), expected)
        check_same_bits(feed_of(name).batch(every[::-1].copy(), epoch)[0], expected[::-1])


class Killed(Exception):
    pass


class Kill(Callback):
    """Saves the state after the second step of the second epoch, and ends the run there."""

    every = 2

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        if (trainer.position.epoch, trainer.position.step) == (1, 2):
            save_checkpoint(self.path, trainer, CONFIG)
            raise Killed


@pytest.mark.parametrize("engines", [("plan", "plan"), ("plan", "eager"), ("eager", "plan")])
@each_name
def test_resumed_within_an_epoch(tmp_path: Path, name: str, engines: tuple[str, str]) -> None:
    with pytest.raises(Killed):
        fit(fresh(convolution, engines[0]), name, Kill(tmp_path / "state"))
    resumed = fresh(convolution, engines[1])
    load_checkpoint(tmp_path / "state", resumed, CONFIG)
    assert (resumed.position.epoch, resumed.position.step) == (1, 2)
    assert fit(resumed, name) == expected(convolution, name)


@pytest.mark.parametrize("engine", ["plan", "eager"])
def test_evaluation_and_outputs_are_of_the_images_themselves(engine: str) -> None:
    trainer = fresh(convolution, engine)
    assert trainer.evaluate(feed_of("strong")) == trainer.evaluate(feed_of(None))
    check_same_bits(trainer.outputs_of(feed_of("strong")), trainer.outputs_of(feed_of(None)))
    history = trainer.fit(feed_of("strong"), feed_of("strong"), epochs=1, batch_size=16)
    assert history.val_loss == [trainer.evaluate(feed_of(None))["loss"]]


def fitted(train: Any, augment: str | None, fits: int = 1) -> tuple[Network, list[float]]:
    """Fits of an epoch each, which learn nothing: only the images make their losses differ."""
    random.manual_seed(5)
    network, losses = Network(nn.Flatten(), nn.Linear(3 * 8 * 8, 4)), []
    for _ in range(fits):
        losses += network.fit(train, epochs=1, batch_size=16, lr=0.0, verbose=0, augment=augment).loss
    return network, losses


def test_network_fit(tmp_path: Path) -> None:
    """With a folder, whose classes it knows; one fit after the other has other images, by the seed."""
    write_tree(tmp_path, "abcd", train=8)
    train = ImageFolder(tmp_path / "train", transform=ToTensor())
    (network, losses), same = fitted(train, "light", 3), fitted(train, "light", 3)[1]
    assert losses == same and len(set(losses)) == 3
    assert network._info.classes == list("abcd")
    unchanged = fitted(train, None, 3)[1]
    assert losses[0] != unchanged[0] and np.ptp(unchanged) < 1e-6 < np.ptp(losses)


def test_what_cannot_be_augmented() -> None:
    with pytest.raises(ValueError, match=r"augment='light' needs uint8 images .* x is float32 \(50, 3, 16, 18\)"):
        fitted((X, Y), "light")
    loader = DataLoader([(X[i].astype(np.float32), int(Y[i])) for i in range(8)], batch_size=4)
    with pytest.raises(ValueError, match="augment='strong' needs uint8 images of a data set in memory; these batches"):
        fitted(loader, "strong")
    with pytest.raises(ValueError, match=r"unknown augmentation 'weak'\. Known: light, strong"):
        fitted((X, Y), "weak")
    with pytest.raises(ValueError, match=r"uint8 \(50, 864\)"):
        Feed(X.reshape(50, -1), Y, augment=augmentation("light", 0))
    wide = Feed(np.zeros((4, 5, 2, 2), np.uint8), np.zeros(4, np.int64), augment=augmentation("light", 0))
    model = nn.Sequential(nn.Flatten(), nn.Linear(20, 2))
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()))
    with pytest.raises(ValueError, match="may have 4 channels"):
        trainer.fit(wide, epochs=1)
