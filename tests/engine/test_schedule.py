"""Phases: what a plan's instructions become, and that two that depend on each other stay in their order."""

from __future__ import annotations

import multiprocessing
import time

import numpy as np
import pytest
from fastnn import _core, nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from fastnn.training.engines import Pass, PlanEngine
from fastnn.training.feed import Feed
from harness import configured
from models import mlp

ROWS = 6


class Views:
    """A plan with one program and views of its own buffers."""

    def __init__(self) -> None:
        self.core = _core.Plan()
        self.core.program()

    def view(self, *shape: int, buffer: int | None = None, offset: int = 0, stride: list[int] | None = None) -> int:
        size = int(np.prod(shape)) + offset
        place = self.core.buffer(4 * max(size, 4096)) if buffer is None else buffer
        strides = stride or [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
        return self.core.view(place, offset, list(shape), strides, "float32")

    def phases(self, batch: int) -> list[list[str]]:
        self.core.set_io(0, batch, -1, -1, -1)
        return self.core.phases(0)


def test_a_step_of_dense_layers_is_two_phases() -> None:
    model = mlp(5, 4, 7, 3)
    plan = Plan(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    plan.step(np.zeros((ROWS, 5), np.float32), np.zeros(ROWS, np.int64))
    chain, group = plan.core.phases(0)
    forward = ["gather", "gather", "dense_forward", "dense_forward", "dense_forward", "cross_entropy"]
    assert chain == ["rows", *forward, "dense_grad_x", "relu_backward", "dense_grad_x", "relu_backward"]
    assert group == ["group", "loss", *["dense_update", "bias_update"] * 3]


def test_rows_that_lie_alike_need_no_barrier() -> None:
    views = Views()
    x, y, z = (views.view(ROWS, 4) for _ in range(3))
    views.core.emit(0, "relu", [x], [y], {})
    views.core.emit(0, "exp", [y], [z], {})
    assert views.phases(x) == [["rows", "gather", "relu", "exp"]]


@pytest.mark.parametrize("offset, stride", [(4, [4, 1]), (0, [1, ROWS]), (0, [0, 1])])
def test_rows_that_lie_otherwise_need_one(offset: int, stride: list[int]) -> None:
    """The second reads what the first writes, by other rows of the same memory."""
    views = Views()
    x, z = views.view(ROWS, 4), views.view(ROWS, 4)
    buffer = views.core.buffer(4096)
    y = views.view(ROWS, 4, buffer=buffer)
    other = views.view(ROWS, 4, buffer=buffer, offset=offset, stride=stride)
    views.core.emit(0, "relu", [x], [y], {})
    views.core.emit(0, "add", [other, other], [z], {})
    assert views.phases(x) == [["rows", "gather", "relu"], ["rows", "add"]]


def test_rows_that_overlap_are_not_apart() -> None:
    """Each row of the reader ends with the first element of the next row, which another thread may still write."""
    views = Views()
    buffer = views.core.buffer(4096)
    x, z = views.view(ROWS, 3), views.view(ROWS, 4)
    views.core.emit(0, "relu", [x], [views.view(ROWS, 3, buffer=buffer)], {})
    overlapping = views.view(ROWS, 4, buffer=buffer, stride=[3, 1])
    views.core.emit(0, "add", [overlapping, overlapping], [z], {})
    assert views.phases(x) == [["rows", "gather", "relu"], ["rows", "add"]]


def test_reading_before_writing_stays_before() -> None:
    views = Views()
    buffer = views.core.buffer(4096)
    x, y = views.view(ROWS, 4), views.view(ROWS, 4)
    row = views.view(ROWS, 4, buffer=buffer, stride=[0, 1])
    views.core.emit(0, "add", [x, row], [y], {})
    views.core.emit(0, "relu", [x], [views.view(ROWS, 4, buffer=buffer)], {})
    assert views.phases(x) == [["rows", "gather", "add"], ["rows", "relu"]]


def test_other_numbers_of_rows_are_no_part_of_a_chain() -> None:
    views = Views()
    x, y = views.view(ROWS, 4), views.view(ROWS + 1, 4)
    views.core.emit(0, "relu", [views.view(ROWS + 1, 4)], [y], {})
    views.core.emit(0, "exp", [x], [views.view(ROWS, 4)], {})
    assert views.phases(x) == [["rows", "gather", "exp"], ["group", "relu"]]


def test_what_does_not_depend_shares_a_phase() -> None:
    views = Views()
    buffer = views.core.buffer(4096)
    x, y, z = views.view(ROWS, 4, buffer=buffer), views.view(1, 4), views.view(ROWS, 1)
    views.core.emit(0, "sum", [views.view(1, ROWS, 4, buffer=buffer)], [y], {"scale": 1.0})
    views.core.emit(0, "sum", [views.view(ROWS, 4, 1, buffer=buffer)], [z], {"scale": 1.0})
    views.core.emit(0, "exp", [z], [views.view(ROWS, 1)], {})
    assert views.phases(x) == [["rows", "gather"], ["group", "sum", "sum"], ["rows", "exp"]]


@pytest.mark.parametrize("arena", [False, True])
def test_a_transpose_follows_its_weight(arena: bool) -> None:
    """However the weight changes: by the step, by another program, from Python; or with the layer below frozen, or the
    layer itself. (In an arena an update does not know what is made of the weight.)"""
    rng = np.random.default_rng(0)
    x, y = rng.random((ROWS, 5), dtype=np.float32), rng.integers(0, 3, ROWS)

    def run(compiled: bool) -> bytes:
        model = mlp(5, 4, 3)
        for i, parameter in enumerate(model.parameters()):
            parameter.data = Tensor(np.cos(np.arange(parameter.numel(), dtype=np.float32) + i).reshape(parameter.shape))
        optimizer, criterion = optim.SGD(model.parameters(), lr=0.5), nn.CrossEntropyLoss()
        plan = Plan(model, criterion, optimizer, arena=arena)

        def step(count: int) -> None:
            if compiled:
                plan.step(x[:count], y[:count])
                return
            optimizer.zero_grad()
            criterion(model(Tensor(x[:count])), Tensor(y[:count])).backward()
            optimizer.step()

        first, last = model[0], model[2]
        for frozen in (True, False, True, False):
            for layer, fixed in ((first, frozen), (last, arena and not frozen)):
                for parameter in layer.parameters():
                    parameter.requires_grad = not fixed
            step(ROWS)
            step(ROWS - 1)
            step(ROWS)
            last.weight.data = Tensor(last.weight.detach().numpy() * np.float32(0.5))
            step(ROWS)
        return b"".join(parameter.detach().numpy().tobytes() for parameter in model.parameters())

    assert run(compiled=True) == run(compiled=False)


def spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


@pytest.mark.slow
@pytest.mark.skipif(_core.available_cpus() < 2, reason="needs two processors")
@pytest.mark.parametrize("steps_a_call", [100, 1])
def test_a_busy_neighbour_costs_a_factor(steps_a_call: int) -> None:
    """As many spinning processes as leave one processor: an epoch takes a few times as long, not a hundred; in one call
    or in one for each step."""
    rng = np.random.default_rng(0)
    x, y = rng.random((6400, 784), dtype=np.float32), rng.integers(0, 10, 6400)
    with configured("", 2):
        model = mlp(784, 256, 10)
        engine = PlanEngine(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))

        def seconds() -> float:
            start = time.perf_counter()
            list(engine.epoch(Pass(Feed(x, y), np.arange(6400), 64, limit=lambda step: step + steps_a_call)))
            return time.perf_counter() - start

        seconds()
        alone = min(seconds() for _ in range(10))
        neighbours = [multiprocessing.Process(target=spin, args=(60,)) for _ in range(_core.available_cpus() - 1)]
        for process in neighbours:
            process.start()
        try:
            beside = sorted(seconds() for _ in range(20))[10]
        finally:
            for process in neighbours:
                process.kill()
                process.join()
    assert beside < 4 * alone, (alone, beside)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("wrong", [48, -1])
def test_rows_that_are_not_there_change_nothing(threads: int, wrong: int) -> None:
    """Found when their batch is gathered: the steps before it count, its own does not."""
    rng = np.random.default_rng(0)
    feed = Feed(rng.random((48, 5), dtype=np.float32), rng.integers(0, 3, 48))
    order = np.arange(48)
    order[2 * 8 + 7] = wrong
    weights = []
    for rows in (order, np.arange(16)):
        random.manual_seed(2)
        model = mlp(5, 64, 3)
        engine = PlanEngine(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
        with configured("", threads):
            try:
                for _ in engine.epoch(Pass(feed, rows, 8, limit=lambda step: 6)):
                    pass
            except ValueError as error:
                assert f"index {wrong} at place" in str(error)
        weights.append(model[0].weight.detach().numpy().copy())
    assert np.array_equal(*weights)


class Centred(nn.Module):
    """Scores that take several phases; a parameter that has nothing to do with the samples."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.free = nn.Linear(5, 3), nn.Parameter(Tensor(np.ones(4, np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        h = self.layer(x)
        for _ in range(3):
            h = h - h.mean(0)
        return h


@pytest.mark.parametrize("threads", [1, 2])
def test_a_wrong_label_changes_nothing(threads: int) -> None:
    """Not even what could be updated before the loss is known."""
    model, criterion = Centred(), nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    plan = Plan(model, lambda out, y: criterion(out, y) + model.free.sum(), optimizer)
    x, y = np.random.default_rng(0).random((ROWS, 5), dtype=np.float32), np.arange(ROWS) % 3
    with configured("", threads):
        plan.step(x, y)
        before = [parameter.detach().numpy().copy() for parameter in model.parameters()]
        y[3] = 9
        with pytest.raises(ValueError, match="label 9 at sample 3"):
            plan.step(x, y)
    assert all(map(np.array_equal, before, (parameter.detach().numpy() for parameter in model.parameters())))
    assert (before[0] == np.float32(0.9)).all()


@pytest.mark.parametrize(
    "sizes, rows, least, most",
    [((1, 3, 1), 8, 1, 1), ((784, 10), 64, 2, 16), ((784, 256, 10), 64, 8, 48), ((784, 512, 512, 10), 4096, 48, 64)],
)
def test_threads_are_chosen_by_the_work(sizes: tuple[int, ...], rows: int, least: int, most: int) -> None:
    """Of 64: one for a tiny network, not all for a batch of 64, all for much work; and never more than there are."""
    model = mlp(*sizes)
    plan = Plan(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    number = plan.train_program(np.zeros((rows, sizes[0]), np.float32), np.zeros(rows, np.int64)).number
    with configured("", 64):
        chosen = plan.core.best_threads(number)
        seconds = [plan.core.step_seconds(number, threads) for threads in range(1, 65)]
    slower = 2 if _core.isa() == "scalar" else 1  # more of the work is worth a thread
    assert least <= chosen <= most * slower
    assert seconds[chosen - 1] <= 1.1 * min(seconds)
    for threads in (1, 2, 3):
        with configured("", threads):
            assert plan.core.best_threads(number) <= threads
    with pytest.raises(ValueError, match="a step by 0 threads"):
        plan.core.step_seconds(number, 0)


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_blocks_of_rows_count_pixels_and_bytes(threads: int) -> None:
    """A sample of an image is as many rows of a register tile as it has pixels: it may make a block of its own. What a
    block writes stays in a cache, but for the batches of dense layers, whose blocks are at most 64 rows."""
    blocks = _core.plan_row_blocks
    assert blocks(0, 1, 0, threads) == 0
    for rows in (1, 8, 64, 1000, 6000):
        for pixels in (1, 4, 64, 900):
            for row_bytes in (0, 4000, 100_000, 10**9):
                count = blocks(rows, pixels, row_bytes, threads)
                assert 1 <= count <= rows
                block = -(-rows // count)  # whole samples, few enough for a cache
                assert block <= 64 and (block <= max(1, 64 // pixels) or block * row_bytes <= 256 << 10)
                assert count >= min(rows, threads)  # each thread gets one
    assert blocks(64, 900, 10**6, threads) == 64 and blocks(64, 4, 10**6, 1) == 4
    assert blocks(64, 900, 100_000, 1) == 32
    with pytest.raises(ValueError, match="no blocks of 4 rows of 0 pixels for 2 threads"):
        blocks(4, 0, 0, 2)
