"""Initialisers: PyTorch's distributions, in place, for leaves that require grad."""

from __future__ import annotations

import math
from collections.abc import Callable

import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.nn import init

SHAPE = (200, 300)  # fan in 300, fan out 200
NORMAL: dict[str, tuple[Callable[[Tensor], Tensor], float, float]] = {
    "normal": (lambda w: init.normal_(w, 1.0, 0.5), 1.0, 0.5),
    "xavier": (lambda w: init.xavier_normal_(w, gain=2.0), 0.0, 2 * math.sqrt(2 / 500)),
    "kaiming": (init.kaiming_normal_, 0.0, math.sqrt(2 / 300)),
    "kaiming fan out": (
        lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
        0.0,
        math.sqrt(2 / 200),
    ),
    "kaiming linear": (lambda w: init.kaiming_normal_(w, nonlinearity="linear"), 0.0, math.sqrt(1 / 300)),
}


@pytest.mark.parametrize("name", NORMAL)
def test_normal(name: str) -> None:
    """Mean and deviation of 60,000 draws: within five of their own deviations."""
    fill, mean, deviation = NORMAL[name]
    w = nn.Parameter(np.zeros(SHAPE, np.float32))
    assert fill(w) is w and w.requires_grad
    values = w.detach().numpy().astype(np.float64)
    assert abs(values.mean() - mean) < 5 * deviation / math.sqrt(values.size)
    assert abs(values.std() - deviation) < 5 * deviation / math.sqrt(2 * values.size)
    assert 0.67 < (abs(values - mean) < deviation).mean() < 0.70  # a normal distribution's share


@pytest.mark.parametrize(
    ("fill", "bound"),
    [
        (lambda w: init.kaiming_uniform_(w, a=math.sqrt(5)), math.sqrt(1 / 300)),
        (lambda w: init.kaiming_uniform_(w, nonlinearity="tanh"), 5 / 3 * math.sqrt(3 / 300)),
        (init.xavier_uniform_, math.sqrt(6 / 500)),
    ],
)
def test_uniform(fill: Callable[[Tensor], Tensor], bound: float) -> None:
    values = fill(Tensor(np.zeros(SHAPE, np.float32))).numpy()
    assert 0.999 * bound < abs(values).max() <= bound * (1 + 1e-6)
    assert abs(values.std() - bound / math.sqrt(3)) < 0.02 * bound


def test_truncated() -> None:
    values = init.trunc_normal_(Tensor(np.zeros(SHAPE)), mean=0.5, std=1.0, a=0.0, b=2.0).numpy()
    assert values.min() >= 0 and values.max() <= 2 and values.min() < 0.001 and values.max() > 1.999
    density = [math.exp(-((x - 0.5) ** 2) / 2) for x in np.linspace(0, 2, 20001)]
    mean = float(np.average(np.linspace(0, 2, 20001), weights=density))
    assert abs(values.mean() - mean) < 5 * 0.6 / math.sqrt(values.size)


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (4, 2, 3)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    w = init.orthogonal_(Tensor(np.zeros(shape)), gain=2.0).numpy().reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_constants() -> None:
    assert init.eye_(fastnn.zeros(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    gains = {"linear": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75, "conv2d": 1}
    assert {name: init.calculate_gain(name) for name in gains} == pytest.approx(gains)
    assert init.calculate_gain("leaky_relu", 0.5) == pytest.approx(math.sqrt(2 / 1.25))


def test_dirac() -> None:
    """A convolution that lets its channels through, group by group; more outputs than inputs are zero."""
    layer, x = nn.Conv2d(6, 6, 3, padding=1, groups=3, bias=False), fastnn.randn(1, 6, 4, 5)
    init.dirac_(layer.weight, groups=3)
    assert layer(x).tolist() == x.tolist()
    assert init.dirac_(fastnn.ones(3, 2, 2)).tolist() == [[[0, 1], [0, 0]], [[0, 0], [0, 1]], [[0, 0], [0, 0]]]


def test_sparse() -> None:
    values = init.sparse_(fastnn.zeros(10, 500), 0.25, std=3.0).numpy()
    assert {*(values == 0).sum(0).tolist()} == {3}
    assert values[values != 0].std() == pytest.approx(3, rel=0.05)
    assert (values == 0).sum(1).min() > 100  # any row


def test_the_same_numbers_every_time() -> None:
    drawn = []
    for _ in range(2):
        fastnn.manual_seed(4)
        drawn.append([init.normal_(fastnn.zeros(3)).tolist(), init.orthogonal_(fastnn.zeros(2, 2)).tolist()])
    assert drawn[0] == drawn[1]


def test_faults() -> None:
    w = fastnn.zeros(2, 2)
    for wrong, text in (
        (lambda: init.kaiming_normal_(w, mode="fan"), "'fan_in' or 'fan_out', got 'fan'"),
        (lambda: init.kaiming_normal_(w, nonlinearity="swish"), "nonlinearity must be one of .*relu"),
        (lambda: init.kaiming_normal_(w[0]), "at least 2 dimensions"),
        (lambda: init.trunc_normal_(w, a=1, b=0), "hardly any number"),
        (lambda: init.trunc_normal_(w, a=50, b=60), "hardly any number"),
        (lambda: init.orthogonal_(w[0]), "at least 2 dimensions"),
        (lambda: init.eye_(w[0]), "expected 2 dimensions"),
        (lambda: init.dirac_(w), "expected 3 to 5 dimensions"),
        (lambda: init.dirac_(fastnn.zeros(3, 2, 2), 2), "2 groups do not divide 3 outputs"),
        (lambda: init.sparse_(w[0], 0.5), "expected 2 dimensions"),
        (lambda: init.sparse_(w, 1.5), "sparsity is 1.5"),
    ):
        with pytest.raises(ValueError, match=text):
            wrong()
