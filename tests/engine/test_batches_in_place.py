"""A batch whose rows follow each other in the data is read where it lies: nothing is copied, and no bits change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastnn import _core, nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from fastnn.engine.program import Program
from fastnn.training.engines import PlanEngine
from fastnn.training.feed import Feed
from models import bits, mlp

ROWS, BATCH, STEPS, CLASSES = 84, 12, 6, 5


class Twice(nn.Module):
    """Reads its input in two places, once not in a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.last = nn.Linear(40, 40), nn.Linear(40, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.last((self.layer(x) + x).relu())


class InTime(nn.Module):
    """A layer of each of four times, so of more rows than the batch has."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.last = nn.Linear(10, 6), nn.Linear(24, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.layer(x.reshape(-1, 4, 10)).relu().flatten(1))


# Whether the batch may lie elsewhere than in its view.
MODELS: dict[str, tuple[Callable[[], nn.Module], int, bool]] = {
    "dense": (lambda: mlp(40, 30, CLASSES), 40, True),
    "wide, with zeros": (lambda: mlp(700, 16 * _core.panel_width(), CLASSES), 700, True),
    "narrow, with zeros": (lambda: mlp(8, 4 * _core.panel_width(), CLASSES), 8, True),  # its samples are owned
    "one layer": (lambda: nn.Linear(40, CLASSES), 40, True),
    "in time": (InTime, 40, True),
    "an activation first": (lambda: nn.Sequential(nn.Tanh(), mlp(40, 30, CLASSES)), 40, False),
    "twice": (Twice, 40, False),
}
# Steps whose rows follow each other.
ORDERS: dict[str, Callable[[], np.ndarray]] = {
    "in order": lambda: np.arange(ROWS),
    "shifted": lambda: np.roll(np.arange(ROWS), 5),
    "the last two swapped": lambda: np.r_[np.arange(STEPS * BATCH - 2), STEPS * BATCH - 1, STEPS * BATCH - 2],
    "shuffled": lambda: np.random.default_rng(0).permutation(ROWS),
}


def run(
    kind: str, order: np.ndarray, scatter: bool, dtype: type, seconds: float = 60.0
) -> tuple[Any, Plan, Program, np.ndarray]:
    """What training and an evaluation give; scatter: the same batches, of data that lie otherwise."""
    build, width, _ = MODELS[kind]
    random.manual_seed(3)
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((ROWS, width)) * (rng.random((ROWS, width)) > 0.6)).astype(dtype)
    x[:, : width // 3] = 0
    y = rng.integers(0, CLASSES, ROWS)
    if scatter:
        x, y, order = x[::-1].copy(), y[::-1].copy(), ROWS - 1 - order
    model = build().to(dtype)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    plan, source = Plan(model, nn.CrossEntropyLoss(), optimizer), _core.Source(x, y, order.astype(np.int64))
    program = plan.train_program(x[:BATCH], y[:BATCH])
    losses, outputs = np.zeros(STEPS, dtype), np.zeros((STEPS * BATCH, CLASSES), dtype)
    done = 0
    while done < STEPS:
        done += plan.run(program, source, done, STEPS - done, seconds=seconds, losses=losses, outputs=outputs)
    tested = plan.eval_program(x[:BATCH])
    scores = np.zeros_like(outputs)
    plan.run(tested, source, 0, STEPS, outputs=scores)
    return (losses.tobytes(), outputs.tobytes(), scores.tobytes(), bits(model, optimizer)), plan, tested, x


@pytest.mark.parametrize("seconds", [0.0, 60.0])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", MODELS)
def test_no_bits_change(kind: str, order: str, seconds: float, threads: int) -> None:
    rows = ORDERS[order]()
    assert run(kind, rows, False, np.float32, seconds)[0] == run(kind, rows, True, np.float32)[0]


@pytest.mark.parametrize("kind", MODELS)
def test_in_float64(kind: str, isa: str) -> None:
    rows = np.arange(ROWS)
    assert run(kind, rows, False, np.float64)[0] == run(kind, rows, True, np.float64)[0]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", MODELS)
def test_what_is_copied(kind: str, order: str, threads: int) -> None:
    """Into the view that the batch has in the plan: the last one, or nothing of any."""
    rows = ORDERS[order]()
    _, plan, program, x = run(kind, rows, False, np.float32)
    view = np.full((BATCH, x.shape[1]), 7, np.float32)
    plan._executor.write(program.input, view)
    source = _core.Source(x, None, rows.astype(np.int64))
    plan.run(program, source, STEPS - 1, 1)
    plan._executor.read(program.input, view)
    last = rows[(STEPS - 1) * BATCH : STEPS * BATCH]
    in_place = MODELS[kind][2] and bool((np.diff(last) == 1).all())
    assert np.array_equal(view, np.full_like(view, 7) if in_place else x[last])


def test_bytes_are_copied() -> None:
    """They become numbers on the way."""
    plan, x = Plan(mlp(40, 30, CLASSES)), np.arange(ROWS * 40, dtype=np.uint8).reshape(ROWS, 40)
    scaled = x / np.float32(255)
    program = plan.eval_program(scaled[:BATCH])
    out = np.zeros((BATCH, CLASSES), np.float32)
    plan.run(program, _core.Source(x, None, np.arange(ROWS)), 0, 1, outputs=out)
    assert np.array_equal(out, plan.forward(scaled[:BATCH]).numpy())


@pytest.mark.parametrize("first", [-1, ROWS - BATCH + 1, 2**62, -(2**62)])
def test_rows_outside_are_refused(first: int) -> None:
    """Also where they follow each other."""
    plan, x = Plan(mlp(40, 30, CLASSES)), np.ones((ROWS, 40), np.float32)
    program = plan.eval_program(x[:BATCH])
    order = np.r_[np.arange(BATCH), first + np.arange(BATCH)]
    with pytest.raises(ValueError, match=rf"index -?\d+ at place \d+ is outside 0\.\.{ROWS - 1}"):
        plan.run(program, _core.Source(x, None, order), 0, 2)


@pytest.mark.parametrize("rows", [1, 7, 1000, 2500])
@pytest.mark.parametrize(
    "model",
    [nn.Flatten(), nn.Sequential(), nn.Sequential(nn.Dropout(0.5), nn.Flatten())],
    ids=["flatten", "nothing", "dropout"],
)
def test_outputs_that_are_the_inputs(model: nn.Module, rows: int) -> None:
    """Or views of them: they are there too."""
    x = np.arange(rows * 6, dtype=np.float32).reshape(rows, 2, 3)
    out = PlanEngine(model).outputs(Feed.of_inputs(x))
    np.testing.assert_array_equal(out.reshape(rows, 6), x.reshape(rows, 6))
