"""State that a step changes and that is no parameter: the same with both engines, saved, and gone on from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastnn import io, nn, optim, random
from fastnn.errors import FormatError
from fastnn.training.checkpoint import load_checkpoint, save_checkpoint
from fastnn.training.trainer import Trainer
from models import Counting

RNG = np.random.default_rng(4)
X, Y = RNG.random((20, 3), dtype=np.float32), RNG.random((20, 2), dtype=np.float32)


def fresh(engine: str, replaces: bool) -> Trainer:
    random.manual_seed(6)
    model = Counting(replaces)
    return Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1, momentum=0.9), engine=engine)


def with_dropout(engine: str) -> Trainer:
    random.manual_seed(6)
    model = nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.5), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
    return Trainer(model, nn.MSELoss(), optim.Adam(model.parameters(), lr=0.01), engine=engine)


def state(trainer: Trainer) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in trainer.model.state_dict().items()}


@pytest.mark.parametrize("replaces", [False, True])
def test_a_run_goes_on_with_the_state_it_had(replaces: bool, tmp_path: Path) -> None:
    found = []
    for engine in ("plan", "eager"):
        whole = fresh(engine, replaces)
        whole.fit((X, Y), val=(X, Y), epochs=3, batch_size=8)
        assert whole.engine.name == engine
        first = fresh(engine, replaces)
        first.fit((X, Y), epochs=1, batch_size=8)
        assert first.model.calls.item() == 3
        save_checkpoint(tmp_path / engine, first, {})
        second = fresh(engine, replaces)
        load_checkpoint(tmp_path / engine, second, {})
        second.fit((X, Y), epochs=3, batch_size=8)
        assert state(second) == state(whole)
        assert whole.model.calls.item() == 9
        found.append((state(whole), whole.history.history["val_loss"]))
    assert found[0] == found[1]


@pytest.mark.parametrize("engine", ["plan", "eager"])
def test_a_resumed_run_is_the_whole_one(engine: str, tmp_path: Path) -> None:
    """It draws what dropout would have drawn, steps as Adam would have, and remembers the epochs before."""
    whole = with_dropout(engine)
    whole.fit((X, Y), val=(X, Y), epochs=3, batch_size=8)
    first = with_dropout(engine)
    first.fit((X, Y), val=(X, Y), epochs=1, batch_size=8)
    save_checkpoint(tmp_path / "state", first, {})
    second = with_dropout(engine)
    random.manual_seed(99)
    load_checkpoint(tmp_path / "state", second, {})
    assert second.history.epoch == [0] and second.epoch_seconds == first.epoch_seconds
    second.fit((X, Y), val=(X, Y), epochs=3, batch_size=8)
    assert state(second) == state(whole)
    assert [module.calls for module in second.model.modules() if isinstance(module, nn.Dropout)] == [9, 9]
    assert second.history.history == whole.history.history and second.history.epoch == whole.history.epoch == [0, 1, 2]
    assert second.epoch_losses == whole.epoch_losses and len(second.epoch_seconds) == 3


def test_a_state_of_another_number_of_dropouts_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "state", with_dropout("eager"), {})
    random.manual_seed(6)
    model = nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.5), nn.ReLU(), nn.ReLU(), nn.Linear(16, 2))
    other = Trainer(model, nn.MSELoss(), optim.Adam(model.parameters()))
    with pytest.raises(FormatError, match="not a training state that fits this run"):
        load_checkpoint(tmp_path / "state", other, {})


@pytest.mark.parametrize("name", ["data", "arch", "batch_size", "seed", "optimizer", "lr", "schedule", "loss", "dtype"])
def test_a_state_of_another_run_is_refused(name: str, tmp_path: Path) -> None:
    """Whatever decides the run's bits must be the same."""
    save_checkpoint(tmp_path / "state", with_dropout("eager"), {name: 1})
    load_checkpoint(tmp_path / "state", with_dropout("eager"), {name: 1})
    with pytest.raises(ValueError, match=r"is the state of another run: .* was 1, is now 2"):
        load_checkpoint(tmp_path / "state", with_dropout("eager"), {name: 2})


def test_records_that_no_run_has_written(tmp_path: Path) -> None:
    path = tmp_path / "state"
    save_checkpoint(path, with_dropout("eager"), {})
    tensors, record = io.load_state(path)
    io.save_state(path, tensors, record | {"position": record["position"] | {"step": -1}})
    with pytest.raises(FormatError, match="step is -1"):
        load_checkpoint(path, with_dropout("eager"), {})
    io.save_state(path, tensors, record | {"config": [1]})
    with pytest.raises(FormatError, match="is a state without a run's configuration"):
        load_checkpoint(path, with_dropout("eager"), {})
