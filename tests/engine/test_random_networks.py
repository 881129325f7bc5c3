"""Networks drawn at random: plans give the bits of eager code, whatever layers follow each other."""

from __future__ import annotations

import fastnn
import pytest
from fastnn import nn, optim, random
from fastnn.engine.plan import Plan
from fastnn.engine.recording import RecordingError
from harness import configured
from models import bits, eager_step
from random_networks import batches, network


def run(seed: int, compiled: bool, threads: int) -> tuple[list[bytes], dict, bytes]:
    """Losses, all state, and the output of the trained network in evaluation."""
    random.manual_seed(seed)
    model, shape = network(fastnn, seed)
    criterion = nn.CrossEntropyLoss()
    optimizer = (
        optim.Adam(model.parameters(), lr=0.01) if seed % 2 else optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    )
    plan, losses = Plan(model, criterion, optimizer), []
    with configured("", threads):
        for x, y in batches(shape, seed):
            loss = plan.step(x, y).numpy() if compiled else eager_step(model, criterion, optimizer, x, y)
            losses.append(loss.tobytes())
        x = batches(shape, seed)[0][0]
        output = (plan.forward(x) if compiled else model.eval()(fastnn.Tensor(x))).detach().numpy()
    return losses, bits(model, optimizer), output.tobytes()


def check(seeds: range) -> int:
    """How many of them had a plan."""
    compared = 0
    for seed in seeds:
        try:
            found = run(seed, compiled=True, threads=1 + seed % 3)
        except RecordingError:  # a layer without a compiled form
            continue
        assert found == run(seed, compiled=False, threads=1), f"seed {seed}: {network(fastnn, seed)[0]}"
        compared += 1
    return compared


@pytest.mark.parametrize("part", range(3))
def test_plan_equals_eager(part: int) -> None:
    assert check(range(20 * part, 20 * part + 20)) >= 10


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_300_networks(part: int) -> None:
    assert check(range(1000 + 30 * part, 1030 + 30 * part)) >= 15
