"""Who owns what in a step: features of wide layers, samples of the others; whoever does it, the bits are the same."""

from __future__ import annotations

import os
import time
from itertools import pairwise

import numpy as np
import pytest
from fastnn import _core, nn, optim, random
from fastnn.engine.plan import Plan
from fastnn.training.engines import Pass, PlanEngine
from fastnn.training.feed import Feed
from harness import configured
from models import bits, eager_step, mlp

CLASSES = 5


def phases(sizes: tuple[int, ...], rows: int, threads: int) -> list[list[str]]:
    """Of a step of these layers with batches of so many rows."""
    with configured(_core.isa(), threads):
        model = mlp(*sizes)
        plan = Plan(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
        x, y = np.zeros((rows, sizes[0]), np.float32), np.zeros(rows, np.int64)
        return plan.core.phases(plan.train_program(x, y).number)


def wide(panels: int) -> int:
    return panels * _core.panel_width()


def test_features_of_a_wide_layer_are_owned(isa: str) -> None:
    """Each thread gathers the whole batch and has some outputs for itself, up to their update. The last layer goes by
    rows, its update by its inputs, which are those outputs."""
    outputs = max(wide(16), 64)  # of 32, as 16 of the narrowest panels have, the gradients would not be packed
    first, second, third = phases((700, outputs, CLASSES), 64, 2)
    assert first == ["everywhere", "gather", "features", "dense_forward"]
    assert second == ["rows", "gather", "dense_forward", "cross_entropy"]
    chain = ["dense_grad_x", "relu_backward", "pack", "dense_update", "bias_update", "dense_update"]
    assert third == ["features", *chain, "group", "loss", "bias_update"]


def test_deep_layers_have_a_phase_each() -> None:
    """The gradient of a layer's input needs all features of the layer above, and the weight as it was."""
    outputs = max(wide(8), 64)  # of 16, as 8 of the narrowest panels have, the weights would not be worth owning
    listed = phases((700, outputs, max(wide(4), 32), CLASSES), 16, 2)
    kinds = [[name for name in phase if name in ("everywhere", "features", "rows", "group")] for phase in listed]
    assert kinds[0] == ["everywhere", "features"] and kinds[1] == ["features"] and kinds[2] == ["rows"]
    updates = [phase.count("dense_update") for phase in listed]
    assert updates == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "sizes, rows, threads",
    [
        ((16, 256, CLASSES), 64, 2),  # the weight is smaller than what else would travel
        ((700, wide(1), CLASSES), 64, 2),  # one thread would have nothing
        ((700, wide(9), CLASSES), 64, 8),  # or a panel, where another has two
    ],
)
def test_samples_are_owned_where_that_is_less(sizes: tuple[int, ...], rows: int, threads: int) -> None:
    with configured(_core.isa(), threads):
        first = phases(sizes, rows, threads)[0]
    assert first[0] == "rows" and "features" not in first


@pytest.mark.parametrize("sizes", [(150, 128, CLASSES), (150, 256, 96, CLASSES), (90, 77, 64, 33, CLASSES)])
@pytest.mark.parametrize("between", [nn.ReLU, nn.Tanh])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bits_as_eager(
    isa: str, threads: int, sizes: tuple[int, ...], between: type[nn.Module], dtype: type
) -> None:
    models, optimizers = [], []
    for _ in range(2):
        random.manual_seed(1)
        layers = [nn.Dropout(0.25)]
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), between(), nn.Dropout(0.25)]
        model = nn.Sequential(*layers[1:-2])
        models.append(model.double() if dtype == np.float64 else model)
        optimizers.append(optim.Adam(model.parameters(), lr=0.01))
    engine = PlanEngine(models[0], nn.CrossEntropyLoss(), optimizers[0])
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((96, sizes[0])) * (rng.random(sizes[0]) > 0.4)).astype(dtype)
    y, order = rng.integers(0, CLASSES, 96), rng.permutation(96)
    for rows in (32, 7, 64):  # batches of resident data, the last one smaller
        list(engine.epoch(Pass(Feed(x, y), order, rows)))
        for first in range(0, 96, rows):
            some = order[first : first + rows]
            eager_step(models[1], nn.CrossEntropyLoss(), optimizers[1], x[some], y[some])
    engine.plan.step(x[:32], y[:32])  # and one that is handed over
    eager_step(models[1], nn.CrossEntropyLoss(), optimizers[1], x[:32], y[:32])
    assert bits(models[0], optimizers[0]) == bits(models[1], optimizers[1])


class Run:
    """Some epochs of ten steps by so many threads."""

    def __init__(self, threads: int, epochs: int) -> None:
        rng = np.random.default_rng(0)
        x, y = rng.standard_normal((640, 784)).astype(np.float32), rng.integers(0, CLASSES, 640)
        random.manual_seed(0)
        model = mlp(784, 256, CLASSES)
        engine = PlanEngine(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
        with configured("", threads):
            list(engine.epoch(Pass(Feed(x, y), np.arange(640), 64)))
            before, wall, cpu = _core.team_counters(), time.perf_counter(), time.process_time()
            for _ in range(epochs):
                list(engine.epoch(Pass(Feed(x, y), np.arange(640), 64)))
            self.processors = (time.process_time() - cpu) / (time.perf_counter() - wall)  # at work, on average
            done, helped = (after - first for first, after in zip(before, _core.team_counters(), strict=True))
        self.tasks, self.helped = done, helped
        self.parameters = b"".join(each.detach().numpy().tobytes() for each in model.parameters())


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads cannot be kept to one processor here")
@pytest.mark.skipif(_core.available_cpus() < 2, reason="needs two processors")
def test_same_bits_where_threads_are_late() -> None:
    """Two and three threads on one processor: all but one are late and helped, unless another process makes the team
    smaller for a while.
    """
    alone = Run(1, 5)
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    try:
        late = [[Run(threads, 5) for _ in range(8)] for threads in (2, 3)]
    finally:
        os.sched_setaffinity(0, cpus)
    assert {run.parameters for runs in late for run in runs} == {alone.parameters}
    assert all(any(run.helped > 0 for run in runs) for runs in late)


@pytest.mark.slow
@pytest.mark.skipif(_core.available_cpus() < 2, reason="needs two processors")
def test_tasks_stay_with_their_owners() -> None:
    """Under 2 % are done by another thread, while nothing else keeps the processors."""
    undisturbed = [run for run in (Run(2, 2) for _ in range(100)) if run.processors > 1.97]
    if not undisturbed:
        pytest.skip("the processors were never free for two threads at once")
    assert all(run.tasks > 200 for run in undisturbed)
    assert min(run.helped / run.tasks for run in undisturbed) < 0.02
