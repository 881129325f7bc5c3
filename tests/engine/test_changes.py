"""What a recorded step depends on may change between any two steps: the next is eager's, bit for bit."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from fastnn.training.callbacks import Callback
from models import bits, classes, eager_step

BATCHES = classes(6, 3, [8, 8, 5] * 6)


class Own(nn.Module):
    """A user's model: fields of every kind are read by forward."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(6, 5), nn.Dropout(0.3), nn.Linear(5, 3)
        self.act: nn.Module = nn.ReLU()
        self.scale, self.deep, self.shift = 1.5, False, Tensor(np.float32(0.5))
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen = x  # both change in each eager forward, and matter to none
        x = self.drop(self.act(self.first(x))) * self.scale + self.shift
        return self.last(self.act(x) if self.deep else x)


class World:
    """A model in training, compiled or eager."""

    def __init__(self, compiled: bool, kind: str = "SGD", **options: Any) -> None:
        random.manual_seed(5)
        self.model, self.criterion = Own(), nn.CrossEntropyLoss()
        self.optimizer = getattr(optim, kind)(self.model.parameters(), lr=0.05, **options)
        self.plan = Plan(self.model, self.criterion, self.optimizer) if compiled else None
        self.seen: list[Any] = []

    def step(self, batch: int) -> None:
        x, y = BATCHES[batch]
        x = x.astype(self.model.last.weight.detach().numpy().dtype)
        if self.plan is not None:
            self.seen.append(self.plan.step(x, y).tolist())
        else:
            self.seen.append(eager_step(self.model, self.criterion, self.optimizer, x, y).tolist())

    def look(self) -> None:
        self.seen.append([tensor.tolist() for tensor in self.model.state_dict().values()])
        states = [self.optimizer.state.get(p, {}) for group in self.optimizer.param_groups for p in group["params"]]
        self.seen.append([np.asarray(value).tolist() for state in states for _, value in sorted(state.items())])
        x = BATCHES[0][0].astype(self.model.last.weight.detach().numpy().dtype)
        if self.plan is not None:
            self.seen.append(self.plan.forward(x).tolist())
        else:
            self.model.eval()
            self.seen.append(self.model(Tensor(x)).tolist())
            self.model.train()

    @property
    def group(self) -> dict[str, Any]:
        return self.optimizer.param_groups[0]


def new_parameter(world: World) -> None:
    """One that the optimizer does not know: it stays as it is."""
    world.model.first.weight = nn.Parameter(Tensor(np.linspace(-1, 1, 30, dtype=np.float32).reshape(5, 6)))


def new_layer(world: World) -> None:
    world.model.first = nn.Linear(6, 5)
    world.optimizer.add_param_group({"params": list(world.model.first.parameters()), "lr": 0.1})


def other_parameters(world: World) -> None:
    world.group["params"] = world.group["params"][:2]


def double(world: World) -> None:
    world.model.double()
    world.model.shift = Tensor(np.float64(0.5))
    world.optimizer.state.clear()


CHANGES: dict[str, Callable[[World], Any]] = {
    "a parameter": new_parameter,
    "the dtype": double,
    "a layer": new_layer,
    "an activation": lambda w: setattr(w.model, "act", nn.Tanh()),
    "no bias": lambda w: setattr(w.model.last, "bias", None),
    "Dropout.p": lambda w: setattr(w.model.drop, "p", 0.6),
    "Dropout.p = 0": lambda w: setattr(w.model.drop, "p", 0.0),
    "criterion.reduction": lambda w: setattr(w.criterion, "reduction", "sum"),
    "requires_grad": lambda w: w.model.first.requires_grad_(False),
    "a number": lambda w: setattr(w.model, "scale", 0.25),
    "a flag": lambda w: setattr(w.model, "deep", True),
    "a tensor": lambda w: setattr(w.model, "shift", Tensor(np.float32(-2.0))),
    "the parameters of a group": other_parameters,
    "maximize": lambda w: w.group.update(maximize=True),
    "momentum": lambda w: w.group.update(momentum=0.0 if w.group["momentum"] else 0.8),
    "another group": lambda w: w.optimizer.param_groups.__setitem__(0, {**w.group, "lr": 0.2, "weight_decay": 0.1}),
    "weight decay": lambda w: w.group.update(weight_decay=0.3),
    "nothing": lambda w: None,
}
OPTIMIZERS = [("SGD", {}), ("SGD", {"momentum": 0.9}), ("RMSprop", {}), ("RMSprop", {"momentum": 0.9}), ("Adam", {})]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("kind", "options"), OPTIMIZERS)
@pytest.mark.parametrize("look", [False, True])
def test_the_next_step_is_eagers(change: str, kind: str, options: dict[str, Any], look: bool) -> None:
    """After three steps (of two shapes), then again after four more; with and without a look at the weights between."""
    if change == "momentum" and kind == "Adam":
        pytest.skip("it has none")
    stories = []
    for compiled in (False, True):
        world = World(compiled, kind, **options)
        for batch in range(15):
            if batch in (3, 7):
                CHANGES[change](world)
            world.step(batch)
            if look:
                world.look()
        world.look()
        stories.append(world.seen)
    for number, (eager, plan) in enumerate(zip(*stories, strict=True)):
        assert eager == plan, f"entry {number} of the story"


class Weighted:
    """A criterion that is no module."""

    def __init__(self) -> None:
        self.weight = 1.0

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(output, target) * self.weight

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return self(output, target)


def scaled(output: Tensor, target: Tensor, weight: float = 1.0) -> Tensor:
    return nn.functional.cross_entropy(output, target) * weight


def criteria() -> dict[str, tuple[Any, Callable[[float], Any]]]:
    """Of each: the criterion, and what gives it another weight."""
    weight = 1.0

    def change(value: float) -> None:
        nonlocal weight
        weight = value

    objects = [Weighted(), Weighted()]
    partial = functools.partial(scaled, weight=1.0)
    return {
        "object": (objects[0], lambda value: setattr(objects[0], "weight", value)),
        "method": (objects[1].loss, lambda value: setattr(objects[1], "weight", value)),
        "closure": (lambda output, target: scaled(output, target, weight), change),
        "partial": (partial, lambda value: partial.keywords.update(weight=value)),
    }


@pytest.mark.parametrize("kind", criteria())
def test_a_criterion_that_is_no_module(kind: str) -> None:
    stories = []
    for compiled in (False, True):
        criterion, change = criteria()[kind]
        world = World(compiled)
        world.criterion = criterion
        world.plan = Plan(world.model, criterion, world.optimizer) if compiled else None
        for batch in range(9):
            if batch % 3 == 2:
                change(float(batch))
            world.step(batch)
        world.look()
        stories.append(world.seen)
    assert stories[0] == stories[1]


def test_there_and_back() -> None:
    """Changes that are taken back at once: the state from before goes on."""
    stories = []
    for compiled in (False, True):
        world = World(compiled, "SGD", momentum=0.9)
        for batch in range(15):
            world.group["momentum"] = 0.9 if batch % 3 else 0.0
            world.model.drop.p = 0.1 * (batch % 4)
            world.criterion.reduction = "mean" if batch % 5 else "sum"
            world.step(batch)
        world.look()
        stories.append(world.seen)
    assert stories[0] == stories[1]


def test_what_forward_itself_changes_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Own.forward counts its calls and keeps its input: eager calls between do not make a plan begin anew."""
    world, begun = World(True), []
    begin = Plan._begin
    monkeypatch.setattr(Plan, "_begin", lambda plan: (begun.append(1), begin(plan)))
    for batch in range(12):
        world.step(batch)
        world.model(Tensor(BATCHES[0][0]))
    assert begun == []
    world.model.scale = 3.0
    world.step(0)
    assert begun == [1]


def test_a_plan_that_begins_anew_lets_go_of_its_memory() -> None:
    world = World(True)
    for batch in range(6):
        world.model.scale = 1.0 + batch
        world.step(0)
    assert len(world.plan._programs) == 1 and len(world.plan._memory.buffers) < 60


@pytest.mark.parametrize("kind", ["Adadelta", "Adagrad", "Adamax", "NAdam", "RAdam"])
def test_optimizers_without_a_compiled_form(kind: str) -> None:
    """``fastnn.compile``, a fit with plans and an eager loop train alike."""
    ends = []
    for way in ("eager", "compile"):
        random.manual_seed(5)
        model, criterion = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)), nn.CrossEntropyLoss()
        optimizer = getattr(optim, kind)(model.parameters(), lr=0.05)
        step = fastnn.compile(model, criterion, optimizer)
        for x, y in BATCHES:
            loss = step(x, y) if way == "compile" else eager_step(model, criterion, optimizer, x, y)
        ends.append((loss.item(), bits(model, optimizer)))
        assert way == "eager" or (model.training and all(p.grad is None for p in model.parameters()))
    assert ends[0] == ends[1]
    fits = []
    for engine in ("eager", "plan"):
        random.manual_seed(5)
        network = Network(6, 5, 3)
        optimizer = getattr(optim, kind)(network.parameters(), lr=0.05)
        trainer = fastnn.Trainer(network, nn.CrossEntropyLoss(), optimizer, engine=engine)
        trainer.fit(BATCHES[0], epochs=5, batch_size=4)
        fits.append(bits(network, optimizer))
    assert fits[0] == fits[1]


def test_a_fit_sees_what_a_callback_changes() -> None:
    """In the middle of an epoch, too."""
    x, y = (np.concatenate(parts) for parts in zip(*BATCHES, strict=True))

    class Change(Callback):
        every = 3

        def on_chunk(self, trainer: fastnn.Trainer, chunk: Any) -> None:
            step = 16 * trainer.position.epoch + trainer.position.step
            if step % 3 == 0:
                trainer.optimizer.param_groups[0]["momentum"] = 0.9 if step % 2 else 0.0
                trainer.model.drop.p = 0.1 * (step % 4)

    ends = []
    for engine in ("eager", "plan"):
        random.manual_seed(5)
        model = Own()
        optimizer = optim.SGD(model.parameters(), lr=0.05)
        trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer, engine=engine)
        trainer.fit((x, y), epochs=2, batch_size=8, callbacks=[Change()])
        ends.append(bits(model, optimizer))
    assert ends[0] == ends[1]
