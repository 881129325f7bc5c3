"""Who holds the parameters: plans, eager code and files take turns, and nobody sees old values."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from fastnn import nn, optim, random
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan, RecordingError, compile
from hypothesis import given, settings
from hypothesis import strategies as st
from models import bits, classes, eager_step, mlp

BATCHES = classes(5, 3, [4, 4, 1, 6] * 3)


class World:
    """A model in training, whose steps are compiled or eager. Everything else it does is the same."""

    def __init__(self, compiled: bool) -> None:
        random.manual_seed(4)
        self.drop = nn.Dropout(0.3)
        self.model = nn.Sequential(nn.Linear(5, 6), self.drop, nn.ReLU(), nn.Linear(6, 3))
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.05)
        self.plans = [Plan(self.model, self.criterion, self.optimizer) for _ in range(2)]
        self.compiled = compiled
        self.start, self.optimizer_start = copy.deepcopy(self.model.state_dict()), self.optimizer.state_dict()
        self.batches = iter(BATCHES)
        self.seen: list[Any] = []

    def step(self, plan: int = 0) -> None:
        x, y = next(self.batches)
        if self.compiled:
            self.seen.append(self.plans[plan].step(x, y).item())
            assert all(parameter.grad is None for parameter in self.model.parameters())
        else:
            self.eager_step(x, y)

    def eager_step(self, x: np.ndarray, y: np.ndarray) -> None:
        self.seen.append(eager_step(self.model, self.criterion, self.optimizer, x, y).item())

    def evaluate(self) -> None:
        self.model.eval()
        with no_grad():
            self.seen.append(self.model(Tensor(BATCHES[0][0])).tolist())
        self.model.train()

    def scale_in_place(self) -> None:
        with no_grad():
            for parameter in self.model.parameters():
                parameter *= 0.5

    def set_rate(self) -> None:
        self.optimizer.param_groups[0].update(lr=0.02, betas=(0.8, 0.95), weight_decay=0.1)

    def replace_data(self) -> None:
        self.model[3].weight.data = Tensor(np.arange(18, dtype=np.float32).reshape(3, 6) / 9)

    def freeze(self) -> None:
        self.model[0].weight.requires_grad = not self.model[0].weight.requires_grad


ACTIONS: dict[str, Callable[[World], Any]] = {
    "step": World.step,
    "step of the other plan": lambda w: w.step(1),
    "eager step": lambda w: w.eager_step(*next(w.batches)),
    "evaluate": World.evaluate,
    "compiled evaluation": lambda w: w.seen.append(w.plans[1].forward(BATCHES[0][0]).tolist()),
    "look": lambda w: w.seen.append(bits(w.model, w.optimizer)),
    "load": lambda w: w.model.load_state_dict(w.start),
    "load the optimizer": lambda w: w.optimizer.load_state_dict(w.optimizer_start),
    "deepcopy": lambda w: w.seen.append(copy.deepcopy(w.model)[0].bias.tolist()),
    "scale in place": World.scale_in_place,
    "set rate": World.set_rate,
    "replace data": World.replace_data,
    "freeze": World.freeze,
    "seed": lambda w: random.manual_seed(9),
    "dropout alone": lambda w: w.drop(Tensor(np.ones(3))),
    "double and back": lambda w: w.model.double().float(),
    "zero_grad": lambda w: w.optimizer.zero_grad(),
}


def check_story(story: list[str]) -> None:
    results = []
    for compiled in (False, True):
        world = World(compiled)
        for action in story:
            ACTIONS[action](world)
        results.append((world.seen, bits(world.model, world.optimizer)))
    assert results[0] == results[1]


@pytest.mark.parametrize("action", ACTIONS)
def test_between_two_steps(action: str) -> None:
    check_story(["step", action, "step", action, "step", action, action, "step", "step"])


@settings(max_examples=150)
@given(st.lists(st.sampled_from(list(ACTIONS)), min_size=3, max_size=len(BATCHES)))
def test_any_story(story: list[str]) -> None:
    check_story(story)


@pytest.mark.parametrize(
    "model",
    [
        lambda: (lambda d: nn.Sequential(d, nn.Linear(5, 8), d, nn.Linear(8, 3)))(nn.Dropout(0.4)),
        lambda: (lambda d: nn.Sequential(d, nn.Linear(5, 3), copy.deepcopy(d)))(nn.Dropout(0.4)),
    ],
)
def test_a_dropout_module_used_twice(model: Callable[[], nn.Module]) -> None:
    results = []
    for compiled in (False, True):
        random.manual_seed(2)
        network = model()
        optimizer, criterion = optim.SGD(network.parameters(), lr=0.1), nn.CrossEntropyLoss()
        plan = Plan(network, criterion, optimizer)
        for x, y in BATCHES[:4]:
            plan.step(x, y) if compiled else eager_step(network, criterion, optimizer, x, y)
        results.append((bits(network, optimizer), network[0].calls))
    assert results[0] == results[1]


def test_one_layer_in_two_models() -> None:
    """Each step of one model sees the other's last change of what they share."""
    results = []
    for compiled in (False, True):
        random.manual_seed(6)
        shared = nn.Linear(5, 4)
        first, second = nn.Sequential(shared, nn.Linear(4, 3)), nn.Sequential(shared, nn.Tanh(), nn.Linear(4, 3))
        criterion = nn.CrossEntropyLoss()
        optimizers = [optim.Adam(first.parameters()), optim.SGD(second[2].parameters(), lr=0.1)]
        plans = [Plan(model, criterion, o) for model, o in zip((first, second), optimizers, strict=True)]
        for number, (x, y) in enumerate(BATCHES):
            model, optimizer = (first, second)[number % 2], optimizers[number % 2]
            plans[number % 2].step(x, y) if compiled else eager_step(model, criterion, optimizer, x, y)
            shared.zero_grad()
        results.append([bits(first, optimizers[0]), bits(second, optimizers[1])])
    assert results[0] == results[1]


def test_a_failed_step_changes_nothing() -> None:
    world = World(True)
    world.step()
    before = bits(world.model, world.optimizer), world.drop.calls
    x, y = BATCHES[0]
    for wrong_x, wrong_y, text in [
        (x, y + 1, "label 3 at sample"),
        (x[:, :4], y, "weight has 5 inputs"),
        (x, y[:2], "4 samples, labels have 2"),
        (x, x, "labels must be integers"),
        (x[:0], y[:0], "batch is empty"),
    ]:
        with pytest.raises((ValueError, TypeError), match=text):
            world.plans[0].step(wrong_x, wrong_y)
        assert (bits(world.model, world.optimizer), world.drop.calls) == before
        assert world.model.training and not any(parameter.grad for parameter in world.model.parameters())
    world.step()
    assert world.drop.calls == 2


def test_recording_leaves_modes_and_gradients_alone() -> None:
    world = World(True)
    world.drop.eval()
    world.model[0].bias.grad = Tensor(np.ones(6, np.float32))
    world.plans[0].forward(BATCHES[0][0])
    assert world.model.training and not world.drop.training and world.drop.calls == 0
    assert world.model[0].bias.grad.tolist() == [1] * 6


def test_one_plan_in_two_threads_is_refused() -> None:
    """Also reading a parameter while another thread trains; afterwards all is well."""
    model = mlp(800, 800, 800, 3)
    plan = Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()))
    x, y = classes(800, 3, [256])[0]
    plan.step(x, y)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            with suppress(RuntimeError):  # it may be this thread that comes second
                plan.step(x, y)

    thread = threading.Thread(target=work)
    thread.start()
    refused: set[str] = set()
    for _ in range(2000):
        for what, use in {"step": lambda: plan.step(x[:1], y[:1]), "read": model.state_dict}.items():
            try:
                use()
            except RuntimeError as error:
                assert "another thread" in str(error)
                refused.add(what)
        if len(refused) == 2:
            break
    stop.set()
    thread.join()
    assert refused == {"step", "read"}


def test_what_has_no_plan() -> None:
    model = nn.Linear(5, 3)
    base = np.ones((2, 3, 5), np.float32)
    model.weight = nn.Parameter(Tensor(base[0]))
    with pytest.raises(RecordingError, match=r"parameter of shape \(3, 5\) shares its memory"):
        Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters())).step(*BATCHES[0])
    free = Tensor(np.ones(1, np.float32), requires_grad=True)
    plain = nn.Linear(5, 3)
    with pytest.raises(RecordingError, match="no Parameter: make it one"):
        Plan(plain, nn.CrossEntropyLoss(), optim.SGD([*plain.parameters(), free])).step(*BATCHES[0])
    with pytest.raises(RecordingError, match="scalar tensor: a mean or a sum"):
        Plan(plain, nn.CrossEntropyLoss("none"), optim.SGD(plain.parameters())).step(*BATCHES[0])


def test_compile() -> None:
    model = nn.Linear(5, 3)
    x, y = BATCHES[0]
    step = compile(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()))
    assert isinstance(step(Tensor(x), Tensor(y.astype(np.int32))), Tensor)  # tensors, and any integers as labels
    assert compile(model)(x).shape == (4, 3)
    for alone in ({"criterion": nn.MSELoss()}, {"optimizer": optim.SGD(model.parameters())}):
        with pytest.raises(ValueError, match="together"):
            compile(model, **alone)
    with pytest.raises(ValueError, match="training needs a criterion"):
        Plan(model).step(x, y)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("kind", [optim.Adam, optim.SGD, optim.RMSprop])
def test_pickles_and_copies_hold_values_only(kind: type, compiled: bool) -> None:
    """Of a model and its optimizer, after compiled steps and after eager ones: they go on as the originals do."""
    random.manual_seed(2)
    model = nn.Linear(3, 2)
    optimizer = kind(model.parameters(), lr=0.1)
    x, y = np.ones((4, 3), np.float32), np.zeros((4, 2), np.float32)
    step = Plan(model, nn.MSELoss(), optimizer).step if compiled else None
    step(x, y) if step else eager_step(model, nn.MSELoss(), optimizer, x, y)
    again, its_optimizer = pickle.loads(pickle.dumps((model, optimizer)))
    other, others_optimizer = copy.deepcopy((model, optimizer))
    wanted = eager_step(model, nn.MSELoss(), optimizer, x, y)
    for twin, twins_optimizer in ((again, its_optimizer), (other, others_optimizer)):
        assert eager_step(twin, nn.MSELoss(), twins_optimizer, x, y) == wanted
        assert bits(twin, twins_optimizer) == bits(model, optimizer)
    for parameter in (model.weight, nn.Conv2d(3, 4, 2).weight):
        assert copy.copy(parameter).detach().numpy() is parameter.detach().numpy()


def test_nobody_sees_values_that_are_still_on_their_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one thread takes parameters back from a plan, another that reads one waits for all of it."""
    model = mlp(5, 6, 3)
    plan = Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.5))
    plan.step(*BATCHES[0])
    first, *_, last = model.parameters()
    before, on_its_way, seen = last._storage.copy(), threading.Event(), []
    write_back = plan._write_back

    def slow(held: Any) -> None:
        on_its_way.set()
        other.join(0.2)  # which must still wait after that
        write_back(held)

    monkeypatch.setattr(plan, "_write_back", slow)
    other = threading.Thread(target=lambda: (on_its_way.wait(), seen.append(last.detach().numpy().copy())))
    other.start()
    first.detach()
    other.join()
    assert not np.array_equal(before, seen[0])
    np.testing.assert_array_equal(seen[0], last._storage)
