"""Schedules: 30 epochs of each, alone and in pairs, beside formulas written out here, and beside torch where it is
installed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import nn, optim
from fastnn.optim import lr_scheduler
from fastnn.optim.lr_scheduler import LRScheduler

EPOCHS = 30
FIRST = (0.1, 0.5)  # the rates of two groups

Options = dict[str, Any]


def optimizer_of(rates: tuple[float, ...] = FIRST, kind: str = "SGD", **options: Any) -> optim.Optimizer:
    groups = [{"params": [nn.Parameter(np.ones(1, np.float32))], "lr": rate} for rate in rates]
    return getattr(optim, kind)(groups, **options)


def rates_of(optimizer: optim.Optimizer) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups]


def course(optimizer: optim.Optimizer, schedules: list[LRScheduler], epochs: int = EPOCHS) -> list[list[float]]:
    """The rates of the groups in each epoch, all schedules stepped after each."""
    rates = []
    for _ in range(epochs):
        rates.append(rates_of(optimizer))
        for schedule in schedules:
            schedule.step()
            assert schedule.get_last_lr() == rates_of(optimizer)
    return rates


def cosine(base: float, epoch: int, length: int, least: float) -> float:
    return least + (base - least) * (1 + math.cos(math.pi * epoch / length)) / 2


def next_cosine(lr: float, base: float, epoch: int) -> float:
    """T_max = 10, eta_min = 0.01: (lr - eta_min) in proportion to 1 + cos, and off the ground again after T_max."""
    if epoch % 20 == 11:
        return lr + (base - 0.01) * (1 - math.cos(math.pi / 10)) / 2
    return 0.01 + (lr - 0.01) * (1 + math.cos(math.pi * epoch / 10)) / (1 + math.cos(math.pi * (epoch - 1) / 10))


def line(epoch: int) -> float:
    """From 0.2 to 0.8 in 9 epochs."""
    return 0.2 + 0.6 * min(epoch, 9) / 9


def power(epoch: int) -> float:
    return max(0.0, 1 - epoch / 40) ** 2.5


# Of each: options; the rate of an epoch after the rate before it (epoch 0: after the first rate), and in one formula.
CASES: dict[str, tuple[Options, Callable[[float, float, int], float], Callable[[float, int], float]]] = {
    "StepLR": (
        {"step_size": 4, "gamma": 0.5},
        lambda lr, base, e: lr * 0.5 if e and e % 4 == 0 else lr,
        lambda base, e: base * 0.5 ** (e // 4),
    ),
    "MultiStepLR": (
        {"milestones": [3, 7, 7, 20], "gamma": 0.3},
        lambda lr, base, e: lr * {3: 0.3, 7: 0.09, 20: 0.3}.get(e, 1),
        lambda base, e: base * 0.3 ** ((e >= 3) + 2 * (e >= 7) + (e >= 20)),
    ),
    "ConstantLR": (
        {"factor": 0.25, "total_iters": 6},
        lambda lr, base, e: lr * {0: 0.25, 6: 4}.get(e, 1),
        lambda base, e: base * (0.25 if e < 6 else 1),
    ),
    "LinearLR": (
        {"start_factor": 0.2, "end_factor": 0.8, "total_iters": 9},
        lambda lr, base, e: lr * (line(e) / line(e - 1) if e else 0.2),
        lambda base, e: base * line(e),
    ),
    "ExponentialLR": (
        {"gamma": 0.9},
        lambda lr, base, e: lr * 0.9 if e else lr,
        lambda base, e: base * 0.9**e,
    ),
    "PolynomialLR": (
        {"total_iters": 40, "power": 2.5},
        lambda lr, base, e: lr * power(e) / power(e - 1) if e else lr,
        lambda base, e: base * power(e),
    ),
    "MultiplicativeLR": (
        {"lr_lambda": lambda epoch: 1 - 1 / (epoch + 1)},
        lambda lr, base, e: lr * e / (e + 1) if e else lr,
        lambda base, e: base / (e + 1),
    ),
    "CosineAnnealingLR": (
        {"T_max": 10, "eta_min": 0.01},
        lambda lr, base, e: next_cosine(lr, base, e) if e else lr,
        lambda base, e: cosine(base, e, 10, 0.01),
    ),
    "LambdaLR": (
        {"lr_lambda": lambda epoch: (epoch + 1) / 10},
        lambda lr, base, e: base * (e + 1) / 10,
        lambda base, e: base * (e + 1) / 10,
    ),
    "CosineAnnealingWarmRestarts": (
        {"T_0": 6, "eta_min": 0.01},
        lambda lr, base, e: cosine(base, e % 6, 6, 0.01),
        lambda base, e: cosine(base, e % 6, 6, 0.01),
    ),
}
each_name = pytest.mark.parametrize("name", CASES)


def made(name: str, optimizer: optim.Optimizer) -> LRScheduler:
    return getattr(lr_scheduler, name)(optimizer, **CASES[name][0])


@each_name
def test_alone(name: str) -> None:
    optimizer = optimizer_of()
    found = course(optimizer, [made(name, optimizer)])
    formula = CASES[name][2]
    np.testing.assert_allclose(found, [[formula(base, e) for base in FIRST] for e in range(EPOCHS)], rtol=1e-12)


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("pair", [*itertools.product(CASES, CASES)], ids="-".join)
def test_in_pairs(pair: tuple[str, str], chained: bool) -> None:
    """Each goes on from the rate that it finds."""
    optimizer = optimizer_of()
    schedules = [made(name, optimizer) for name in pair]
    found = course(optimizer, [lr_scheduler.ChainedScheduler(schedules)] if chained else schedules)
    rates, wanted = list(FIRST), []
    for epoch in range(EPOCHS):
        for name in pair:
            rates = [CASES[name][1](lr, base, epoch) for lr, base in zip(rates, FIRST, strict=True)]
        wanted.append(rates)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_four_epochs_of_a_pair_by_hand() -> None:
    """Exponential 0.9 and a step of 0.1 every second epoch."""
    optimizer = optimizer_of((1.0,))
    schedules = [lr_scheduler.ExponentialLR(optimizer, 0.9), lr_scheduler.StepLR(optimizer, 2, 0.1)]
    found = course(optimizer, schedules, 6)
    np.testing.assert_allclose(found, [[1], [0.9], [0.081], [0.0729], [0.006561], [0.0059049]], rtol=1e-12)


# Theirs are shares of the first rate (of the cosine: those on its way up).
FROM_THE_FIRST = ("LambdaLR", "CosineAnnealingWarmRestarts", "CosineAnnealingLR")


@pytest.mark.parametrize("name", [name for name in CASES if name not in FROM_THE_FIRST])
def test_a_rate_set_by_hand_is_gone_on_from(name: str) -> None:
    """Halved after ten epochs: every rate follows from it."""
    optimizer = optimizer_of()
    schedule = made(name, optimizer)
    course(optimizer, [schedule], 10)
    for group in optimizer.param_groups:
        group["lr"] *= 0.5
    formula, found = CASES[name][2], course(optimizer, [schedule], 20)
    wanted = [[formula(base, epoch) / 2 for base in FIRST] for epoch in range(10, EPOCHS)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in CASES if name != "MultiplicativeLR"])  # it has no formula
def test_a_given_epoch(name: str) -> None:
    """``step(epoch)``, as old scripts have it: any order gives the formula's values."""
    optimizer = optimizer_of()
    schedule = made(name, optimizer)
    for epoch in (5, 2, 19, 0, 11):
        schedule.step(epoch)
        np.testing.assert_allclose(rates_of(optimizer), [CASES[name][2](base, epoch) for base in FIRST], rtol=1e-12)
        assert schedule.last_epoch == epoch


@each_name
def test_one_after_the_other(name: str) -> None:
    """A warm-up of four epochs, then the schedule from its epoch 0; its constant and line begin at their factor."""
    optimizer = optimizer_of()
    warm_up = lr_scheduler.LinearLR(optimizer, 0.25, total_iters=4)
    schedule = lr_scheduler.SequentialLR(optimizer, [warm_up, made(name, optimizer)], milestones=[4])
    formula = CASES[name][2]
    first = [[base * (0.25 + 0.75 * epoch / 4) for base in FIRST] for epoch in range(4)]
    then = [[formula(base, epoch) for base in FIRST] for epoch in range(EPOCHS - 4)]
    if name == "MultiplicativeLR":  # no formula: at its epoch 0 it multiplies by lr_lambda(0), here by 0
        then = [[0.0, 0.0]] * (EPOCHS - 4)
    np.testing.assert_allclose(course(optimizer, [schedule]), first + then, rtol=1e-12)


def test_a_list_of_functions_has_one_for_each_group() -> None:
    optimizer = optimizer_of()
    schedule = lr_scheduler.LambdaLR(optimizer, [lambda epoch: 0.9**epoch, lambda epoch: 1 / (1 + epoch)])
    wanted = [[0.1 * 0.9**epoch, 0.5 / (1 + epoch)] for epoch in range(EPOCHS)]
    np.testing.assert_allclose(course(optimizer, [schedule]), wanted, rtol=1e-12)


def test_cycles_by_hand() -> None:
    """Up in 4 steps, down in 2: 0.1, then quarters of the way to 0.5, halves back; the momentum the other way."""
    optimizer = optimizer_of((1.0,), momentum=0.5)
    schedule = lr_scheduler.CyclicLR(optimizer, 0.1, 0.5, step_size_up=4, step_size_down=2, mode="triangular2")
    rates, momenta = [], []
    for _ in range(12):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        schedule.step()
    heights = np.array([0, 0.25, 0.5, 0.75, 1, 0.5])
    heights = np.concatenate([heights, heights / 2])
    np.testing.assert_allclose(rates, 0.1 + 0.4 * heights, rtol=1e-12)
    np.testing.assert_allclose(momenta, 0.9 - 0.1 * heights, rtol=1e-12)


@pytest.mark.parametrize(
    "options, height",
    [
        ({"mode": "triangular"}, lambda step: 1),
        ({"mode": "exp_range", "gamma": 0.9}, lambda step: 0.9**step),
        ({"scale_fn": lambda cycle: 1 / cycle**2}, lambda step: 1 / (1 + step // 6) ** 2),
        ({"scale_fn": lambda step: 1 / (1 + step), "scale_mode": "iterations"}, lambda step: 1 / (1 + step)),
    ],
)
def test_heights_of_cycles(options: Options, height: Callable[[int], float]) -> None:
    optimizer = optimizer_of((1.0,), "Adam")
    schedule = lr_scheduler.CyclicLR(optimizer, 0.1, 0.5, step_size_up=3, **options)
    found = np.array(course(optimizer, [schedule]))[:, 0]
    triangle = [min(step % 6, 6 - step % 6) / 3 * height(step) for step in range(EPOCHS)]
    np.testing.assert_allclose(found, 0.1 + 0.4 * np.array(triangle), rtol=1e-12)
    assert optimizer.param_groups[0]["betas"] == (pytest.approx(0.9 - 0.1 * min(30 % 6, 6) / 3), 0.999)


def test_restarts_take_longer_each_time() -> None:
    """T_0 = 2, T_mult = 2: restarts at 2, 6, 14, also where epochs are given, with fractions."""
    optimizer = optimizer_of((1.0,))
    schedule = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, 2)
    begins = {0: 2, 2: 4, 6: 8, 14: 16}

    def formula(epoch: float) -> float:
        begin = max(each for each in begins if each <= epoch)
        return cosine(1.0, epoch - begin, begins[begin], 0.0)

    np.testing.assert_allclose(
        course(optimizer, [schedule]), [[formula(epoch)] for epoch in range(EPOCHS)], rtol=1e-12, atol=1e-15
    )
    for epoch in (3.5, 14, 0.25, 6.75, 29.5):
        schedule.step(epoch)
        assert rates_of(optimizer) == [pytest.approx(formula(epoch), rel=1e-12)]
        assert schedule.last_epoch == int(epoch)


def one_cycle(step: int, ends: list[float], rates: list[float], shape: Callable[[float], float]) -> float:
    """Between rates at these steps, by a shape from 0 to 1."""
    part = next(i for i in range(1, len(ends)) if step <= ends[i] or i == len(ends) - 1)
    share = (step - ends[part - 1]) / (ends[part] - ends[part - 1])
    return rates[part - 1] + (rates[part] - rates[part - 1]) * shape(share)


@pytest.mark.parametrize("strategy, shape", [("cos", lambda s: (1 - math.cos(math.pi * s)) / 2), ("linear", float)])
def test_one_cycle(strategy: str, shape: Callable[[float], float]) -> None:
    """40 steps, 30 % of them up: from 0.4 / 25 to 0.4 at step 11, down to that / 10000 at step 39."""
    optimizer = optimizer_of((1.0,), momentum=0.9)
    schedule = lr_scheduler.OneCycleLR(optimizer, 0.4, epochs=8, steps_per_epoch=5, anneal_strategy=strategy)
    ends, rates, momenta = [0, 11, 39], [0.016, 0.4, 1.6e-6], [0.95, 0.85, 0.95]
    for step in range(40):
        group = optimizer.param_groups[0]
        np.testing.assert_allclose(group["lr"], one_cycle(step, ends, rates, shape), rtol=1e-9)
        np.testing.assert_allclose(group["momentum"], one_cycle(step, ends, momenta, shape), rtol=1e-9)
        schedule.step()
    with pytest.raises(ValueError, match="tried to step 41 times, the number of total steps is 40"):
        schedule.step()


def test_one_cycle_in_three_phases() -> None:
    """25 % of 40 steps: up to step 9, down as far at step 18, to the end at step 39."""
    optimizer = optimizer_of((1.0,), "Adam")
    schedule = lr_scheduler.OneCycleLR(
        optimizer, 0.4, total_steps=40, pct_start=0.25, three_phase=True, anneal_strategy="linear"
    )
    found = np.array(course(optimizer, [schedule], 40))[:, 0]
    wanted = [one_cycle(step, [0, 9, 18, 39], [0.016, 0.4, 0.016, 1.6e-6], float) for step in range(40)]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert optimizer.param_groups[0]["betas"] == (pytest.approx(0.95), 0.999)


METRICS = [1.0, 0.9, 0.9, 0.8999999, 0.95, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.4999, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]


@pytest.mark.parametrize(
    "options, metrics, reductions",
    [
        # a reduction after three epochs that are not 0.01 % better than the best
        ({"patience": 2}, METRICS, [4, 8, 11, 16, 19]),
        ({"patience": 2, "cooldown": 2}, METRICS, [4, 9, 16]),
        ({"patience": 2, "threshold": 0.2, "threshold_mode": "abs"}, METRICS, [3, 8, 11, 14, 17]),
        (
            {"patience": 2, "mode": "max", "threshold": 5e-5, "threshold_mode": "abs"},
            [-m for m in METRICS],
            [4, 8, 11, 16, 19],
        ),
        ({"patience": 2, "mode": "max"}, [0.5, 0.6, 0.7, 0.7, 0.7, 0.7, 0.71, 0.71], [5]),
        ({"patience": 0}, [1, 1, 0.5, 0.6, float("nan")], [1, 3, 4]),
        ({"patience": 0, "min_lr": [0.06, 0.01]}, [1, 1, 1, 1], [1, 2, 3]),
        ({"patience": 0, "eps": 0.06}, [1, 1, 1, 1, 1], [1, 2, 3, 4]),
    ],
)
def test_plateau(options: Options, metrics: list[float], reductions: list[int]) -> None:
    """The epochs after which the rates are halved, as far as min_lr and eps let them be."""
    optimizer = optimizer_of()
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, **options)
    least, rates = options.get("min_lr", [0, 0]), list(FIRST)
    for epoch, metric in enumerate(metrics):
        schedule.step(fastnn.tensor(float(metric)) if epoch % 2 and metric in (1, 0.5) else metric)
        if epoch in reductions:
            halved = [max(rate / 2, low) for rate, low in zip(rates, least, strict=True)]
            eps = options.get("eps", 1e-8)
            rates = [new if old - new > eps else old for old, new in zip(rates, halved, strict=True)]
        assert schedule.get_last_lr() == rates_of(optimizer) == rates
    assert schedule.last_epoch == len(metrics)


def test_plateau_tells_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer_of((0.1,)), "min", patience=0, verbose=True)
    schedule.step(1.0)
    assert capsys.readouterr().out == ""
    schedule.step(1.0)
    assert capsys.readouterr().out == "Epoch     2: reducing learning rate of group 0 to 1.0000e-02.\n"


class Inverse:
    """A function with a field."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, epoch: float) -> float:
        return 1 / (1 + self.scale * epoch)


def all_schedules(optimizer: optim.Optimizer, scale: float) -> dict[str, Callable[[], LRScheduler]]:
    """Each with its own options; those with a function have one whose field the state carries."""
    made_of = {name: (lambda name=name: made(name, optimizer)) for name in CASES}
    line = lr_scheduler.LinearLR
    return {
        **made_of,
        "LambdaLR": lambda: lr_scheduler.LambdaLR(optimizer, Inverse(scale)),
        "CyclicLR": lambda: lr_scheduler.CyclicLR(optimizer, 0.1, 0.4, 3, scale_fn=Inverse(scale)),
        "OneCycleLR": lambda: lr_scheduler.OneCycleLR(optimizer, 0.4, 31),
        "ReduceLROnPlateau": lambda: lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, cooldown=1),
        "ChainedScheduler": lambda: lr_scheduler.ChainedScheduler([made("StepLR", optimizer), line(optimizer)]),
        "SequentialLR": lambda: lr_scheduler.SequentialLR(
            optimizer, [line(optimizer, 0.5), made("CosineAnnealingLR", optimizer), made("StepLR", optimizer)], [3, 14]
        ),
    }


@pytest.mark.parametrize("name", all_schedules(optimizer_of(momentum=0.9), 1.0))
@pytest.mark.parametrize("cut", [1, 11, 20])
def test_state_goes_through_a_file(name: str, cut: int, tmp_path: Path) -> None:
    """Saved after some epochs and loaded into fresh ones: the other epochs have the same bits."""
    metrics = [abs(math.sin(epoch)) for epoch in range(EPOCHS)]
    courses = []
    for interrupted in (False, True):
        optimizer = optimizer_of(momentum=0.9)
        schedule, course = all_schedules(optimizer, 0.5)[name](), []
        for epoch in range(EPOCHS):
            if interrupted and epoch == cut:
                schedule, optimizer = through_file(name, schedule, optimizer, tmp_path / "state.pth")
            course.append([(group["lr"], group["momentum"]) for group in optimizer.param_groups])
            schedule.step(*([metrics[epoch]] if name == "ReduceLROnPlateau" else []))
        courses.append(course)
    assert courses[0] == courses[1]


def through_file(
    name: str, schedule: LRScheduler, optimizer: optim.Optimizer, path: Path
) -> tuple[LRScheduler, optim.Optimizer]:
    """Both as a checkpoint gives them back."""
    state = {"optimizer": optimizer.state_dict(), "scheduler": schedule.state_dict()}
    fastnn.save(state, path)
    state = fastnn.load(path)
    fresh = optimizer_of(momentum=0.1)
    again = all_schedules(fresh, 7.0)[name]()
    fresh.load_state_dict(state["optimizer"])
    again.load_state_dict(state["scheduler"])
    return again, fresh


def test_a_run_goes_on_at_its_epoch() -> None:
    """``last_epoch``, with an optimizer whose state was loaded, as PyTorch has it."""
    whole = optimizer_of((0.4,))
    rates = course(whole, [lr_scheduler.StepLR(whole, 3, 0.5)])
    first = optimizer_of((0.4,))
    course(first, [lr_scheduler.StepLR(first, 3, 0.5)], 10)
    second = optimizer_of((0.4,))
    second.load_state_dict(first.state_dict())
    second.param_groups[0]["lr"] = rates[9][0]
    assert course(second, [lr_scheduler.StepLR(second, 3, 0.5, last_epoch=9)], 20) == rates[10:]


class Own(lr_scheduler._LRScheduler):
    """A script's own: the square root of the epoch."""

    def __init__(self, optimizer: optim.Optimizer, last_epoch: int = -1) -> None:
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base / math.sqrt(self.last_epoch + 1) for base in self.base_lrs]


def test_one_of_ones_own() -> None:
    optimizer = optimizer_of()
    wanted = [[base / math.sqrt(epoch + 1) for base in FIRST] for epoch in range(EPOCHS)]
    assert course(optimizer, [Own(optimizer)]) == wanted
    assert isinstance(Own(optimizer), lr_scheduler.LRScheduler)


SGD = optimizer_of((0.1,))


def stepped(text: str, **options: Any) -> Callable[[], Any]:
    return lambda: getattr(lr_scheduler, text)(SGD, **options)


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        (stepped("StepLR", step_size=0), ValueError, "StepLR: step_size is 0; it must be at least 1"),
        (stepped("CosineAnnealingLR", T_max=0), ValueError, "T_max is 0"),
        (stepped("PolynomialLR", total_iters=0), ValueError, "total_iters is 0"),
        (stepped("ConstantLR", factor=1.5), ValueError, "factor is 1.5; it must satisfy 0 <= factor <= 1"),
        (stepped("LinearLR", start_factor=0), ValueError, "start_factor is 0"),
        (stepped("LinearLR", end_factor=-0.1), ValueError, "end_factor is -0.1"),
        (stepped("LambdaLR", lr_lambda=[abs, abs]), ValueError, "lr_lambda has 2 values, the optimizer has 1 param"),
        (stepped("LambdaLR", lr_lambda=0.9), TypeError, "should be a function of the epoch, got a float"),
        (stepped("MultiplicativeLR", lr_lambda=[0.9]), TypeError, "should be a function"),
        (stepped("CyclicLR", base_lr=0.1, max_lr=1, mode="square"), ValueError, "'triangular2' or 'exp_range'"),
        (stepped("CyclicLR", base_lr=0.1, max_lr=[1, 2]), ValueError, "max_lr has 2 values"),
        (stepped("CyclicLR", base_lr=0.1, max_lr=1, step_size_up=0), ValueError, "step_size_up is 0"),
        (stepped("CosineAnnealingWarmRestarts", T_0=0), ValueError, "T_0 is 0"),
        (stepped("CosineAnnealingWarmRestarts", T_0=1, T_mult=0), ValueError, "T_mult is 0"),
        (stepped("OneCycleLR", max_lr=1), ValueError, "give total_steps, or epochs and steps_per_epoch"),
        (stepped("OneCycleLR", max_lr=1, total_steps=0), ValueError, "total_steps is 0"),
        (stepped("OneCycleLR", max_lr=1, total_steps=9, pct_start=3), ValueError, "pct_start is 3"),
        (stepped("OneCycleLR", max_lr=1, total_steps=9, anneal_strategy="sin"), ValueError, "'cos' or 'linear'"),
        (stepped("ReduceLROnPlateau", factor=1.0), ValueError, "factor is 1.0; it must be below 1"),
        (stepped("ReduceLROnPlateau", mode="auto"), ValueError, "mode is 'auto'; it must be 'min'"),
        (stepped("ReduceLROnPlateau", threshold_mode="x"), ValueError, "'rel' or 'abs'"),
        (stepped("ReduceLROnPlateau", min_lr=[0, 0]), ValueError, "min_lr has 2 values"),
        (stepped("ExponentialLR", gamma=0.9, last_epoch=3), KeyError, "'initial_lr' is not specified"),
        (stepped("SequentialLR", schedulers=[], milestones=[]), ValueError, "SequentialLR got no schedulers"),
        (stepped("SequentialLR", schedulers=[0.1], milestones=[]), TypeError, r"schedulers\[0\] is a float"),
        (
            lambda: lr_scheduler.SequentialLR(SGD, [lr_scheduler.ExponentialLR(SGD, 1)], [3]),
            ValueError,
            "1 schedulers need 0 milestones, got 1",
        ),
        (
            lambda: lr_scheduler.ChainedScheduler([lr_scheduler.ReduceLROnPlateau(SGD)]),
            ValueError,
            "whose step.. needs the metric",
        ),
        (
            lambda: lr_scheduler.ChainedScheduler(
                [lr_scheduler.ExponentialLR(optimizer_of(), 1), lr_scheduler.ExponentialLR(optimizer_of(), 1)]
            ),
            ValueError,
            r"schedulers\[1\] belongs to another optimizer",
        ),
        (
            lambda: lr_scheduler.StepLR([0.1], 1),
            TypeError,
            "StepLR: the first argument must be an optimizer, got a list",
        ),
        (lambda: lr_scheduler.LRScheduler(optimizer_of()), NotImplementedError, "LRScheduler has no get_lr"),
        (
            lambda: lr_scheduler.CyclicLR(optimizer_of((1,), "Adagrad"), 0.1, 1),
            ValueError,
            "Adagrad has neither a momentum nor betas: pass cycle_momentum=False",
        ),
        (lambda: lr_scheduler.StepLR(optimizer_of(), 1).load_state_dict({}), ValueError, "no state of a StepLR"),
        (
            lambda: lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(SGD, 1)]).load_state_dict({"_schedulers": []}),
            ValueError,
            "of 0 schedulers, this ChainedScheduler has 1",
        ),
    ],
)
def test_error(wrong: Callable[[], Any], error: type[Exception], text: str) -> None:
    SGD.param_groups[0].pop("initial_lr", None)
    with pytest.raises(error, match=text):
        wrong()


def test_beside_torch() -> None:
    """Every schedule, alone and every two, the same bits."""
    torch = pytest.importorskip("torch")
    cases = [(name, options) for name, (options, *_) in CASES.items()]
    cases += [
        ("CyclicLR", {"base_lr": 0.01, "max_lr": [0.2, 0.3], "step_size_up": 4, "mode": "triangular2"}),
        ("OneCycleLR", {"max_lr": 0.3, "total_steps": 31}),
        ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2}),
    ]
    for specs in [[each] for each in cases] + list(itertools.product(cases, cases)):
        theirs = torch.optim.SGD(
            [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": lr} for lr in FIRST], momentum=0.9
        )
        ours = optimizer_of(momentum=0.9)
        pairs = [
            (getattr(torch.optim.lr_scheduler, name)(theirs, **options), getattr(lr_scheduler, name)(ours, **options))
            for name, options in specs
        ]
        theirs.step()
        for epoch in range(EPOCHS):
            assert rates_of(theirs) == rates_of(ours), (specs, epoch)
            for each in itertools.chain(*pairs):
                each.step()
