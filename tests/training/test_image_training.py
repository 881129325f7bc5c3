"""Training of networks of images: the same parameters with every engine and number of threads, killed and resumed."""

from __future__ import annotations

import signal
from functools import cache
from pathlib import Path

import image_job
import numpy as np
import processes
import pytest
from fastnn import compile, nn, optim, random
from fastnn.models import lenet
from fastnn.training.callbacks import Callback
from fastnn.training.checkpoint import load_checkpoint, save_checkpoint
from fastnn.training.feed import Feed
from fastnn.training.model_files import parameters_sha256
from fastnn.training.trainer import Trainer
from harness import configured
from image_models import MODELS, images

CONFIG = {"version": "0", "seed": 5}
NAMES = ["lenet", "residual"]


class Killed(Exception):
    pass


class Kill(Callback):
    """Saves the state at the end of the second epoch, and ends the run there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_epoch_end(self, trainer: Trainer, epoch: int, logs: dict[str, float]) -> None:
        if epoch == 1:
            save_checkpoint(self.path, trainer, CONFIG)
            raise Killed


def fresh(name: str, engine: str) -> Trainer:
    random.manual_seed(5)
    model = MODELS[name][0]()
    return Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01), engine=engine)


def fit(trainer: Trainer, name: str, *callbacks: Callback) -> tuple[str, dict[str, bytes]]:
    """Four epochs of five steps, each with a short last batch."""
    trainer.fit(images(name, [70])[0], epochs=4, batch_size=16, callbacks=callbacks)
    assert trainer.engine_note == ""
    return parameters_sha256(trainer.model), {key: t.numpy().tobytes() for key, t in trainer.model.state_dict().items()}


@cache
def expected(name: str) -> tuple[str, dict[str, bytes]]:
    with configured("", 1):
        return fit(fresh(name, "eager"), name)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("name", NAMES)
def test_twenty_steps(isa: str, threads: int, name: str) -> None:
    with configured(isa, threads):
        assert fit(fresh(name, "plan"), name) == expected(name)


@pytest.mark.parametrize("engines", [("plan", "plan"), ("plan", "eager"), ("eager", "plan")])
@pytest.mark.parametrize("name", NAMES)
def test_killed_and_resumed(tmp_path: Path, name: str, engines: tuple[str, str]) -> None:
    """Batch norm's running values and dropout's draws go on where they were."""
    with pytest.raises(Killed):
        fit(fresh(name, engines[0]), name, Kill(tmp_path / "state"))
    resumed = fresh(name, engines[1])
    load_checkpoint(tmp_path / "state", resumed, CONFIG)
    assert resumed.position.epoch == 2
    assert fit(resumed, name) == expected(name)


@pytest.mark.parametrize(
    ("name", "engines", "kills"),
    [("lenet", ("plan", "plan", "eager"), (2, 10)), ("residual", ("plan", "eager", "plan"), (8, 13))],
)
def test_killed_between_checkpoints(
    tmp_path: Path, name: str, engines: tuple[str, ...], kills: tuple[int, int]
) -> None:
    """By SIGKILL, before the first checkpoint and in the steps after one; the next process has another engine and
    number of threads. What was done since the checkpoint is done again, with the same bits."""
    for engine, threads, step in zip(engines, (1, 2, 3), (*kills, 0), strict=True):
        words = (image_job.__file__, name, engine, threads, tmp_path, step)
        done = processes.python(*words, folders=[Path(image_job.__file__).parent])
        assert done.returncode == (-signal.SIGKILL if step else 0), done.stderr
    assert done.stdout.strip() == expected(name)[0]


@pytest.mark.parametrize("name", NAMES)
def test_evaluation(name: str) -> None:
    results = []
    for engine in ("eager", "plan"):
        trainer = fresh(name, engine)
        fit(trainer, name)
        results.append(trainer.evaluate(images(name, [33])[0]))
    assert results[0] == results[1] and np.isfinite(results[0]["loss"])


# Pixels in colour


def colours(rng: np.random.Generator) -> tuple[Feed, Feed]:
    """The same images, each channel with its own normalisation, in both orders of memory."""
    x, y = rng.integers(0, 256, (50, 3, 16, 18)).astype(np.uint8), rng.integers(0, 4, 50)
    feed = Feed(x, y, np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.3, 0.25]))
    return feed, feed.channels_last()


def input_copies(trainer: Trainer) -> list[str]:
    """Ops of the compiled steps that only put a batch into another order."""
    programs = trainer.engine.plan._programs.values()
    return [line for program in programs for line in program.lines() if "copy(" in line and "16, 18" in line]


def test_pixels_in_colour(isa: str) -> None:
    """Both orders have the same bits with both engines; what a fit gathers, its first convolution reads as it lies."""
    found = set()
    for engine in ("plan", "eager"):
        for feed in colours(np.random.default_rng(3)):
            random.manual_seed(5)
            model = lenet((3, 16, 18), 4)
            trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()), engine=engine)
            trainer.fit(feed, epochs=2, batch_size=16)
            assert trainer.engine.name == engine and (engine == "eager" or input_copies(trainer) == [])
            found.add((parameters_sha256(model), trainer.evaluate(feed)["loss"]))
    assert len(found) == 1


def test_each_order_has_a_program_of_its_own() -> None:
    """A plan takes batches in both, with the same result; in no order of samples at all, in PyTorch's."""
    feed = colours(np.random.default_rng(3))[0]
    (x, y), losses = feed.batch(np.arange(16)), []
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for batch in (x, last, np.asfortranarray(x)):
        random.manual_seed(5)
        model = lenet((3, 16, 18), 4)
        step = compile(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
        losses.append([step(each, y).item() for each in (batch, x, batch)])
    assert losses[0] == losses[1] == losses[2] and losses[0][0] > losses[0][2]


def test_dense_networks_take_pixels_as_they_are() -> None:
    """Their rows are C, H, W."""
    feed = colours(np.random.default_rng(3))[0]
    assert feed.channels_last().x.flags.c_contiguous is False
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 18, 4))
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    trainer.fit(feed, epochs=1, batch_size=16)
    assert input_copies(trainer) == []
