"""Eager code leaves zeros of a single row out of the product once it knows that the weight is finite: the same bits
whatever happens to the weight, and to whoever shares its memory."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import numpy as np
import pytest
from fastnn import _core, autograd, nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.nn import finiteness

INPUTS = 150


def layer(outputs: int = 96, dtype: type = np.float32) -> nn.Linear:
    random.manual_seed(4)
    return nn.Linear(INPUTS, outputs).to(dtype)


def row(dtype: type = np.float32) -> Tensor:
    """Mostly zeros, as of an image."""
    rng = np.random.default_rng(5)
    return Tensor((rng.random((1, INPUTS)) * (rng.random((1, INPUTS)) > 0.8)).astype(dtype))


def expected(linear: nn.Linear, x: Tensor) -> np.ndarray:
    """The first of two rows: that kernel leaves nothing out."""
    bias = None if linear.bias is None else linear.bias._data
    return _core.dense_forward(np.repeat(x._data, 2, axis=0), linear.weight._data, bias)[:1]


def check(linear: nn.Linear, x: Tensor, times: int = 4) -> list[bool]:
    """Whether the weight was known to be finite in each of some calls, all with the right bits."""
    wanted, known = expected(linear, x), []
    for _ in range(times):
        with autograd.no_grad():
            np.testing.assert_array_equal(linear(x).numpy().view(np.uint8), wanted.view(np.uint8))
        known.append(linear.weight._values.state == finiteness.FINITE)
    return known


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("outputs", [1, 7, 16, 96, 97, 130, 256])
def test_same_bits(isa: str, threads: int, outputs: int, dtype: type) -> None:
    assert check(layer(outputs, dtype), row(dtype)) == [False, True, True, True]


def test_the_kernel_reads_only_what_it_must() -> None:
    """It does leave rows of the weight out: with infinity there, which `finite` denies, the result stays finite."""
    x, memory = row()._data, np.ones((INPUTS, 40), np.float32)
    memory[x[0] == 0] = np.inf
    with np.errstate(invalid="ignore"):
        assert np.isnan(_core.dense_forward(x, memory.T)).all()
        assert np.isfinite(_core.dense_forward(x, memory.T, None, False, None, True)).all()


def break_in_place(linear: nn.Linear) -> None:
    with autograd.no_grad():
        linear.weight[3, 0] = float("inf")


def break_by_data(linear: nn.Linear) -> None:
    linear.weight.data[3, 0] = float("nan")


def break_by_numpy(linear: nn.Linear) -> None:
    linear.weight.detach().numpy()[3] = np.inf


def break_by_state(linear: nn.Linear) -> None:
    linear.load_state_dict({"weight": np.full((96, INPUTS), np.inf, np.float32)}, strict=False)


def break_by_step(linear: nn.Linear) -> None:
    linear.weight.grad = Tensor(np.full((96, INPUTS), np.inf, np.float32))
    optim.SGD(linear.parameters(), lr=1.0).step()


def break_by_assignment(linear: nn.Linear) -> None:
    linear.weight = nn.Parameter(np.full((96, INPUTS), np.nan, np.float32))


CHANGES: list[Callable[[nn.Linear], None]] = [
    break_in_place, break_by_data, break_by_numpy, break_by_state, break_by_step, break_by_assignment,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_seen(change: Callable[[nn.Linear], None]) -> None:
    linear, x = layer(), row()
    x._data[0, 0] = 0
    assert check(linear, x)[-1]
    with np.errstate(invalid="ignore"):
        change(linear)
        with autograd.no_grad():
            results = [linear(x).numpy() for _ in range(4)]
        assert all(np.isnan(result).any() for result in results)


@pytest.mark.parametrize(
    "share",
    [
        lambda weight: weight.detach(),
        lambda weight: weight.data.numpy(),
        lambda weight: weight.data.numpy()[:2],
        lambda weight: weight.data[:2].T,
        lambda weight: memoryview(weight.data.numpy()),
    ],
    ids=["tensor", "array", "part", "part of a tensor", "buffer"],
)
def test_memory_that_somebody_else_holds_is_never_trusted(share: Callable[[nn.Parameter], object]) -> None:
    """A change through it would not be seen."""
    linear, x = layer(), row()
    other = share(linear.weight)
    assert check(linear, x) == [False] * 4
    del other
    linear.weight.numel()
    assert check(linear, x) == [False, True, True, True]


def test_weak_references_are_references() -> None:
    linear, x = layer(), row()
    other = weakref.ref(linear.weight.detach().numpy())
    assert check(linear, x) == [False] * 4
    assert other() is not None


def test_memory_of_others_is_never_trusted() -> None:
    linear, x = layer(), row()
    memory = bytearray(96 * INPUTS * 4)
    linear.weight.data = Tensor(np.frombuffer(memory, np.float32).reshape(INPUTS, 96).T)
    assert check(linear, x) == [False] * 4


def test_outputs_on_the_tape_hold_no_weight() -> None:
    """A script that tests image after image without no_grad() keeps the last output, and with it the tape."""
    linear, x = layer(), row()
    known = []
    for _ in range(4):
        output = linear(x)  # while the one before is still there
        known.append(linear.weight._values.state == finiteness.FINITE)
    assert known == [False, True, True, True]
    x.requires_grad_()
    linear(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), _core.dense_grad_x(np.ones((1, 96), np.float32), linear.weight._data))
    assert output.requires_grad


def test_training_never_looks() -> None:
    """A step changes the weight after one product: looking would cost as much as it gains."""
    linear, x = layer(), row()
    optimizer = optim.SGD(linear.parameters(), lr=0.1)
    for _ in range(3):
        loss = linear(x).sum()
        assert linear.weight._values.state == finiteness.READ
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
