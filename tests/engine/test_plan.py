"""Compiled plans give the bits of eager code: many models, every optimizer, precision, ISA, number of threads
and batch size."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import image_models
import numpy as np
import pytest
from fastnn import _core, nn, optim
from fastnn.eager import ops
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from fastnn.nn import functional as F
from harness import configured
from models import Batch, Counting, bits, classes, eager_step, mlp, train

SIZES = [24, 24, 1, 7, 24, 3, 7]
WIDTH, CLASSES = 40, 10


class Odd(nn.Module):
    """Uses every op that has a compiled form, on views of all kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, 48)
        self.scale = nn.Parameter(Tensor(np.linspace(0.5, 1.5, 48, dtype=np.float32)))
        self.mix = nn.Parameter(Tensor(np.sin(np.arange(48 * CLASSES, dtype=np.float32)).reshape(48, CLASSES)))
        self.drop = nn.Dropout(0.2)
        self.register_buffer("offset", Tensor(np.float32([0.25])))

    def forward(self, x: Tensor) -> Tensor:
        h = self.drop(F.leaky_relu(self.layer(x), -0.3).tanh() * self.scale + self.offset)
        h = h.clamp(-1.5, 1.25) + F.gelu(h) * F.silu(h) - F.gelu(h, "tanh") / (F.softplus(h) - F.elu(h, 0.7) + 2)
        h = h - h.mean(1, keepdim=True) / (1 + (h * h).sum(1, keepdim=True))
        peaks = h.view(-1, 6, 8).max(2).values.exp().sum(1, keepdim=True).log()
        middle = (h[:, 4:20:2].sigmoid() ** 1.5).sum((0, 1)) + h[:, [1, 3, 3]].softmax(1)[:, 0].mean()
        attention = h.view(-1, 6, 8) @ h.view(-1, 6, 8).transpose(1, 2)
        return (h @ self.mix).log_softmax(1) + peaks - middle + attention.max(1).values.sum(1, keepdim=True).relu()


class Tied(nn.Module):
    """One layer used twice, its weight also as a plain matrix; a frozen and an unused parameter, a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, CLASSES, bias=False)
        self.frozen = nn.Parameter(Tensor(np.float32([2.0])), requires_grad=False)
        self.unused = nn.Parameter(Tensor(np.float32([2.0])))
        self.register_buffer("shift", Tensor(np.float32(0.125)))

    def forward(self, x: Tensor) -> Tensor:
        h = self.layer(self.layer(x).relu()).relu()
        h = h @ self.layer.weight + h @ self.layer.weight.t() / self.frozen + self.shift
        return self.out(h) + (self.out.weight * self.out.weight).sum() + self.layer.weight[1:3].sum()


class Images(nn.Module):
    """A view of x, a layer on three dimensions, a loss of one logit a sample."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.out = nn.Linear(8, 6), nn.Linear(30, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rows(x.view(-1, 5, 8)).relu().permute(0, 2, 1).flatten(1))


def one_hot_mse(logits: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(logits.sigmoid(), y)


def bce_sum(logits: Tensor, y: Tensor) -> Tensor:
    return nn.BCEWithLogitsLoss("sum")(logits, y) * 0.01 + (logits * logits).mean()


Criterion = Callable[[Tensor, Tensor], Tensor]
MODELS: dict[str, tuple[Callable[[], nn.Module], Criterion]] = {
    "digits": (lambda: mlp(WIDTH, 256, CLASSES), nn.CrossEntropyLoss()),
    "deep": (lambda: mlp(WIDTH, 16, 17, 15, CLASSES), one_hot_mse),
    "narrow": (lambda: mlp(WIDTH, 3, CLASSES, between=nn.Sigmoid), bce_sum),
    "linear": (lambda: nn.Linear(WIDTH, CLASSES), nn.CrossEntropyLoss("sum")),
    "dropout": (
        lambda: nn.Sequential(nn.Dropout(0.3), mlp(WIDTH, 33, CLASSES), nn.Dropout(0.1)),
        nn.CrossEntropyLoss(),
    ),
    "odd": (Odd, nn.CrossEntropyLoss()),
    "tied": (Tied, nn.CrossEntropyLoss()),
    "images": (Images, nn.CrossEntropyLoss()),
}
OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.05, weight_decay=0.01),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.1),
    "nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.8, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01, betas=(0.8, 0.9)),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, weight_decay=0.1),
    "rmsprop momentum": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5),
    "groups": lambda p: (lambda all: optim.Adam([{"params": all[::2]}, {"params": all[1::2], "lr": 0.1}]))(list(p)),
}


def batches(name: str, dtype: type) -> list[Batch]:
    drawn = classes(WIDTH, CLASSES, SIZES, dtype)
    if MODELS[name][1] in (one_hot_mse, bce_sum):
        return [(x, np.eye(CLASSES, dtype=dtype)[y]) for x, y in drawn]
    return drawn


def run(name: str, optimizer: str, dtype: type, compiled: bool) -> tuple[list[bytes], dict[str, Any]]:
    def build() -> tuple[nn.Module, Any, optim.Optimizer]:
        model = MODELS[name][0]().to(dtype)
        return model, MODELS[name][1], OPTIMIZERS[optimizer](model.parameters())

    return train(build, batches(name, dtype), compiled)


@cache
def expected(name: str, optimizer: str, dtype: type) -> tuple[list[bytes], dict[str, Any]]:
    with configured("", 1):
        return run(name, optimizer, dtype, compiled=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MODELS)
def test_plan_equals_eager(isa: str, threads: int, name: str, dtype: type) -> None:
    """Losses, parameters and optimizer state; so all ISAs and numbers of threads equal each other, too."""
    assert run(name, "adam", dtype, compiled=True) == expected(name, "adam", dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MODELS)
def test_eager_code_is_the_same_everywhere(isa: str, name: str, dtype: type) -> None:
    with configured(isa, 3):
        assert run(name, "adam", dtype, compiled=False) == expected(name, "adam", dtype)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["digits", "tied"])
def test_every_optimizer(threads: int, name: str, optimizer: str) -> None:
    assert run(name, optimizer, np.float32, compiled=True) == expected(name, optimizer, np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_batches(isa: str, threads: int, dtype: type) -> None:
    """Weight gradients in blocks of samples (16 KB of a panel: 128 to 1,024 rows), of rows and of panels: whole blocks,
    a row more, a row less; and a layer of more columns than a task has."""
    data = classes(110, CLASSES, [1024, 1025, 2047, 300], dtype)

    def build() -> tuple[nn.Module, Any, optim.Optimizer]:
        model = mlp(110, 270, 20, CLASSES).to(dtype)
        return model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    assert train(build, data, True) == train(build, data, False)


class Rows(nn.Module):
    """Layers that see four rows of a sample each: more rows than the batch has."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 40), nn.Linear(40, 7)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x.reshape(-1, 8)).relu()).reshape(-1, 28)


@pytest.mark.parametrize("samples", [20, 150, 600])
def test_more_rows_than_the_batch_has(threads: int, samples: int) -> None:
    rng = np.random.default_rng(2)
    data = [(rng.random((samples, 32), np.float32), rng.random((samples, 28), np.float32)) for _ in range(3)]

    def build() -> tuple[nn.Module, Any, optim.Optimizer]:
        model = Rows()
        return model, nn.MSELoss(), optim.Adam(model.parameters())

    assert train(build, data, True) == train(build, data, False)


def test_large_batches_end_their_sums_like_small_ones() -> None:
    """Sums that underflow to -0 become 0 at their end, once: momentum shows the gradient's sign."""
    x, y = np.full((1100, 4), 1e-30, np.float32), np.full((1100, 3), 1e-30, np.float32)

    def build() -> tuple[nn.Module, Any, optim.Optimizer]:
        model = nn.Linear(4, 3)
        for parameter in model.parameters():
            nn.init.zeros_(parameter)
        return model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    losses, planned = train(build, [(x, y)], True)
    assert (losses, planned) == train(build, [(x, y)], False)
    assert planned["weight momentum_buffer"] == bytes(48)


def test_models_cover_every_compiled_op() -> None:
    seen: set[str] = set()
    for build, criterion in MODELS.values():
        model = build()
        plan = Plan(model, criterion, optim.Adam(model.parameters()))
        name = next(name for name, (_, known) in MODELS.items() if known is criterion)
        plan.step(*batches(name, np.float32)[0])
        seen.update(plan.core.instructions(0))
    for name, (make, _) in image_models.MODELS.items():
        network = make()
        for plan in (Plan(network, nn.CrossEntropyLoss(), optim.SGD(network.parameters(), lr=0.1)), Plan(network)):
            x, y = image_models.images(name, [4])[0]
            plan.forward(x) if plan.optimizer is None else plan.step(x, y)
            seen.update(plan.core.instructions(0))
    counting = Counting()
    gathered = Plan(counting, nn.MSELoss(), optim.SGD(counting.parameters(), lr=0.1), arena=True)
    gathered.step(np.ones((4, 3), np.float32), np.ones((4, 2), np.float32))
    seen.update(gathered.core.instructions(0))
    assert set(_core.instruction_names()) - seen == set()
    assert {"update", "dense_update", "dropout", "unpack"} <= seen


def test_the_executor_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once recorded, a step runs no primitive of eager code."""
    model = Odd()
    plan, calls = Plan(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters())), []
    data = classes(WIDTH, CLASSES, [5] * 4)
    plan.step(*data[0])
    for name in ops.PRIMITIVES:
        original = getattr(ops, name)
        monkeypatch.setattr(ops, name, lambda *a, _f=original, _n=name: (calls.append(_n), _f(*a))[1])
    for x, y in data[1:]:
        plan.step(x, y)
    assert plan.core.steps_run == 4 and calls == []
    eager_step(model, nn.CrossEntropyLoss(), plan.optimizer, *data[0])
    assert {"dense_forward", "dense_grad_weight", "cross_entropy"} <= set(calls)


@pytest.mark.parametrize("inputs", [np.float32([[0.0, -0.0, 2.0]]), np.float32([[np.inf, 0, np.nan]])])
@pytest.mark.parametrize("weight", [np.nan, np.inf, 1e-42, -0.0])
def test_special_values(inputs: np.ndarray, weight: float) -> None:
    """Zero inputs beside infinite weights, NaN, subnormals: as eager has them."""
    results = []
    for compiled in (False, True):
        model = mlp(3, 4, 2)
        for parameter in model.parameters():
            parameter.data = Tensor(np.full(parameter.shape, weight, np.float32))
        optimizer = optim.SGD(model.parameters(), lr=1.0)
        step = Plan(model, nn.MSELoss(), optimizer).step if compiled else None
        for _ in range(3):
            y = np.float32([[1, 2]])
            step(inputs, y) if step else eager_step(model, nn.MSELoss(), optimizer, inputs, y)
        results.append([parameter.detach().numpy() for parameter in model.parameters()])
    for plain, planned in zip(*results, strict=True):
        np.testing.assert_array_equal(planned, plain)
        assert np.array_equal(np.signbit(planned[planned == 0]), np.signbit(plain[plain == 0]))


def test_evaluation(isa: str, threads: int) -> None:
    model = nn.Sequential(mlp(WIDTH, 64, CLASSES), nn.Dropout(0.5), nn.Softmax(1))
    plan = Plan(model)
    for x, _ in classes(WIDTH, CLASSES, SIZES):
        model.eval()
        wanted = model(Tensor(x)).detach().numpy()
        model.train()
        assert plan.forward(x).numpy().tobytes() == wanted.tobytes()
    assert model.training and plan.core.steps_run == len(SIZES)


def test_rows_do_not_see_each_other() -> None:
    """A sample's output is the same bits alone, in a batch, and anywhere in it."""
    plan = Plan(mlp(WIDTH, 70, CLASSES))
    x = classes(WIDTH, CLASSES, [33])[0][0]
    together = plan.forward(x).numpy()
    assert plan.forward(x[::-1].copy()).numpy()[::-1].tobytes() == together.tobytes()
    assert np.concatenate([plan.forward(row[None]).numpy() for row in x]).tobytes() == together.tobytes()


@pytest.mark.parametrize("seconds", [0.0, 60.0])  # one step a call; all of them in one
def test_source_runs_are_steps(seconds: float) -> None:
    """Plan.run over resident bytes, stopped anywhere and gone on, equals eager steps on normalised batches."""
    rng = np.random.default_rng(2)
    images, labels = rng.integers(0, 256, (50, 1, 5, 8), np.uint8), rng.integers(0, CLASSES, 50)
    order, mean, std = rng.permutation(50), np.array([0.1307]), np.array([0.3081])
    scaled = ((images / 255.0).astype(np.float32) - mean.astype(np.float32)) / std.astype(np.float32)
    results = []
    for compiled in (False, True):
        model = nn.Sequential(nn.Flatten(), mlp(WIDTH, 30, CLASSES))
        model.load_state_dict({name: np.full(t.shape, 0.01) for name, t in model.state_dict().items()})
        optimizer, losses = optim.SGD(model.parameters(), lr=0.1), np.zeros(6, np.float32)
        if compiled:
            plan = Plan(model, nn.CrossEntropyLoss(), optimizer)
            program = plan.train_program(scaled[:8], labels[:8])
            source, done = _core.Source(images, labels, order, mean, std), 0
            while done < 6:
                done += plan.run(program, source, done, 6 - done, seconds=seconds, losses=losses)
        else:
            for step in range(6):
                rows = order[8 * step : 8 * step + 8]
                losses[step] = eager_step(model, nn.CrossEntropyLoss(), optimizer, scaled[rows], labels[rows])
        results.append((losses.tobytes(), bits(model, optimizer)))
    assert results[0] == results[1]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_call_ends_when_its_time_is_over(threads: int) -> None:
    """After the first step where there is no time at all, so that an interrupt waits for no more than that."""
    x, y = classes(WIDTH, CLASSES, [8])[0]
    source = _core.Source(x, y, np.tile(np.arange(8), 1000))
    model = mlp(WIDTH, 256, CLASSES)
    with configured("", threads):
        plan = Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
        program = plan.train_program(x, y)
        assert plan.run(program, source, 0, 1000, seconds=0.0) == 1
        assert plan.run(program, source, 1, 999, seconds=60.0) == 999


def test_notes_in_parameter_groups_are_the_users_own() -> None:
    """Arrays too; what the optimizer knows is seen when it changes."""
    model = nn.Sequential(nn.Linear(3, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    step = Plan(model, nn.MSELoss(), optimizer).step
    x, y = np.ones((4, 3), np.float32), np.zeros((4, 2), np.float32)
    for note in (np.zeros(3), np.ones(3)):
        optimizer.param_groups[0]["note"] = note
        before = step(x, y).item()
    optimizer.param_groups[0]["lr"] = 0.1
    step(x, y)
    assert step(x, y).item() < before
