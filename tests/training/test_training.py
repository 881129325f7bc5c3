"""Training in float64 beside plain NumPy and torch, and the same bits in every run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fastnn import nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from fastnn.nn import functional as F
from fastnn.reference.network import Network as Reference
from harness import configured
from models import Batch, bits, classes, eager_step, mlp, train

SIZES, STEPS = (36, 24, 10), 100
BATCHES = classes(SIZES[0], SIZES[-1], [32] * STEPS, np.float64)
engine = pytest.mark.parametrize("compiled", [False, True], ids=["eager", "plan"])


@engine
@pytest.mark.parametrize("sizes", [SIZES, (36, 20, 15, 12, 10)], ids=["one hidden layer", "three"])
def test_hundred_steps_of_the_reference(sizes: tuple[int, ...], compiled: bool) -> None:
    """Both start with the same bits: the reference draws its parameters from the same stream."""
    random.manual_seed(5)
    model = mlp(*sizes).double()
    optimizer, reference = optim.Adam(model.parameters()), Reference(sizes, seed=5, dtype=np.float64)
    for parameter, start in zip(model.parameters(), reference.parameters, strict=True):
        np.testing.assert_array_equal(parameter.detach().numpy(), start)
    plan, criterion = Plan(model, nn.CrossEntropyLoss(), optimizer), nn.CrossEntropyLoss()
    for x, y in BATCHES:
        loss = plan.step(x, y).item() if compiled else eager_step(model, criterion, optimizer, x, y).item()
        assert loss == pytest.approx(reference.step(x, y), rel=1e-9)
    for parameter, expected in zip(model.parameters(), reference.parameters, strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), expected, rtol=1e-9, atol=1e-12)


def torch_twin(lib: Any, functional: Any, name: str, optimizer: str, options: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The same model, criterion and optimizer out of fastnn or torch."""
    layers = [lib.nn.Linear(36, 24), lib.nn.Sigmoid() if name == "mse" else lib.nn.ReLU(), lib.nn.Linear(24, 10)]
    model = lib.nn.Sequential(*layers).double()
    criterion = (lambda out, y: functional.mse_loss(out.sigmoid(), y)) if name == "mse" else lib.nn.CrossEntropyLoss()
    return model, criterion, getattr(lib.optim, optimizer)(model.parameters(), **options)


@pytest.mark.parametrize(
    "name, optimizer, options",
    [
        ("classes", "Adam", {}),
        ("classes", "AdamW", {"lr": 0.01}),
        ("classes", "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("mse", "SGD", {"lr": 0.5}),
        ("mse", "RMSprop", {"lr": 0.001, "momentum": 0.5}),
    ],
)
def test_torch(name: str, optimizer: str, options: dict[str, Any]) -> None:
    """The first step to 1e-12, a hundred to 1e-9. In a plan: its bits are eager's (test_plan)."""
    torch = pytest.importorskip("torch")
    import fastnn

    random.manual_seed(2)
    ours, criterion, own = torch_twin(fastnn, F, name, optimizer, options)
    theirs, other_criterion, other = torch_twin(torch, torch.nn.functional, name, optimizer, options)
    theirs.load_state_dict({key: torch.from_numpy(value.numpy().copy()) for key, value in ours.state_dict().items()})
    plan = Plan(ours, criterion, own)
    for step, (x, labels) in enumerate(BATCHES):
        y = np.eye(10)[labels] if name == "mse" else labels
        loss = plan.step(x, y).item()
        other.zero_grad()
        wanted = other_criterion(theirs(torch.from_numpy(x)), torch.from_numpy(y))
        wanted.backward()
        other.step()
        tolerance = 1e-12 if step == 0 else 1e-9
        assert loss == pytest.approx(wanted.item(), rel=tolerance)
        if step in (0, STEPS - 1):
            for (_, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
                np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance)


def build() -> tuple[nn.Module, Any, optim.Optimizer]:
    model = nn.Sequential(mlp(784, 64, 33), nn.Dropout(0.2), nn.Linear(33, 10))
    return model, nn.CrossEntropyLoss(), optim.Adam(model.parameters())


def digits(steps: int) -> list[Batch]:
    return classes(784, 10, [64] * steps + [17])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 16])
def test_every_run_has_the_same_bits(count: int) -> None:
    """Losses, parameters and optimizer state over runs, threads and engines."""
    with configured("", 1):
        expected = train(build, digits(3), compiled=False)
    with configured("", count):
        for compiled in (True, False, True):
            assert train(build, digits(3), compiled) == expected


def test_another_seed_or_order_has_other_bits() -> None:
    """The comparison above can fail."""
    batches = digits(2)
    plain = train(build, batches, compiled=True)
    assert train(build, [batches[1], batches[0], batches[2]], compiled=True)[1] != plain[1]
    random.manual_seed(2)
    model, _, optimizer = build()
    assert bits(model, optimizer)["2.weight"] != plain[1]["2.weight"]


BLOCKED = ["matmul", "dot", "sum", "mean", "exp", "log", "einsum", "max", "argmax", "tanh", "power", "prod", "inner"]


@engine
def test_numpy_only_moves_data(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's own sums and products differ from CPU to CPU: a training step must not use one."""
    model, criterion, optimizer = build()
    plan = Plan(model, criterion, optimizer)
    x, y = digits(0)[0]

    def step() -> None:
        plan.step(x, y) if compiled else eager_step(model, criterion, optimizer, x, y)
        (model(Tensor(x)).softmax(1).max(1).values.mean() ** 2).exp().log().item()

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("NumPy computed")

    for name in BLOCKED:
        monkeypatch.setattr(np, name, refuse)
    step()
    with pytest.raises(AssertionError, match="NumPy computed"):
        np.sum(x)
