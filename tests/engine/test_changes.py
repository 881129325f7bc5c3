"""What a recorded step depends on may change between any two steps: the next is eager's, bit for bit."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
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
        self.factors, self.settings, self.acts = [1.0, [0.5]], {"power": 1.0}, [nn.ReLU(), nn.LeakyReLU(0.1)]
        self.config = SimpleNamespace(slope=1.0, inner=SimpleNamespace(slope=1.0))
        self.mask = np.ones((1, 3), np.float32)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.act(self.first(x))) * self.scale + self.shift
        x = self.last(self.act(x) if self.deep else x) * self.factors[0] * self.factors[1][0] * self.settings["power"]
        for act in self.acts:
            x = act(x) * self.config.slope * self.config.inner.slope
        return x * Tensor(self.mask)


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
    def parts(self) -> tuple[Any, ...]:
        return self.model, self.criterion, self.optimizer

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
    world.model.shift, world.model.mask = Tensor(np.float64(0.5)), np.ones((1, 3))
    world.optimizer.state.clear()


def backwards(optimizer: optim.Optimizer) -> None:
    for group in optimizer.param_groups:
        for param in group["params"]:
            if param.grad is not None:
                param.grad = -param.grad
    type(optimizer).step(optimizer)


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
    "an entry of a list": lambda w: w.model.factors.__setitem__(0, 0.25),
    "of a list in a list": lambda w: w.model.factors[1].__setitem__(0, 0.25),
    "of a dictionary": lambda w: w.model.settings.update(power=2.0),
    "a layer in a list": lambda w: w.model.acts.__setitem__(0, nn.Tanh()),
    "one layer more": lambda w: w.model.acts.append(nn.Sigmoid()),
    "a field of a layer in a list": lambda w: setattr(w.model.acts[1], "negative_slope", 0.7),
    "a field of an object": lambda w: setattr(w.model.config, "slope", 0.25),
    "of an object in an object": lambda w: setattr(w.model.config.inner, "slope", 0.25),
    "the values of an array": lambda w: w.model.mask.__setitem__((0, 1), 3.0),
    "the values of a tensor": lambda w: w.model.shift.fill_(-2.0),
    "the array of a tensor": lambda w: setattr(w.model.shift, "data", Tensor(np.float32(3.0))),
    "step() of the optimizer": lambda w: setattr(w.optimizer, "step", functools.partial(backwards, w.optimizer)),
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
    partial, weights = functools.partial(scaled, weight=1.0), [1.0]
    return {
        "object": (objects[0], lambda value: setattr(objects[0], "weight", value)),
        "method": (objects[1].loss, lambda value: setattr(objects[1], "weight", value)),
        "closure": (lambda output, target: scaled(output, target, weight), change),
        "list": (
            lambda output, target: scaled(output, target, weights[0]),
            lambda value: weights.__setitem__(0, value),
        ),
        "partial": (partial, lambda value: partial.keywords.update(weight=value)),
    }


def test_a_dropout_that_is_no_part_of_the_model() -> None:
    """In a plain list: a plan cannot find its draws, a fit stays eager."""
    world = World(True)
    world.model.acts.append(nn.Dropout(0.5))
    with pytest.raises(fastnn.engine.plan.RecordingError, match="a Dropout that is no part of the model"):
        world.step(0)
    trainer = fastnn.Trainer(world.model, world.criterion, world.optimizer)
    trainer.fit(BATCHES[0], epochs=1, batch_size=4)
    assert trainer.history.history["loss"]


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


def hooked(role: str) -> Callable[[World], Any]:
    """What puts a hook that doubles on a module."""
    return {
        "layer": lambda w: w.model.first.register_forward_hook(lambda module, inputs, output: output * 2),
        "inputs of a layer": lambda w: w.model.last.register_forward_pre_hook(lambda module, inputs: inputs[0] * 2),
        "model": lambda w: w.model.register_forward_hook(lambda module, inputs, output: output * 2),
        "criterion": lambda w: w.criterion.register_forward_hook(lambda module, inputs, output: output * 2),
    }[role]


HOOKS = ("layer", "inputs of a layer", "model", "criterion")


@pytest.mark.parametrize("role", HOOKS)
def test_a_hook_put_on_after_the_first_step(role: str) -> None:
    """A compiled step that would not call it is refused; eager code goes on, and a plan once it is taken off."""
    ends = []
    for compiled in (False, True):
        world = World(compiled)
        world.step(0)
        handle = hooked(role)(world)
        if compiled:
            with pytest.raises(fastnn.engine.plan.RecordingError, match="a forward hook"):
                world.step(1)
        eager_step(world.model, world.criterion, world.optimizer, *BATCHES[1])
        handle.remove()
        world.step(2)
        ends.append(bits(world.model, world.optimizer))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("role", HOOKS)
def test_a_fit_goes_on_without_a_plan_where_a_hook_is_put_on(role: str) -> None:
    """In the middle of an epoch: each batch is trained on once, and the hook is called from there on."""
    x, y = (np.concatenate(parts) for parts in zip(*BATCHES, strict=True))

    class Hook(Callback):
        every = 1

        def on_chunk(self, trainer: fastnn.Trainer, chunk: Any) -> None:
            steps.append(chunk.first)
            if len(steps) == 5:
                hooked(role)(world)

    ends, stories = [], []
    for engine in ("eager", "plan"):
        world, steps = World(False), []
        trainer = fastnn.Trainer(world.model, world.criterion, world.optimizer, engine=engine)
        history = trainer.fit((x, y), epochs=2, batch_size=8, callbacks=[Hook()])
        ends.append(bits(world.model, world.optimizer))
        stories.append((steps, history.history["loss"]))
    assert ends[0] == ends[1] and stories[0] == stories[1]


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


class Twice(nn.Module):
    """A layer whose weight is multiplied with twice: its gradient is a sum, which no fused update makes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.twice, self.last = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.twice(self.twice(self.first(x).relu()).relu()).relu())


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_what_is_made_of_a_weight_is_made_again_where_another_program_changed_it(kind: str) -> None:
    """Frozen, the weight is transposed once and kept; in between it learns."""
    stories = []
    for compiled in (False, True):
        world = World(compiled, kind)
        random.manual_seed(5)
        world.model = Twice()
        world.optimizer = getattr(optim, kind)(world.model.parameters(), lr=0.1)
        world.plan = Plan(world.model, world.criterion, world.optimizer) if compiled else None
        for turn in (0, 1, 3, 4):  # of one shape: nothing is recorded after the first
            for learns in (False, False, True, True):
                world.model.twice.requires_grad_(learns)
                x, y = BATCHES[turn]  # not World.step, which looks at a weight: the plan would take all in anew
                step = world.plan.step if compiled else functools.partial(eager_step, *world.parts)
                world.seen.append(step(x, y).tolist())
        world.look()
        stories.append(world.seen)
    assert stories[0] == stories[1]
