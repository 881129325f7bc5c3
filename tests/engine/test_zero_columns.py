"""Inputs that are zero are left out of products, and nothing changes: a plan, which leaves them out, against eager
code, which does not. Bit for bit, also where a zero meets infinity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fastnn import nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from models import bits, eager_step

ROWS, INPUTS, OUTPUTS, CLASSES = 40, 150, 96, 10


def images(rows: int = ROWS, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    """Rows with zeros here and there, and columns that are zero in all of them: single ones, short and long runs."""
    rng = np.random.default_rng(seed)
    x = rng.random((rows, INPUTS)) * (rng.random((rows, INPUTS)) > 0.6)
    for first, last in ((0, 30), (40, 41), (50, 53), (60, 64), (70, 90), (140, INPUTS)):
        x[:, first:last] = 0
    return x.astype(dtype)


class Pair:
    """The same network twice, from the same weights: one to compile, one for eager code."""

    def __init__(
        self, optimizer: type = optim.Adam, dtype: str = "float32", arena: bool = False, **options: Any
    ) -> None:
        self.models, self.optimizers = [], []
        for _ in range(2):
            random.manual_seed(3)
            model = nn.Sequential(nn.Linear(INPUTS, OUTPUTS), nn.ReLU(), nn.Linear(OUTPUTS, CLASSES))
            self.models.append(model.double() if dtype == "float64" else model)
            self.optimizers.append(optimizer(self.models[-1].parameters(), **{"lr": 0.01, **options}))
        self.plan = Plan(self.models[0], nn.CrossEntropyLoss(), self.optimizers[0], arena=arena)
        self.labels = np.random.default_rng(1).integers(0, CLASSES, 1000)

    def weight(self) -> np.ndarray:
        """The first layer's, as the plan has it."""
        return self.models[0][0].weight.detach().numpy()

    def change(self, name: str, values: Any, place: Any = ...) -> None:
        """Puts values into a parameter of both."""
        for model in self.models:
            state = {key: tensor.numpy().copy() for key, tensor in model.state_dict().items()}
            state[name][place] = values
            model.load_state_dict({key: Tensor(array) for key, array in state.items()})

    def step(self, x: np.ndarray) -> None:
        """One step of both; the same loss."""
        y = self.labels[: len(x)]
        loss = self.plan.step(x, y).numpy()
        np.testing.assert_array_equal(loss, eager_step(self.models[1], nn.CrossEntropyLoss(), self.optimizers[1], x, y))

    def check(self) -> None:
        """The same parameters and states, bit for bit but for the payloads of NaN."""
        with np.errstate(invalid="ignore"):
            plan, eager = (bits(*pair) for pair in zip(self.models, self.optimizers, strict=True))
        assert plan.keys() == eager.keys()
        for name, value in plan.items():
            if value != eager[name]:
                dtype = self.weight().dtype
                a, b = (np.frombuffer(each, dtype) for each in (value, eager[name]))
                same = (a.view(f"u{dtype.itemsize}") == b.view(f"u{dtype.itemsize}")) | (np.isnan(a) & np.isnan(b))
                assert same.all(), f"{name}: {np.flatnonzero(~same)[:5]}, {a[~same][:5]} and {b[~same][:5]}"

    def left_out(self) -> tuple[int, int]:
        return self.plan.core.zeros_left_out(0)


@pytest.mark.parametrize("optimizer", [optim.Adam, optim.SGD, optim.RMSprop])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits(isa: str, threads: int, optimizer: type, dtype: str) -> None:
    pair = Pair(optimizer, dtype)
    for seed in range(4):
        pair.step(images(seed=seed, dtype=np.dtype(dtype).type))
    pair.check()
    forward, gradients = pair.left_out()
    assert forward >= 4 * ROWS * 60
    assert gradients > 0


@pytest.mark.parametrize("rows", [1, 2, 7, 63, 200, 1000])
def test_batches_of_any_size(rows: int) -> None:
    pair = Pair()
    for seed in range(2):
        pair.step(images(rows, seed))
    pair.check()
    assert pair.left_out()[0] > 0


def test_negative_zeros_are_zeros_and_tiny_numbers_are_not() -> None:
    pair = Pair()
    x = images()
    x[:, :30] = -0.0
    x[::2, 75] = -0.0
    x[3, 145] = 1e-45
    x[4, 146] = -1e-45
    pair.step(x)
    pair.check()
    forward, _ = pair.left_out()
    assert 0 < forward <= ROWS * (INPUTS - 2)


def test_sums_that_underflow_to_negative_zero() -> None:
    """Their sign is lost when a zero is added to them, and when 0.0 is added at the end."""
    pair = Pair()
    pair.change("0.weight", np.where(np.arange(OUTPUTS)[:, None] % 2, -1e-30, 1e-30))
    pair.change("0.bias", 0)
    x = images() * np.float32(1e-30)
    pair.step(x)
    pair.check()
    assert pair.left_out()[0] > 0


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("column", [5, 80, 100])
def test_weights_that_are_not_finite(value: float, column: int) -> None:
    """Zero times infinity is NaN: nothing may be left out, from the first step on or after a while."""
    pair = Pair()
    pair.step(images())
    before = pair.left_out()
    pair.change("0.weight", value, (7, column))
    for seed in range(2):
        pair.step(images(seed=seed))
    pair.check()
    assert pair.left_out()[0] == before[0] > 0


@pytest.mark.parametrize("arena", [False, True])
def test_weights_that_become_infinite_in_training(arena: bool) -> None:
    """Whether the update sees it itself or the weight has to be looked at again."""
    pair = Pair(optim.SGD, arena=arena, lr=3e38)
    for seed in range(4):
        pair.step(images(seed=seed))
    pair.check()
    assert not np.isfinite(pair.weight()).all()
    reached = pair.left_out()
    pair.step(images())
    assert pair.left_out() == reached


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_gradients_that_are_not_finite(value: float) -> None:
    """An output weight is infinite: the gradients of the finite first layer are NaN, also where its inputs are zero."""
    pair = Pair(optim.SGD)
    pair.change("2.weight", value, (2, 5))
    pair.step(images())
    pair.check()
    forward, gradients = pair.left_out()
    assert forward > 0
    assert np.isnan(pair.weight()[:, 0]).any()
    assert gradients == 0  # of all panels some gradient is NaN or infinite


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_inputs_that_are_not_finite_are_no_zeros(value: float) -> None:
    pair = Pair(optim.SGD)
    x = images()
    x[3, 75] = value
    pair.step(x)
    pair.check()


def test_dense_inputs_cost_a_look_now_and_then() -> None:
    """Nothing is left out, and zeros are found again some steps after they come back."""
    pair = Pair()
    dense = np.random.default_rng(0).random((ROWS, INPUTS), dtype=np.float32) + 1
    for _ in range(3):
        pair.step(dense)
    assert pair.left_out() == (0, 0)
    for seed in range(40):
        pair.step(images(seed=seed))
    pair.check()
    assert pair.left_out()[0] > 20 * ROWS * 60


def test_evaluation_leaves_zeros_out() -> None:
    pair = Pair()
    x = images(300)
    plan = pair.plan.forward(x).numpy()
    np.testing.assert_array_equal(plan, pair.models[1](Tensor(x)).detach().numpy())
    assert pair.left_out()[0] > 300 * 60
    pair.step(images())
    np.testing.assert_array_equal(pair.plan.forward(x).numpy(), pair.models[1](Tensor(x)).detach().numpy())


class TwoViews(nn.Module):
    """Two layers on columns of one input that begin at the same place: the first half, and every other one."""

    def __init__(self) -> None:
        super().__init__()
        self.half, self.every_other, self.out = (nn.Linear(INPUTS // 2, OUTPUTS), nn.Linear(INPUTS // 2, OUTPUTS),
                                                 nn.Linear(OUTPUTS, CLASSES))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.out((self.half(x[:, : INPUTS // 2]) + self.every_other(x[:, ::2])).relu())


def test_views_of_the_same_memory(isa: str, threads: int) -> None:
    """The zeros of one are not those of the other."""
    x, y = images(64), np.arange(64) % CLASSES
    x[:, : INPUTS // 3] = 0
    weights = []
    for compiled in (True, False):
        random.manual_seed(5)
        model = TwoViews()
        optimizer = optim.Adam(model.parameters())
        plan = Plan(model, nn.CrossEntropyLoss(), optimizer)
        for _ in range(3):
            plan.step(x, y) if compiled else eager_step(model, nn.CrossEntropyLoss(), optimizer, x, y)
        weights.append(bits(model, optimizer))
    assert weights[0] == weights[1]


def test_a_step_that_failed_leaves_no_zeros_behind() -> None:
    """A wrong label ends a step after its zeros were found; the next one looks for none, as a weight is infinite."""
    pair = Pair(optim.SGD)
    pair.step(images())
    wrong = pair.labels[:ROWS].copy()
    wrong[-1] = CLASSES
    with pytest.raises(ValueError, match="label 10"):
        pair.plan.step(images(seed=1), wrong)
    pair.change("0.weight", -np.inf, (0, ...))
    dense = np.random.default_rng(0).random((ROWS, INPUTS), dtype=np.float32) + 1
    pair.step(dense)
    pair.check()
