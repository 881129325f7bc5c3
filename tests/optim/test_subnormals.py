"""After an epoch with inputs that have died no average of an optimizer is subnormal: it has become zero."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn import nn, optim, random
from fastnn.data.mnist import MNIST
from fastnn.eager.tensor import Tensor
from fastnn.training.trainer import Trainer
from harness import Real
from models import mlp

DEAD = slice(4, 8)  # the inputs that are zero but for the first batches
BATCH, ALIVE = 4, 20  # rows of a batch; batches

# Kept a step, and the steps after which an average of 1 that is not flushed is subnormal, and stays so.
KEPT = {np.float32: (0.9, 1200), np.float64: (0.6, 1600)}


def optimizers(parameters: list[nn.Parameter], kept: float) -> dict[str, optim.Optimizer]:
    return {
        "Adam": optim.Adam(parameters, betas=(kept, kept)),
        "AdamW": optim.AdamW(parameters, betas=(kept, kept)),
        "SGD": optim.SGD(parameters, momentum=kept),
        "Nesterov": optim.SGD(parameters, momentum=kept, nesterov=True),
        "RMSprop": optim.RMSprop(parameters, alpha=kept, momentum=kept),
    }


def subnormal(array: np.ndarray) -> int:
    """How many elements are."""
    return int(np.sum((array != 0) & (np.abs(array) < np.finfo(array.dtype).tiny)))


def averages(optimizer: optim.Optimizer) -> list[np.ndarray]:
    return [value for state in optimizer.state.values() for value in state.values() if isinstance(value, np.ndarray)]


def test_what_would_be_subnormal(real: Real) -> None:
    """The epoch below is long enough: an average without gradients is subnormal at its end, and no step changes it."""
    kept, steps = KEPT[real.dtype]
    average = np.ones(1, real.dtype)
    for _ in range(steps - ALIVE):
        average *= real.dtype(kept)
    assert subnormal(average) == 1 and average * real.dtype(kept) == average


@pytest.mark.parametrize("engine", ["plan", "eager"])
@pytest.mark.parametrize("name", optimizers([nn.Parameter(Tensor(np.ones(1)))], 0.5))
def test_none_after_an_epoch(real: Real, name: str, engine: str) -> None:
    kept, steps = KEPT[real.dtype]
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((steps * BATCH, 8)).astype(real.dtype), rng.integers(0, 3, steps * BATCH)
    x[ALIVE * BATCH :, DEAD] = 0
    random.manual_seed(0)
    model = mlp(8, 5, 3, between=nn.Tanh)  # units that live on, and their biases
    model = model.double() if real.dtype is np.float64 else model
    optimizer = optimizers(list(model.parameters()), kept)[name]
    Trainer(model, nn.CrossEntropyLoss(), optimizer, engine=engine).fit(
        (x, y), epochs=1, batch_size=BATCH, shuffle=False
    )
    assert sum(map(subnormal, averages(optimizer))) == 0
    for average in optimizer.state[model[0].weight].values():
        if isinstance(average, np.ndarray):
            assert not average[:, DEAD].any() and np.all(average[:, : DEAD.start])


def test_none_after_an_epoch_of_mnist(mnist: Path) -> None:
    """Without the limits some thousand are."""
    data = MNIST(mnist, train=True)
    x, y = data.data.numpy().reshape(-1, 784).astype(np.float32) / 255, data.targets.numpy()
    random.manual_seed(0)
    model = mlp(784, 64, 10)
    optimizer = optim.Adam(model.parameters())
    Trainer(model, nn.CrossEntropyLoss(), optimizer).fit((x, y), epochs=1, batch_size=64)
    assert sum(map(subnormal, averages(optimizer))) == 0
    assert not np.all(optimizer.state[model[0].weight]["exp_avg"])


@pytest.mark.parametrize("name", optimizers([nn.Parameter(Tensor(np.ones(1)))], 0.5))
def test_a_state_that_has_some_is_loaded_as_it_is(name: str, real: Real) -> None:
    """And the next step ends them."""
    parameter = nn.Parameter(Tensor(np.ones(5, real.dtype)))
    optimizer = optimizers([parameter], 0.9)[name]
    parameter.grad = Tensor(np.zeros(5, real.dtype))
    optimizer.step()
    saved: dict[str, Any] = optimizer.state_dict()
    for key in set(saved["state"][0]) - {"step"}:
        saved["state"][0][key] = Tensor(np.full(5, 3 * real.tiny, real.dtype))
    optimizer.load_state_dict(saved)
    assert all(np.all(average == real.dtype(3 * real.tiny)) for average in averages(optimizer))
    optimizer.step()
    assert averages(optimizer) and not any(average.any() for average in averages(optimizer))
