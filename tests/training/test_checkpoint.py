"""Training state that is whole and says what cannot be: refused before anything is changed, and without memory."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn import FormatError, nn, optim, random
from fastnn.io import load_state, save_state
from fastnn.training.checkpoint import Checkpointer, load_checkpoint, save_checkpoint
from fastnn.training.model_files import parameters_sha256
from fastnn.training.trainer import Trainer

RNG = np.random.default_rng(4)
X, Y = RNG.random((20, 4), dtype=np.float32), RNG.integers(0, 2, 20)


def fresh() -> Trainer:
    random.manual_seed(6)
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.2), nn.Linear(3, 2))
    return Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Of two epochs."""
    trainer = fresh()
    trainer.fit((X, Y), epochs=2, batch_size=8)
    save_checkpoint(tmp_path / "a.state", trainer, {})
    return tmp_path / "a.state"


def changed(path: Path, change: Callable[[dict, dict], object]) -> Path:
    tensors, record = load_state(path)
    change(tensors, record)
    save_state(path, tensors, record)
    return path


def put(*place: str, value: Any) -> Callable[[dict, dict], None]:
    def change(tensors: dict, record: dict) -> None:
        for name in place[:-1]:
            record = record[name]
        record[place[-1]] = value

    return change


def without(name: str) -> Callable[[dict, dict], object]:
    return lambda tensors, record: tensors.pop(name)


BAD = {
    "epochs in the future": (put("position", "epoch", value=30_000_000), "epoch is 30000000; .* from 0 to 3"),
    "an epoch more than noted": (put("position", "epoch", value=4), "epoch is 4; .* from 0 to 3"),
    "an accuracy of -1 images": (put("epoch_accuracy", value=[-1, 0]), "epoch_accuracy is -1"),
    "an accuracy of one number": (put("epoch_accuracy", value=[1]), "not enough values"),
    "an epoch below 0": (put("position", "epoch", value=-1), "epoch is -1"),
    "half an epoch": (put("position", "epoch", value=1.0), r"epoch is 1\.0"),
    "no epoch": (put("position", value={"step": 0, "order": 0}), "'epoch'"),
    "steps in the future": (put("position", "step", value=2**62), "step is 4611686018427387904"),
    "a step without its losses": (put("position", "step", value=2), "step 2 of an epoch with 3 losses"),
    "an order over 32 bits": (put("position", "order", value=2**32), "order is 4294967296"),
    "a seed over 64 bits": (put("random", "seed", value=2**64), "seed is 18446744073709551616"),
    "a counter over 32 bits": (put("random", "orders", value=2**32), "orders is 4294967296"),
    "a counter below 0": (put("random", "draws", value=-1), "draws is -1"),
    "a counter that is true": (put("random", "draws", value=True), "draws is True"),
    "a counter too many": (put("random", "advance", value=1), "found .*advance"),
    "a counter too few": (put("random", value={"seed": 1}), "found seed"),
    "dropout over 32 bits": (put("dropout_calls", value=[2**32]), "dropout call is 4294967296"),
    "two dropouts": (put("dropout_calls", value=[1, 1]), "argument"),
    "a step over 64 bits": (put("optimizer_steps", "0", value=2**64), "step is 18446744073709551616"),
    "a step of years": (put("optimizer_steps", "0", value=2**50), "step is 1125899906842624"),
    "a step of text": (put("optimizer_steps", "0", value="3"), "step is 3;"),
    "a parameter too many": (put("optimizer_steps", "9", value=1), "parameter 9, which no group has"),
    "no optimizer": (
        lambda tensors, record: [
            record.update(optimizer_steps={}),
            [tensors.pop(name) for name in list(tensors) if name.startswith("optimizer.")],
        ],
        "the optimizer's state is missing",
    ),
    "no moment": (without("optimizer.0.exp_avg"), "parameter 0 lacks exp_avg"),
    "no second moment": (without("optimizer.3.exp_avg_sq"), "parameter 3 lacks exp_avg_sq"),
    "a moment without a step": (lambda tensors, record: record["optimizer_steps"].pop("1"), "KeyError"),
    "a moment of another shape": (lambda t, _: t.update({"optimizer.0.exp_avg": np.ones(2)}), "exp_avg has shape"),
    "no weight": (without("model.0.weight"), "missing '0.weight'"),
    "no losses": (without("epoch_losses"), "epoch_losses"),
    "losses without a list": (lambda t, _: t.update(epoch_losses=np.ones(())), "len"),
    "more history than epochs": (put("history", "loss", value=[1.0] * 4), "loss must be a list of at most 2 numbers"),
    "history of texts": (put("history", "loss", value=["1", "2"]), "loss must be a list"),
    "history without a list": (put("history", "loss", value={"0": 1}), "loss must be a list"),
    "times of texts": (put("epoch_seconds", value=["1"] * 2), "epoch_seconds must be a list"),
    "no record": (put("random", value=None), "NoneType"),
}


def all_of(trainer: Trainer) -> tuple[Any, ...]:
    optimizer = {name: len(values) for name, values in trainer.optimizer.state_dict()["state"].items()}
    counts = [module.calls for module in trainer.model.modules() if isinstance(module, nn.Dropout)]
    states = random.state.as_dict(), vars(trainer.position).copy(), trainer.epoch_losses, trainer.epoch_seconds
    return parameters_sha256(trainer.model), optimizer, counts, *states, trainer.history.history


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_refused_and_changes_nothing(state: Path, case: str) -> None:
    change, text = BAD[case]
    trainer = fresh()
    before = all_of(trainer)
    with pytest.raises(FormatError, match=rf"a\.state is not a training state that fits this run: .*{text}"):
        load_checkpoint(changed(state, change), trainer, {})
    assert all_of(trainer) == before


def test_a_small_file_takes_no_memory(state: Path) -> None:
    """A kilobyte that states thirty million epochs."""
    path = changed(state, put("position", "epoch", value=30_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FormatError):
        load_checkpoint(path, fresh(), {})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_what_is_whole_goes_on(state: Path) -> None:
    whole, resumed = fresh(), None
    whole.fit((X, Y), epochs=4, batch_size=8)
    resumed = fresh()
    load_checkpoint(state, resumed, {})
    assert resumed.position.epoch == 2 and resumed.history.epoch == [0, 1]
    resumed.fit((X, Y), epochs=4, batch_size=8)
    assert parameters_sha256(resumed.model) == parameters_sha256(whole.model)
    assert resumed.history.history == whole.history.history


def test_a_run_that_ended_before_its_epoch_was_noted(state: Path) -> None:
    trainer = fresh()
    load_checkpoint(changed(state, put("position", "epoch", value=3)), trainer, {})
    assert trainer.position.epoch == 3


def test_before_the_first_step(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.state", fresh(), {})
    trainer = fresh()
    load_checkpoint(tmp_path / "a.state", trainer, {})
    assert (trainer.position.epoch, trainer.position.step, trainer.optimizer.state) == (0, 0, {})


@pytest.mark.parametrize(
    ("every", "saves"),
    [
        (3, [(0, 3), (1, 0), (1, 3), (2, 0)]),
        (4, [(0, 4), (1, 2), (2, 0)]),
        (5, [(0, 5), (1, 4)]),
        (12, [(2, 0)]),
        (0, []),
    ],
)
def test_a_save_every_so_many_steps(every: int, saves: list[tuple[int, int]]) -> None:
    """Two epochs of six steps: one save where it falls on an epoch's end, when that is noted."""
    found = []

    class Noting(Checkpointer):
        seconds_between = 3600.0

        def save(self, trainer: Trainer) -> bool:
            found.append((trainer.position.epoch, trainer.position.step))
            return True

    fresh().fit((X[:12], Y[:12]), epochs=2, batch_size=2, callbacks=[Noting("", dict, every, print)])
    assert found == saves


@pytest.mark.parametrize("engine", ["plan", "eager"])
def test_an_epoch_that_is_resumed_in_its_middle_has_the_mean_of_all_its_losses(engine: str, tmp_path: Path) -> None:
    """Three steps of five are before the save: their losses are part of the epoch's."""

    class Stop(Checkpointer):
        def on_chunk(self, trainer: Trainer, chunk: Any) -> None:
            super().on_chunk(trainer, chunk)
            trainer.stop_training = self.saved

    def trainer() -> Trainer:
        made = fresh()
        return Trainer(made.model, made.criterion, made.optimizer, engine=engine)

    path = str(tmp_path / "a.state")
    whole = trainer()
    whole.fit((X, Y), epochs=1, batch_size=4)
    trainer().fit((X, Y), epochs=1, batch_size=4, callbacks=[Stop(path, dict, 3, print)])
    resumed = trainer()
    load_checkpoint(path, resumed, {})
    assert resumed.position.step == 3 and resumed.epoch_losses == whole.epoch_losses[:3]
    resumed.fit((X, Y), epochs=1, batch_size=4)
    assert resumed.epoch_losses == whole.epoch_losses and len(set(whole.epoch_losses)) == 5
    assert resumed.history.history["loss"] == whole.history.history["loss"] == [np.mean(whole.epoch_losses)]
