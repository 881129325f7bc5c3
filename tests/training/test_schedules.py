"""Schedules of the job: the rates of PyTorch's schedulers, of the position in the run alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fastnn import nn, optim
from fastnn.optim import lr_scheduler
from fastnn.training.schedules import SCHEDULES, Cosine, OneCycle, Schedule, StepDecay


def scheduled(kind: type, steps: int, **options: object) -> list[float]:
    """The rates that a scheduler sets for each of so many steps."""
    optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=0.5)
    scheduler, rates = kind(optimizer, **options), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def rates(schedule: Schedule, steps: int) -> list[float]:
    """The curve."""
    return [schedule.lr * schedule.at(step, steps) for step in range(steps)]


def test_rates_change_every_ten_steps() -> None:
    schedule = OneCycle(1.0)
    assert [schedule.factor(step, 25) for step in range(10)] == [schedule.at(4.5, 25)] * 10
    assert [schedule.factor(step, 25) for step in (20, 24, 25)] == [schedule.at(22, 25)] * 3


@pytest.mark.parametrize("steps", [2, 3, 4, 7, 10, 100, 333])
def test_onecycle_is_onecyclelr(steps: int) -> None:
    theirs = scheduled(lr_scheduler.OneCycleLR, steps, max_lr=0.5, total_steps=steps, cycle_momentum=False)
    assert rates(OneCycle(0.5), steps) == pytest.approx(theirs, rel=1e-12)


def test_step_is_multisteplr() -> None:
    theirs = scheduled(lr_scheduler.MultiStepLR, 40, milestones=[20, 30], gamma=0.1)
    assert rates(StepDecay(0.5), 40) == pytest.approx(theirs, rel=1e-12)


def test_cosine_is_cosineannealinglr_behind_its_warm_up() -> None:
    theirs = scheduled(lr_scheduler.CosineAnnealingLR, 95, T_max=95)
    found = rates(Cosine(0.5), 100)
    assert found[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5]) and found[5:] == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 11, 400])
def test_rates_of_any_run(name: str, steps: int) -> None:
    """Never above the highest, never nothing, lower in the end; defined behind the last step, as after a whole run."""
    schedule = SCHEDULES[name](2.0)
    found = [schedule.lr * schedule.factor(step, steps) for step in range(steps)]
    assert all(0 < rate <= 2.0 for rate in found) and 0 <= schedule.factor(steps, steps) <= 1
    assert steps < 400 or (max(found) > 1.9 and found[-1] < 0.03)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_step_has_its_own_rate(name: str) -> None:
    """Set before the first step of an epoch and behind every tenth of the run, in every group."""
    groups: list[dict[str, float]] = [{"lr": 5.0}, {"lr": 6.0}]
    position = SimpleNamespace(epoch=1, step=25)
    optimizer = SimpleNamespace(param_groups=groups)
    trainer = SimpleNamespace(position=position, steps_per_epoch=50, epochs=4, optimizer=optimizer)
    schedule = SCHEDULES[name](3.0)
    schedule.on_epoch_begin(trainer, 1)
    assert [group["lr"] for group in groups] == [3.0 * schedule.factor(75, 200)] * 2
    position.step = 40
    schedule.on_chunk(trainer, None)
    assert [group["lr"] for group in groups] == [3.0 * schedule.factor(90, 200)] * 2
