"""A network is fitted again with the plan of the fit before, and nobody can tell but by the time."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, _core, nn, optim
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from fastnn.engine.recording import Recorder
from fastnn.errors import NonFiniteLossError
from fastnn.training.callbacks import Callback
from fastnn.training.trainer import Trainer
from models import bits, eager_step

RNG = np.random.default_rng(7)
X = RNG.standard_normal((40, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 40)
ONE_HOT = np.eye(3, dtype=np.float32)[Y]
OPTIONS: dict[str, Any] = {"epochs": 2, "batch_size": 16, "verbose": 0}
SLOPE = 0.1


class Own(nn.CrossEntropyLoss):
    """A user's loss, which may read anything."""

    scale = 1.0

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return super().forward(logits, target) * self.scale


class Doubled(Network):
    """A user's network."""

    factor = 1.0

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.factor


class World:
    """A network and what was seen of it."""

    def __init__(self, kind: type[Network] = Network) -> None:
        fastnn.manual_seed(3)
        self.network: Network = kind(6, 8, 3)
        self.optimizer = optim.Adam(self.network.parameters(), lr=0.02)
        self.criterion = Own()
        self.seen: list[Any] = []

    def fit(self, data: Any = (X, Y), **options: Any) -> None:
        history = self.network.fit(data, data, **OPTIONS | options)
        self.seen += [history.history, self.network._trainer.engine.name]

    def look(self) -> None:
        optimizers = (self.network._trainer.optimizer, self.optimizer)
        parameters = {id(p) for p in self.network.parameters()}
        for each in optimizers:
            each._state = {p: state for p, state in each.state.items() if id(p) in parameters}
        self.seen += [bits(self.network, each) for each in optimizers]
        self.seen += [self.network.evaluate((X, Y)), self.network.predict(X).tobytes(), fastnn.random.state.as_dict()]


def put(thing: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(thing, name, value)
    return thing


def in_place(w: World) -> None:
    with no_grad():
        for parameter in w.network.parameters():
            parameter *= 0.5


def end_with(w: World, *layers: nn.Module) -> None:
    w.network.layer2 = nn.Sequential(*layers, nn.Linear(8, 3))


def put_between(w: World, layer: nn.Module) -> None:
    end_with(w, layer)
    w.fit()


def another_slope(w: World) -> None:
    put_between(w, nn.LeakyReLU(SLOPE))
    w.network.layer2[0].negative_slope = -0.0


def another_share(w: World) -> None:
    put_between(w, nn.Dropout(0.2))
    w.network.layer2[0].p = 0.5


def another_activation(w: World) -> None:
    put_between(w, nn.Tanh())
    w.network.layer2.add_module("0", nn.Sigmoid())


def own_forward(w: World) -> None:
    layer = w.network.layer1
    layer.forward = lambda x: nn.functional.linear(x, layer.weight) * 0.5


def failed_fit(w: World) -> None:
    with pytest.raises(NonFiniteLossError):
        w.fit(lr=1e38)
    w.network.load_state_dict({name: np.full(t.shape, 0.1, np.float32) for name, t in w.network.state_dict().items()})


def refused_fit(w: World) -> None:
    with pytest.raises(ValueError, match="outside"):
        w.fit((X, Y + 1))
    with pytest.raises(ValueError, match="6 inputs"):
        w.fit((X[:, :5], Y))


def interrupted_fit(w: World) -> None:
    class Stops(Callback):
        def on_chunk(self, trainer: Trainer, chunk: Any) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        w.fit(callbacks=[Stops()])


def fit_within_a_fit(w: World) -> None:
    class Fits(Callback):
        def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
            w.fit(epochs=1)
            w.look()

    w.fit(callbacks=[Fits()])


def the_former_trainer(w: World) -> None:
    former = w.network._trainer
    w.fit(optimizer="adam", lr=0.1)
    w.seen.append(former.fit((X, Y), epochs=4, batch_size=16).history)


def other_plan(w: World) -> None:
    step = fastnn.compile(w.network, nn.CrossEntropyLoss(), w.optimizer)
    w.seen.append(step(X[:16], Y[:16]).item())


def shared_memory(w: World) -> None:
    w.network.layer1.weight.data = Tensor(np.full((2, 6, 8), 0.1, np.float32))[0].T


def changed_within_a_fit(w: World) -> None:
    """Some programs are recorded with one slope, some with another."""

    class Changes(Callback):
        def on_chunk(self, trainer: Trainer, chunk: Any) -> None:
            w.network.layer2[0].negative_slope = 0.5

    end_with(w, nn.LeakyReLU(SLOPE))
    w.fit(callbacks=[Changes()])
    w.network.layer2[0].negative_slope = SLOPE


def moved(w: World) -> None:
    w.network.double()
    w.fit((X.astype(np.float64), Y))
    w.network.float()


def pickled(w: World) -> None:
    w.network, w.optimizer = pickle.loads(pickle.dumps((w.network, w.optimizer)))


def deepcopied(w: World) -> None:
    w.network, w.optimizer = copy.deepcopy((w.network, w.optimizer))


Action = Callable[[World], Any]

# After which nothing is recorded anew by another fit.
KEPT: dict[str, Action] = {
    "nothing": lambda w: None,
    "look": World.look,
    "load_state_dict": lambda w: w.network.load_state_dict(copy.deepcopy(w.network.state_dict())),
    "in place": in_place,
    "other values": lambda w: put(w.network.layer1.bias, data=Tensor(np.full(8, 0.25, np.float32))),
    "modes": lambda w: w.network.eval(),
    "mode of a layer": lambda w: w.network.layer1.eval(),
    "a gradient": lambda w: put(w.network.layer1.bias, grad=Tensor(np.ones(8, np.float32))),
    "rate": lambda w: w.optimizer.param_groups[0].update(lr=0.5, betas=(0.8, 0.95)),
    "its state": lambda w: w.optimizer.state.clear(),
    "a step typed out": lambda w: eager_step(w.network, nn.CrossEntropyLoss(), w.optimizer, X[:4], Y[:4]),
    "a step of another plan": other_plan,
    "predict": lambda w: w.seen.append(w.network.predict(X[:3]).tobytes()),
    "evaluate": lambda w: w.seen.append(w.network.evaluate((X, Y))),
    "seed": lambda w: fastnn.manual_seed(8),
    "threads": lambda w: _core.set_num_threads(1),
    "refused fit": refused_fit,
    "interrupted fit": interrupted_fit,
    "failed fit": failed_fit,
    "fit within a fit": fit_within_a_fit,
    "the former trainer": the_former_trainer,
}

# After which it is.
CHANGES: dict[str, Action] = {
    "frozen": lambda w: put(w.network.layer1.weight, requires_grad=False),
    "a parameter replaced": lambda w: put(w.network.layer1, bias=nn.Parameter(np.full(8, 0.25, np.float32))),
    "a bias removed": lambda w: put(w.network.layer1, bias=None),
    "a layer replaced": lambda w: put(w.network, layer2=nn.Linear(8, 3)),
    "a layer added": lambda w: put(w.network, layer3=nn.Linear(3, 3)),
    "a layer put between": lambda w: end_with(w, nn.Linear(8, 8)),
    "slope": another_slope,
    "share": another_share,
    "activation": another_activation,
    "changed within a fit": changed_within_a_fit,
    "other order in memory": lambda w: put(w.network.layer1, weight=nn.Parameter(np.ones((8, 6), np.float32) / 4)),
    "shared memory": shared_memory,
    "moved": moved,
    "a buffer": lambda w: w.network.layer1.register_buffer("mean", Tensor(np.zeros(6, np.float32))),
    "a field": lambda w: put(w.network.layer1, note=[1]),
    "own forward": own_forward,
    "pickled": pickled,
    "deepcopied": deepcopied,
}


@pytest.fixture(autouse=True)
def threads() -> Any:
    before = _core.get_num_threads()
    yield
    _core.set_num_threads(before)


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Something is added by each."""
    made: list[str] = []
    enter = Recorder.__enter__

    def counted(recorder: Recorder) -> Recorder:
        made.append("recording")
        return enter(recorder)

    monkeypatch.setattr(Recorder, "__enter__", counted)
    return made


def never_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plan, "serve", lambda plan, criterion, optimizer: False)
    monkeypatch.setattr(Plan, "is_current", lambda plan: False)


FITS: dict[str, Action] = {
    "adam": lambda w: w.fit(),
    "sgd": lambda w: w.fit(optimizer="sgd", lr=0.1),
    "own optimizer": lambda w: w.fit(optimizer=w.optimizer),
}


@pytest.mark.parametrize("name", [*KEPT, *CHANGES])
@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_another_fit_gives_the_same_bits(name: str, fit: Action, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a plan of its own; the optimizer's state and the orders of the samples too."""
    stories = []
    for kept in (True, False):
        if not kept:
            never_kept(monkeypatch)
        world = World()
        fit(world)
        (KEPT | CHANGES)[name](world)
        if name in CHANGES and set(world.network.parameters()) - set(world.optimizer.param_groups[0]["params"]):
            world.optimizer = optim.Adam(world.network.parameters(), lr=0.02)
        for _ in range(2):
            fit(world)
            world.look()
        stories.append(world.seen)
    assert stories[0] == stories[1]


@pytest.mark.parametrize("name", [*KEPT, *CHANGES])
def test_what_is_recorded_anew(name: str, recordings: list[str]) -> None:
    """Three programs: of whole batches, of the last one, of the evaluation."""
    world = World()
    world.fit()
    assert len(recordings) == 3
    (KEPT | CHANGES)[name](world)
    before = len(recordings)
    world.fit()
    assert (len(recordings) == before) == (name in KEPT)


@pytest.mark.parametrize(
    ("options", "anew"),
    [
        ({}, 0),
        ({"lr": 0.3}, 0),
        ({"shuffle": False, "seed": 4, "epochs": 1}, 0),
        ({"batch_size": 20}, 1),
        ({"optimizer": "adamw"}, 3),
        ({"optimizer": "sgd"}, 3),
        ({"loss": "mse", "data": (X, ONE_HOT)}, 3),
        ({"loss": nn.CrossEntropyLoss(reduction="sum")}, 3),
        ({"data": (X[:, None], Y)}, 3),
        ({"data": (X[:32], Y[:32])}, 1),
    ],
)
def test_what_other_settings_record_anew(options: dict[str, Any], anew: int, recordings: list[str]) -> None:
    world = World()
    world.fit()
    world.fit(**options)
    assert len(recordings) == 3 + anew


def test_optimizers_that_keep_other_state(recordings: list[str]) -> None:
    world = World()
    parameters = list(world.network.parameters())
    for momentum in (0.0, 0.9, 0.5):
        world.fit(optimizer=optim.SGD(parameters, lr=0.1, momentum=momentum))
    assert len(recordings) == 3 + 3
    world.fit(optimizer=optim.SGD(parameters[:2], lr=0.1, momentum=0.9))
    assert len(recordings) == 3 + 3 + 3


def own_loss(logits: Tensor, target: Tensor) -> Tensor:
    return nn.functional.cross_entropy(logits, target) * Own.scale


@pytest.mark.parametrize("part", ["network", "loss", "function"])
def test_the_users_own_code_is_recorded_anew(part: str, recordings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It may read anything: here, a number of a class."""
    world = World(Doubled if part == "network" else Network)
    loss = {"network": nn.CrossEntropyLoss(), "loss": world.criterion, "function": own_loss}[part]
    losses = []
    for value in (1.0, 0.0):
        monkeypatch.setattr(Own, "scale", value)
        monkeypatch.setattr(Doubled, "factor", value)
        before = len(recordings)
        world.fit(loss=loss)
        assert len(recordings) >= before + 3
        losses.append(world.network.evaluate((X, Y))[0])
    assert losses[1] == pytest.approx(np.log(3) if part == "network" else 0)


def test_a_layer_with_another_forward(monkeypatch: pytest.MonkeyPatch, recordings: list[str]) -> None:
    world = World()
    world.fit()
    forward = nn.Linear.forward
    monkeypatch.setattr(nn.Linear, "forward", lambda layer, x: forward(layer, x) * 0.0)
    world.fit()
    assert len(recordings) == 6
    assert world.network.evaluate((X, Y))[0] == pytest.approx(np.log(3))


def test_without_gradients_there_is_no_fit() -> None:
    world = World()
    world.fit()
    with no_grad(), pytest.raises(RuntimeError, match="grad"):
        world.fit()


def test_another_isa(recordings: list[str]) -> None:
    isa = _core.isa()
    world = World()
    world.fit()
    try:
        _core.set_isa("scalar")
        world.fit()
        assert len(recordings) == (6 if isa != "scalar" else 3)
    finally:
        _core.set_isa(isa)


def test_an_optimizer_that_somebody_has_gets_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one takes over the plan; that of one which nobody has is not even written back."""
    world = World()
    world.fit(optimizer=world.optimizer)
    steps = world.optimizer.state[world.network.layer1.bias]["step"]
    world.fit(optimizer=world.optimizer)
    world.fit()
    assert world.optimizer._owner is None
    state = world.optimizer.state[world.network.layer1.bias]
    assert state["step"] == 2 * steps
    assert state["exp_avg"].any()
    of_a_fit = weakref.ref(world.network._trainer.optimizer)
    monkeypatch.setattr(Plan, "_write_back_state", lambda plan, optimizer: pytest.fail("nobody has it"))
    gc.disable()
    try:
        world.fit()
        assert of_a_fit() is None
    finally:
        gc.enable()


def test_an_evaluation_sees_the_network_as_it_is() -> None:
    world = World()
    world.fit()
    before = world.network.evaluate((X, Y))
    world.network.layer2 = nn.Linear(8, 3)
    loss = nn.CrossEntropyLoss()(world.network(Tensor(X)), Tensor(Y)).item()
    assert world.network.evaluate((X, Y))[0] == loss != before[0]


def test_parameters_stay_with_the_plan() -> None:
    """To look whether they are finite does not take them back."""
    world = World()
    world.fit()
    plan = world.network._trainer.engine.plan
    assert all(p._owner is plan for p in world.network.parameters())
    world.fit()
    assert world.network._trainer.engine.plan is plan
    assert all(p._owner is plan for p in world.network.parameters())
    weight = world.network.layer1.weight
    assert weight._is_finite() and weight._owner is plan
    with no_grad():
        weight[0, 0] = np.inf
    assert not weight._is_finite()
