"""Profiles: parts of a step with their times, and the table made of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fastnn import nn, optim
from fastnn.engine.profile import Part, Profile
from fastnn.training.engines import PlanEngine
from harness import configured
from models import mlp


@pytest.mark.parametrize("threads", [1, 2])
def test_the_parts_of_a_step(threads: int) -> None:
    model = mlp(40, 96, 10)
    engine = PlanEngine(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    x, y = np.ones((24, 40), np.float32), np.zeros(24, np.int64)
    with pytest.raises(ValueError, match="no profile was started"):
        engine.profile()
    with configured("", threads):
        engine.start_profile(x, y)
        for _ in range(50):
            engine.step(x, y)
        profile = engine.profile()
    assert 1 <= profile.threads <= threads
    assert [f"{part.name} {part.detail}".rstrip() for part in profile.parts] == [
        *("gather", "gather targets", "dense_forward 40-96", "dense_forward 96-10", "cross_entropy", "loss"),
        *("dense_grad_x 96-10", "relu_backward", "pack"),
        *("dense_update 40-96", "bias_update", "dense_update 96-10", "bias_update", "waiting"),
    ]
    flops = {part.detail: part.flops for part in profile.parts if part.name == "dense_forward"}
    assert flops == {"40-96": 2 * 24 * 40 * 96, "96-10": 2 * 24 * 96 * 10}
    assert all(part.seconds > 0 for part in profile.parts if part.name.startswith("dense"))
    assert sum(part.seconds for part in profile.parts) < 1


def test_only_threads_that_took_part_are_counted() -> None:
    model = mlp(1, 3, 1)
    engine = PlanEngine(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
    x = np.ones((8, 1), np.float32)
    with configured("", 3):
        engine.start_profile(x, x)
        engine.step(x, x)
        assert engine.profile().threads == 1


def test_all_threads_that_took_part_are_counted() -> None:
    model = mlp(784, 256, 10)
    engine = PlanEngine(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    x, y = np.ones((64, 784), np.float32), np.zeros(64, np.int64)
    with configured("", 2):
        engine.start_profile(x, y)
        engine.step(x, y)
        assert engine.profile().threads == 2


def test_table() -> None:
    parts = [Part("dense_forward", "784-256", 3e6, 4e5, 60e-6, 50e-6), Part("waiting", "", 0, 0, 20e-6, 0)]
    lines = Profile(parts, threads=2, peak=200e9).lines()
    assert lines == [
        "part of a step              us    share model us  GFLOP/s  of peak     GB/s",
        "dense_forward 784-256    60.00    75.0%    50.00     50.0      50%      6.7",
        "waiting                  20.00    25.0%                                    ",
        "80.0 us in all, 2 threads together; peak: 200 GFLOP/s, measured",
    ]


def test_a_step_that_was_not_run() -> None:
    lines = Profile([Part("waiting", "", 0, 0, 0, 0)], threads=1, peak=1e9).lines()
    assert lines[1].split() == ["waiting", "0.00"]
    assert lines[2].startswith("0.0 us in all, 1 thread together")


def test_one_call_at_a_time() -> None:
    """A profile is neither begun nor read while another thread trains."""
    model = mlp(40, 96, 10)
    engine = PlanEngine(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    x, y = np.ones((24, 40), np.float32), np.zeros(24, np.int64)
    engine.start_profile(x, y)
    with ThreadPoolExecutor(1) as pool, engine.plan._exclusive:
        for call in (lambda: engine.start_profile(x, y), engine.profile):
            with pytest.raises(RuntimeError, match="another thread"):
                pool.submit(call).result()
