"""State that a step changes and that is no parameter: the same with both engines, saved, and gone on from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastnn import nn, optim, random
from fastnn.training.checkpoint import load_checkpoint, save_checkpoint
from fastnn.training.trainer import Trainer
from models import Counting

RNG = np.random.default_rng(4)
X, Y = RNG.random((20, 3), dtype=np.float32), RNG.random((20, 2), dtype=np.float32)


def fresh(engine: str, replaces: bool) -> Trainer:
    random.manual_seed(6)
    model = Counting(replaces)
    return Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1, momentum=0.9), engine=engine)


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
