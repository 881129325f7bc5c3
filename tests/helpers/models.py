"""Models and training steps that the tests of plans, training and processes share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from fastnn import nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan

Batch = tuple[np.ndarray, np.ndarray]


def mlp(*sizes: int, between: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers with activations between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), between()]
    return nn.Sequential(*layers[:-1])


class Counting(nn.Module):
    """A layer, and state that training changes: how often it was called, and the mean of its inputs so far."""

    def __init__(self, replaces: bool = False) -> None:
        super().__init__()
        self.layer, self.replaces = nn.Linear(3, 2), replaces
        self.register_buffer("calls", Tensor(np.zeros((), np.float32)))
        self.register_buffer("mean", Tensor(np.zeros(3, np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.calls += 1.0
            mean = self.mean * 0.75 + x.mean(0) * 0.25
            if self.replaces:
                self.mean = mean
            else:
                self.mean[...] = mean
        return self.layer(x - self.mean)


def classes(width: int, count: int, sizes: list[int], dtype: type = np.float32) -> list[Batch]:
    """Batches of these sizes: x (N, width), with zeros as in images, and labels below count."""
    rng = np.random.default_rng(width)
    batches = []
    for size in sizes:
        x = rng.standard_normal((size, width)) * (rng.random((size, width)) > 0.4)
        batches.append((x.astype(dtype), rng.integers(0, count, size)))
    return batches


def eager_step(
    model: nn.Module, criterion: Any, optimizer: optim.Optimizer, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """The five steps of a tutorial; the loss as an array."""
    loss = criterion(model(Tensor(x)), Tensor(y))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach().numpy()


def bits(model: nn.Module, optimizer: optim.Optimizer) -> dict[str, Any]:
    """Every parameter and every value of the optimizer's state, as bytes in logical order."""
    found: dict[str, Any] = {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            found[f"{names[id(parameter)]} {key}"] = value.tobytes() if isinstance(value, np.ndarray) else value
    return found


def train(
    build: Callable[[], tuple[nn.Module, Any, optim.Optimizer]], batches: list[Batch], compiled: bool
) -> tuple[list[bytes], dict[str, Any]]:
    """The losses and final bits of a model trained from seed 1, by a plan or by eager code."""
    random.manual_seed(1)
    model, criterion, optimizer = build()
    plan = Plan(model, criterion, optimizer)
    losses = []
    for x, y in batches:
        loss = plan.step(x, y).numpy() if compiled else eager_step(model, criterion, optimizer, x, y)
        losses.append(loss.tobytes())
    return losses, bits(model, optimizer)


def trained(steps: int, compiled: bool, seed: int = 1) -> str:
    """The hash of a digit network after some steps of parallel work."""
    random.manual_seed(seed)
    model = nn.Sequential(mlp(784, 128, 32), nn.Dropout(0.1), nn.Linear(32, 10))
    optimizer, criterion = optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    plan, (x, y) = Plan(model, criterion, optimizer), classes(784, 10, [64])[0]
    for _ in range(steps):
        plan.step(x, y) if compiled else eager_step(model, criterion, optimizer, x, y)
    return hashlib.sha256(repr(bits(model, optimizer)).encode()).hexdigest()
