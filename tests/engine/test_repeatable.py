"""Code that draws numbers, or changes what its next call reads, does not do the same in each step: it stays eager."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import nn, optim
from fastnn.engine.plan import RecordingError

X = np.random.default_rng(3).normal(size=(12, 4)).astype(np.float32)
Y = np.arange(12) % 3
OWN = fastnn.Generator()


def carried(model: Any, h: Any) -> Any:
    """A state that goes from step to step."""
    model.state = h.mean() if model.state is None else (model.state * 0.5 + h.mean()).detach()
    return h + model.state


def counted(model: Any, h: Any) -> Any:
    model.count += 1
    return h * (1.0 if model.count > 4 else 0.5)


def listed(model: Any, h: Any) -> Any:
    model.seen.append(h.mean().detach())
    return h + model.seen[0]


def kept(model: Any, h: Any) -> Any:
    model.last = h.detach()
    return h


def filled(model: Any, h: Any) -> Any:
    return h + fastnn.zeros(1).uniform_()


def layered(model: Any, h: Any) -> Any:
    return nn.Linear(3, 3)(h)


UNREPEATABLE: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "randn_like": (lambda m, h: h + fastnn.randn_like(h), "a random draw"),
    "rand": (lambda m, h: h + fastnn.rand(1), "a random draw"),
    "bernoulli": (lambda m, h: h * fastnn.bernoulli(fastnn.ones(3) * 0.5), "a random draw"),
    "randperm": (lambda m, h: h[fastnn.randperm(len(h))], "a random draw"),
    "uniform_": (filled, "a random draw"),
    "a generator": (lambda m, h: h + fastnn.rand(1, generator=OWN), "a random draw"),
    "NumPy": (lambda m, h: h * float(np.random.uniform()), "NumPy's random numbers"),
    "Python": (lambda m, h: h * random.random(), "Python's random numbers"),
    "a new layer": (layered, "fastnn's random numbers"),
    "a state": (carried, "Called.state"),
    "a counter": (counted, "Called.count"),
    "a list": (listed, "Called.seen"),
    "an output": (kept, "Called.last"),
}


class Called(nn.Module):
    def __init__(self, what: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.layer, self.what = nn.Linear(4, 3), what
        self.state, self.count, self.seen = None, 0, []

    def forward(self, x: Any) -> Any:
        return self.what(self, self.layer(x))


def trained(what: Callable[[Any, Any], Any], engine: str) -> tuple[fastnn.Trainer, list[Any]]:
    """After three epochs: the trainer, and all that a step could have changed."""
    fastnn.manual_seed(1)
    OWN.manual_seed(2)
    np.random.seed(3)
    random.seed(4)
    model = Called(what)
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()), engine=engine)
    losses = trainer.fit((X, Y), batch_size=5, epochs=3).history["loss"]
    ends = [losses, model.count, *(p.tolist() for p in model.parameters()), np.random.uniform(), random.random()]
    return trainer, [*ends, fastnn.rand(1, generator=OWN).item(), fastnn.random.state.as_dict()]


@pytest.mark.parametrize("name", UNREPEATABLE)
def test_what_is_not_the_same_in_each_step_stays_eager(name: str) -> None:
    """With the numbers of a training that was eager from the start; and compile() says why."""
    what, why = UNREPEATABLE[name]
    trainer, found = trained(what, "plan")
    if name != "a list":  # what an attempt has appended is there
        assert found == trained(what, "eager")[1]
    assert trainer.engine.name == "eager" and why in trainer.engine_note
    model = Called(what)
    step = fastnn.compile(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    for call in (lambda: step(X, Y), lambda: fastnn.compile(model)(X)):
        with pytest.raises(RecordingError, match=why):
            call()


def set_once(model: Any, h: Any) -> Any:
    model.width = h.shape[1]
    if model.state is None:
        model.state = fastnn.ones(3)
    return h + model.state * model.width


def test_what_a_first_call_sets_is_compiled() -> None:
    trainer, found = trained(set_once, "plan")
    assert trainer.engine.name == "plan" and found == trained(set_once, "eager")[1]


def test_the_loss_may_not_draw_either() -> None:
    model = nn.Linear(4, 3)
    step = fastnn.compile(model, lambda x, y: (x * fastnn.rand(1)).sum(), optim.Adam(model.parameters()))
    with pytest.raises(RecordingError, match="a random draw"):
        step(X, Y)


def test_what_other_threads_draw_does_not_matter_to_layers_of_fastnn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their forward here stands for another thread that draws at the same time."""
    model, forward = nn.Sequential(nn.Linear(4, 3)), nn.Linear.forward

    def beside(self: Any, x: Any) -> Any:
        random.random()
        return forward(self, x)

    beside.__module__ = forward.__module__
    monkeypatch.setattr(nn.Linear, "forward", beside)
    random.seed(5)
    fastnn.compile(model)(X)
    drawn = random.random()
    random.seed(5)
    random.random()
    assert drawn == random.random()
