"""Optimizers by every name, their schedules, and gradients that are clipped."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from fastnn import keras, optim
from fastnn.keras import layers, optimizers
from fastnn.keras.optimizers import schedules

X, Y = np.ones((4, 1), dtype=np.float32), np.zeros(4, dtype=np.float32)


def one_weight(optimizer: Any, start: float = 3.0, loss: Any = "mse") -> keras.Sequential:
    """Of loss w^2, whose slope is 2 w."""
    model = keras.Sequential([layers.Dense(1, use_bias=False, input_shape=(1,))])
    model.compile(optimizer, loss)
    model.set_weights([np.full((1, 1), start)])
    return model


def weight(model: keras.Sequential) -> float:
    return float(model.get_weights()[0][0, 0])


NAMES = {
    "SGD": ["sgd", "SGD"],
    "RMSprop": ["rmsprop", "RMSprop", "RMSProp"],
    "Adam": ["adam", "Adam"],
    "AdamW": ["adamw", "AdamW"],
    "Nadam": ["nadam", "Nadam"],
    "Adamax": ["adamax", "Adamax"],
    "Adagrad": ["adagrad", "Adagrad"],
    "Adadelta": ["adadelta", "Adadelta"],
}
THEIRS = {"Nadam": "NAdam"}
there = [kind for kind in NAMES if hasattr(optim, THEIRS.get(kind, kind))]


@pytest.mark.parametrize("kind", NAMES)
def test_by_every_name(kind: str) -> None:
    if kind not in there and kind != "RMSprop":
        with pytest.raises(ValueError, match=rf"fastnn\.optim has no .* for {kind}: use Adam"):
            optimizers.get(kind)
        return
    for name in NAMES[kind]:
        assert type(optimizers.get(name)).__name__ == kind
    assert type(optimizers.get({"class_name": kind, "config": {"learning_rate": 0.5}})).__name__ == kind
    assert isinstance(getattr(optimizers, kind.lower(), getattr(optimizers, kind))(), getattr(optimizers, kind))
    assert isinstance(getattr(optimizers.legacy, kind)(lr=0.5), getattr(optimizers, kind))


G = [6.0, 4.0, -2.0]  # gradients of three steps


def by_hand(kind: str) -> list[float]:
    """The weight after each of three steps from 1 with these gradients, learning rate 0.1: Keras' formulas."""
    w, m, v, d, u, product, out = 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, []
    accumulator = 0.1
    for t, g in enumerate(G, start=1):
        if kind == "Adagrad":
            accumulator += g * g
            w -= 0.1 * g / math.sqrt(accumulator + 1e-7)
        elif kind == "Adadelta":
            v = 0.95 * v + 0.05 * g * g
            step = g * math.sqrt(d + 1e-7) / math.sqrt(v + 1e-7)
            d = 0.95 * d + 0.05 * step * step
            w -= 0.1 * step
        elif kind == "Adamax":
            m, u = 0.9 * m + 0.1 * g, max(0.999 * u, abs(g))
            w -= 0.1 * m / ((1 - 0.9**t) * (u + 1e-7))
        elif kind == "Nadam":
            now, following = (0.9 * (1 - 0.5 * 0.96**i) for i in (t, t + 1))
            product *= now
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            mean = following * m / (1 - product * following) + (1 - now) * g / (1 - product)
            w -= 0.1 * mean / (math.sqrt(v / (1 - 0.999**t)) + 1e-7)
        elif kind == "AdamW":
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            w -= 0.1 * 0.004 * w
            w -= 0.1 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (math.sqrt(v) + 1e-7)
        out.append(w)
    return out


@pytest.mark.parametrize("kind", ["Adagrad", "Adadelta", "Adamax", "Nadam", "AdamW"])
def test_their_formulas(kind: str) -> None:
    if kind not in there:
        pytest.skip(f"fastnn.optim has no {kind} in this version")
    model = one_weight(getattr(optimizers, kind)(0.1), start=1.0, loss=lambda t, p: p * t)
    for g, expected in zip(G, by_hand(kind), strict=True):
        model.train_on_batch(X, np.full(4, g, dtype=np.float32))
        assert weight(model) == pytest.approx(expected, rel=2e-6)


S = schedules
# a schedule, steps and its rates there
RATES: dict[str, tuple[Any, list[tuple[int, float]]]] = {
    "exponential": (S.ExponentialDecay(0.5, 10, 0.25), [(0, 0.5), (5, 0.25), (10, 0.125), (20, 0.03125)]),
    "staircase": (S.ExponentialDecay(0.5, 10, 0.25, staircase=True), [(0, 0.5), (9, 0.5), (10, 0.125), (19, 0.125)]),
    "inverse": (S.InverseTimeDecay(0.5, 4, 0.5), [(0, 0.5), (4, 0.5 / 1.5), (6, 0.5 / 1.75)]),
    "inverse staircase": (S.InverseTimeDecay(0.5, 4, 0.5, True), [(3, 0.5), (4, 0.5 / 1.5), (7, 0.5 / 1.5)]),
    "pieces": (S.PiecewiseConstantDecay([2, 5], [1.0, 0.5, 0.1]), [(0, 1), (2, 1), (3, 0.5), (5, 0.5), (6, 0.1)]),
    "polynomial": (S.PolynomialDecay(1.0, 10, 0.2), [(0, 1), (5, 0.6), (10, 0.2), (50, 0.2)]),
    "square": (S.PolynomialDecay(1.0, 10, 0.0, power=2.0), [(5, 0.25), (10, 0)]),
    "cycle": (S.PolynomialDecay(1.0, 10, 0.0, cycle=True), [(5, 0.5), (10, 0), (11, 0.45), (20, 0), (30, 0)]),
    "cosine": (S.CosineDecay(1.0, 12), [(0, 1), (4, 0.75), (6, 0.5), (12, 0), (99, 0)]),
    "cosine to alpha": (S.CosineDecay(1.0, 12, alpha=0.2), [(0, 1), (6, 0.6), (12, 0.2)]),
    "cosine after a rise": (
        S.CosineDecay(0.0, 12, warmup_target=1.0, warmup_steps=4),
        [(0, 0), (1, 0.25), (4, 1), (8, 0.75), (10, 0.5), (16, 0)],
    ),
    "restarts": (S.CosineDecayRestarts(1.0, 4), [(0, 1), (2, 0.5), (4, 1), (8, 0.5), (12, 1), (20, 0.5)]),
    "equal restarts": (S.CosineDecayRestarts(1.0, 4, t_mul=1.0, m_mul=0.5), [(2, 0.5), (4, 0.5), (6, 0.25), (8, 0.25)]),
}


@pytest.mark.parametrize(("schedule", "points"), RATES.values(), ids=RATES.keys())
def test_schedules(schedule: Any, points: list) -> None:
    for step, rate in points:
        assert schedule(step) == pytest.approx(rate, abs=1e-12)
    again = type(schedule).from_config(schedule.get_config())
    assert [again(step) for step in range(30)] == [schedule(step) for step in range(30)]


@pytest.mark.parametrize("way", ["fit", "batches", "epochs"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_schedule_counts_steps(momentum: float, way: str) -> None:
    """Over epochs and calls; by hand, with momentum as a sum of steps each at the rate of its time."""
    schedule = S.PiecewiseConstantDecay([0, 2, 3], [0.1, 0.05, 0.2, 0.025])
    model = one_weight(optimizers.SGD(schedule, momentum=momentum))
    if way == "fit":
        model.fit(X, Y, batch_size=1, epochs=2, verbose=0)
    elif way == "epochs":
        for _ in range(4):
            model.fit(X, Y, batch_size=2, verbose=0)
    else:
        for _ in range(8):
            model.train_on_batch(X, Y)
    w, m = 3.0, 0.0
    for step in range(8):
        m = momentum * m - schedule(step) * 2 * w
        w += m
    assert weight(model) == pytest.approx(w, rel=1e-5)
    assert model.optimizer.iterations == 8 and model.optimizer.learning_rate == 0.025
    with pytest.raises(TypeError, match="was made with a schedule"):
        model.optimizer.learning_rate = 0.5


def test_decay_of_keras_1() -> None:
    """lr / (1 + decay steps)."""
    model = one_weight(optimizers.SGD(lr=0.1, decay=0.5))
    model.fit(X, Y, batch_size=1, epochs=1, verbose=0)
    w = 3.0
    for step in range(4):
        w -= 0.1 / (1 + 0.5 * step) * 2 * w
    assert weight(model) == pytest.approx(w, rel=1e-6)
    assert model.optimizer.lr == pytest.approx(0.1 / 3)


def test_a_rate_is_a_number_that_can_be_set() -> None:
    model = one_weight(optimizers.SGD(0.25))
    rate = model.optimizer.learning_rate
    assert rate == 0.25 and rate.numpy() == np.float32(0.25) and float(rate) * 2 == 0.5 and f"{rate:.2f}" == "0.25"
    rate.assign(0.125)
    assert model.optimizer.learning_rate.numpy() == 0.125 == model.optimizer.lr
    keras.backend.set_value(model.optimizer.lr, 0.0)
    assert keras.backend.get_value(model.optimizer.learning_rate) == 0
    model.fit(X, Y, verbose=0)
    assert weight(model) == 3
    model.optimizer.lr = 0.5
    model.fit(X, Y, verbose=0)
    assert weight(model) == 0  # 3 - 0.5 * 2 * 3


@pytest.mark.parametrize(
    ("given", "step"),
    [
        ({"clipvalue": 1.0}, (1.0, 0.5)),
        ({"clipnorm": 1.0}, (1.0, 0.5)),  # each weight for itself
        ({"global_clipnorm": 1.0}, (6 / math.hypot(6, 0.5), 0.5 / math.hypot(6, 0.5))),
        ({"clipvalue": 100.0}, (6.0, 0.5)),
        ({"clipnorm": 100.0}, (6.0, 0.5)),
        ({"global_clipnorm": 100.0}, (6.0, 0.5)),
    ],
)
@pytest.mark.parametrize("way", ["fit", "train_on_batch"])
def test_clipping(given: dict, step: tuple[float, float], way: str) -> None:
    """Of slopes 6 (a kernel) and 0.5 (a bias)."""
    model = keras.Sequential([layers.Dense(1, input_shape=(1,))])
    model.compile(optimizers.SGD(1.0, **given), lambda t, p: p * 0.5)
    model.set_weights([np.zeros((1, 1)), np.zeros(1)])
    getattr(model, way)(X * 12, Y, **({"verbose": 0} if way == "fit" else {}))
    np.testing.assert_allclose([w.item() for w in model.get_weights()], [-step[0], -step[1]], rtol=1e-6)


def test_a_kernel_is_clipped_as_a_whole() -> None:
    model = keras.Sequential([layers.Dense(1, use_bias=False, input_shape=(2,))])
    model.compile(optimizers.SGD(1.0, clipnorm=1.0), lambda t, p: p)
    model.set_weights([np.zeros((2, 1))])
    model.fit(np.array([[3.0, 4.0]]), np.zeros(1), verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], [[-0.6], [-0.8]], rtol=1e-6)


def test_mistakes() -> None:
    for given, error, message in (
        ({"clipnorm": 1, "clipvalue": 1}, ValueError, "give only one of clipnorm, clipvalue"),
        ({"clipvalue": 0}, ValueError, "clipvalue is 0; it must be positive"),
        ({"use_ema": True}, ValueError, "use_ema is not supported: keep the averages in a callback"),
        ({"lr": 0.1, "learning_rate": 0.1}, TypeError, "lr is the former name of learning_rate; give one of them"),
        ({"learning_rat": 0.1}, TypeError, "SGD has no argument 'learning_rat'"),
        ({"learning_rate": -1.0}, ValueError, "lr is -1"),
    ):
        with pytest.raises(error, match=message):
            optimizers.SGD(**given)
    with pytest.raises(ValueError, match="amsgrad is not supported"):
        optimizers.Adam(amsgrad=True)
    assert optimizers.Adam(amsgrad=None, epsilon=None).epsilon == 1e-7
    with pytest.raises(ValueError, match="2 boundaries need 3 values, got 2"):
        S.PiecewiseConstantDecay([1, 2], [1, 2])
    with pytest.raises(ValueError, match="the number of steps is 0"):
        S.CosineDecay(0.1, 0)
