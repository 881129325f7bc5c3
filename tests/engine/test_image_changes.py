"""Networks of images that somebody changes between steps: plans go on with the bits of eager code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import nn, optim, random
from fastnn.engine.plan import Plan
from fastnn.nn import init
from models import eager_step

RNG = np.random.default_rng(9)
WEIGHT = RNG.standard_normal((4, 2, 3, 3)).astype(np.float32)
BATCHES = [(RNG.standard_normal((n, 2, 8, 8)).astype(np.float32), RNG.integers(0, 3, n)) for n in (6, 6, 6, 4, 6, 6)]

Change = Callable[[nn.Sequential, optim.Optimizer], Any]


def network() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(6, 3)),
    )


def without_grad(change: Callable[[nn.Sequential], Any]) -> Change:
    def changed(model: nn.Sequential, optimizer: optim.Optimizer) -> None:
        with fastnn.no_grad():
            change(model)

    return changed


def fresh() -> fastnn.Tensor:
    return fastnn.tensor(WEIGHT)


def loaded(model: nn.Sequential, optimizer: optim.Optimizer) -> None:
    model.load_state_dict({**model.state_dict(), "0.weight": fresh(), "1.running_var": fastnn.full((4,), 2.0)})


def trained_by_hand(model: nn.Sequential, optimizer: optim.Optimizer) -> None:
    """A step of eager code in between, of gradients that are added up and clipped."""
    optimizer.zero_grad()
    for x, y in BATCHES[:2]:
        nn.CrossEntropyLoss()(model(fastnn.tensor(x)), fastnn.tensor(y)).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    optimizer.step()
    optimizer.zero_grad()


def evaluated(model: nn.Sequential, optimizer: optim.Optimizer) -> None:
    model.eval()
    with fastnn.no_grad():
        model(fastnn.tensor(BATCHES[0][0]))
    model.train()


CHANGES: dict[str, Change] = {
    "data, in PyTorch's order": lambda m, o: setattr(m[0].weight, "data", fresh()),
    "data, the axes turned": lambda m, o: setattr(m[0].weight, "data", m[0].weight.data.transpose(2, 3)),
    "data.copy_": lambda m, o: m[0].weight.data.copy_(fresh()),
    "data.mul_": lambda m, o: m[0].weight.data.mul_(0.5),
    "data[...]": lambda m, o: m[0].weight.data[1].zero_(),
    "data.view": lambda m, o: m[4].weight.data.view(-1)[:7].fill_(0.5),
    "NumPy": lambda m, o: np.copyto(m[0].weight.detach().numpy(), WEIGHT),
    "no_grad": without_grad(lambda m: m[0].weight.sub_(m[0].weight * 0.1)),
    "init": lambda m, o: (init.constant_(m[0].weight, 0.1), init.kaiming_normal_(m[4].weight)),
    "another parameter": lambda m, o: setattr(m[0], "weight", nn.Parameter(fresh())),
    "loaded": loaded,
    "double and float": lambda m, o: m.double().float(),
    "frozen first layer": lambda m, o: m[0].requires_grad_(False),
    "frozen weight": lambda m, o: m[0].weight.requires_grad_(False),
    "frozen bias": lambda m, o: m[9].bias.requires_grad_(False),
    "frozen middle": lambda m, o: m[4].requires_grad_(False),
    "frozen norm": lambda m, o: m[1].requires_grad_(False),
    "frozen but for the head": lambda m, o: [layer.requires_grad_(False) for layer in list(m)[:-1]],
    "evaluated": evaluated,
    "a forward in training": without_grad(lambda m: m(fastnn.tensor(BATCHES[0][0]))),
    "running values": lambda m, o: (m[1].running_mean.fill_(0.5), m[1].running_var.mul_(2)),
    "running values by NumPy": lambda m, o: m[1].running_var.numpy().fill(3),
    "other running values": lambda m, o: setattr(m[1], "running_mean", fastnn.ones(4)),
    "running values anew": lambda m, o: (m[1].reset_running_stats(), m[5].reset_parameters()),
    "running values not tracked": lambda m, o: setattr(m[1], "track_running_stats", False),
    "no running values": lambda m, o: [setattr(m[1], name, None) for name in ("running_mean", "running_var")],
    "momentum": lambda m, o: setattr(m[1], "momentum", 0.5),
    "eps": lambda m, o: setattr(m[1], "eps", 0.1),
    "stride": lambda m, o: (setattr(m[0], "stride", (2, 2)), m.__setitem__(3, nn.MaxPool2d(1))),
    "padding": lambda m, o: (setattr(m[0], "padding", (0, 0)), setattr(m[3], "padding", 1)),
    "no bias": lambda m, o: setattr(m[0], "bias", None),
    "another layer": lambda m, o: m.__setitem__(2, nn.Tanh()),
    "rate": lambda m, o: o.param_groups[0].update(lr=0.2),
    "a step by hand": trained_by_hand,
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_changes_between_steps(name: str) -> None:
    """After the third step; all state, and an evaluation. Without the change the bits are others."""
    ends = []
    for compiled, change in ((True, CHANGES[name]), (False, CHANGES[name]), (False, None)):
        random.manual_seed(1)
        model, criterion = network(), nn.CrossEntropyLoss()
        optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        plan = Plan(model, criterion, optimizer)
        for step, (x, y) in enumerate(BATCHES):
            if step == 3 and change is not None:
                change(model, optimizer)
            plan.step(x, y) if compiled else eager_step(model, criterion, optimizer, x, y)
        x = BATCHES[0][0]
        output = plan.forward(x) if compiled else model.eval()(fastnn.tensor(x))
        state = {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}
        ends.append((state, output.detach().numpy().tobytes()))
    assert ends[0] == ends[1]
    assert (ends[1] == ends[2]) == (name in ("evaluated", "double and float"))
