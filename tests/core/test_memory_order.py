"""Memory in any order: what has no gaps is walked as it lies, in whatever order of its dimensions, same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations

import numpy as np
import pytest
from fastnn import _core, nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from harness import check_same_bits, configured

SHAPES = ((3, 4, 5), (2, 3, 4, 5), (2, 3, 1, 4, 2))
ORDERS = [(shape, order) for shape in SHAPES for order in list(permutations(range(len(shape))))[:: len(shape) - 2]]
each_order = pytest.mark.parametrize(("shape", "order"), ORDERS, ids=str)


def laid_out(array: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """The same values, the dimensions from the outermost in memory to the innermost as in order."""
    turned = np.ascontiguousarray(array.transpose(order))
    return turned.transpose(np.argsort(order))


def values(shape: tuple[int, ...], start: int = 0) -> np.ndarray:
    return np.cos(np.arange(np.prod(shape), dtype=np.float32) * 0.7 + start).reshape(shape)


def strides(array: np.ndarray) -> tuple[int, ...]:
    """Those that mean something."""
    return tuple(step for step, extent in zip(array.strides, array.shape, strict=True) if extent > 1)


UNARY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": _core.relu,
    "sigmoid": _core.sigmoid,
    "tanh": _core.tanh,
    "exp": _core.exp,
    "log": lambda x: _core.log(_core.exp(x)),
    "pow": lambda x: _core.pow(x, 3.0),
}


@each_order
@pytest.mark.parametrize("name", UNARY)
def test_elementwise(name: str, shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    x = values(shape)
    laid = laid_out(x, order)
    with configured("", 2):
        found = UNARY[name](laid)
    check_same_bits(found, UNARY[name](x))
    assert strides(found) == strides(laid)


BACKWARD = ("relu", "sigmoid", "tanh")


@each_order
@pytest.mark.parametrize("name", BACKWARD)
def test_backward_takes_operands_in_any_order(name: str, shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    """The result lies as what was saved, as its neighbours do; a gradient of another order is brought to that once."""
    op = getattr(_core, f"{name}_backward")
    grad, saved = values(shape), values(shape, 5)
    for other in (grad, laid_out(grad, order), laid_out(grad, order[::-1])):
        found = op(other, laid_out(saved, order))
        check_same_bits(found, op(grad, saved))
        assert strides(found) == strides(laid_out(saved, order))


@each_order
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide"])
def test_arithmetic(name: str, shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    """With an operand of the same order, of another, a channel each (repeated), and a number."""
    op = getattr(_core, name)
    a, b = laid_out(values(shape), order), values(shape, 3) + 2
    channels = values((1, shape[1], *(1,) * (len(shape) - 2)), 1) + 2
    for other in (laid_out(b, order), b, channels, 0.5):
        plain = np.ascontiguousarray(other) if isinstance(other, np.ndarray) else other
        found = op(a, other)
        check_same_bits(found, op(np.ascontiguousarray(a), plain))
        assert strides(found) == strides(a)
        check_same_bits(op(other, a), op(plain, np.ascontiguousarray(a)))


@each_order
def test_dropout_draws_for_the_element_not_for_its_place(shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    x = values(shape)
    wanted = _core.dropout(x, 0.5, 3, 4, 5)
    with configured("", 3):
        found = _core.dropout(laid_out(x, order), 0.5, 3, 4, 5)
    for mine, theirs in zip(found, wanted, strict=True):
        check_same_bits(mine, theirs)
        assert strides(mine) == strides(laid_out(x, order))
    assert 0 < np.count_nonzero(wanted[1]) < x.size


@each_order
def test_copies_and_assignments(shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    x, target = laid_out(values(shape), order), laid_out(np.zeros(shape, np.float32), order[::-1])
    assert _core.copy(x).flags.c_contiguous
    check_same_bits(_core.copy(x), values(shape))
    assert _core.assign(target, x) is target
    check_same_bits(target, values(shape))
    assert strides(target) == strides(laid_out(x, order[::-1]))


@each_order
def test_updates(shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    def updated(order: tuple[int, ...]) -> list[np.ndarray]:
        arrays = [laid_out(values(shape, i) ** 2, order) for i in range(4)]
        settings = _core.AdamSettings()
        settings.set_step(1)
        _core.adam(*arrays, settings)
        return arrays

    for found, wanted in zip(updated(order), updated(tuple(range(len(shape)))), strict=True):
        check_same_bits(found, wanted)


def test_memory_that_overlaps_is_not_dense() -> None:
    """Two dimensions of stride 1 reach as far as a dense array of that size, and are none."""
    twice = np.lib.stride_tricks.as_strided(np.zeros(8, np.float32), (2, 2, 2), (4, 4, 20))
    settings = _core.SgdSettings()
    settings.set_step(1)
    with pytest.raises(ValueError, match="without gaps"):
        _core.sgd(twice, twice, None, settings)


class Images(nn.Module):
    """Elementwise layers on channels-last images, as a convolution would leave them."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.25)
        self.scale = nn.Parameter(np.full((1, 3, 1, 1), 0.5, np.float32))

    def forward(self, x: Tensor) -> Tensor:
        h = (x.permute(0, 3, 1, 2) * self.scale).tanh()
        return self.dropout(h.relu() + h.sigmoid())


def losses(compiled: bool) -> Iterator[bytes]:
    random.manual_seed(0)
    model = Images()
    optimizer, criterion = optim.SGD(model.parameters(), lr=0.1), nn.MSELoss()
    plan = Plan(model, criterion, optimizer)
    y = np.zeros((2, 3, 4, 5), np.float32)
    for number in range(3):
        x = values((2, 4, 5, 3), number)
        if compiled:
            yield plan.step(x, y).numpy().tobytes()
            continue
        loss = criterion(model(Tensor(x)), Tensor(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.detach().numpy().tobytes()
    if compiled:
        names = plan.core.instructions(0)
        # In C order, as they are read: the loss's input, the gradient of the scale, the output. The loss's gradient is
        # in that order, and is turned for both branches.
        assert names.count("copy") == 5, names
        assert names.index("tanh") < names.index("dropout") < names.index("copy")


def test_a_plan_copies_nothing_that_is_dense() -> None:
    assert list(losses(True)) == list(losses(False))
