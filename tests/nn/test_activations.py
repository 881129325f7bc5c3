"""Activations: their formulas in NumPy and math, their gradients, PyTorch itself where it is installed."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import nn, optim
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from harness import check_same_bits
from models import eager_step

POINTS = np.array([-30.0, -7.5, -3.0, -1.5, -1.0, -0.6, -1e-9, 0.0, 1e-9, 0.3, 1.0, 2.5, 3.0, 6.0, 8.0, 40.0])


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


LAYERS: dict[str, Callable[[float], float]] = {
    "ELU()": lambda x: x if x > 0 else math.expm1(x),
    "ELU(alpha=0.5)": lambda x: x if x > 0 else 0.5 * math.expm1(x),
    "CELU()": lambda x: x if x > 0 else math.expm1(x),
    "CELU(2.0)": lambda x: x if x > 0 else 2 * math.expm1(x / 2),
    "SELU()": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "GELU()": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "GELU(approximate='tanh')": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "SiLU()": lambda x: x * sigmoid(x),
    "Mish()": lambda x: x * math.tanh(softplus(x)),
    "Softplus()": softplus,
    "Softplus(beta=2, threshold=20)": lambda x: softplus(2 * x) / 2,
    "LogSigmoid()": lambda x: -softplus(-x),
    "Hardtanh()": lambda x: min(max(x, -1), 1),
    "Hardtanh(-2, 0.5)": lambda x: min(max(x, -2), 0.5),
    "ReLU6()": lambda x: min(max(x, 0), 6),
    "Hardsigmoid()": lambda x: min(max(x + 3, 0), 6) / 6,
    "Hardswish()": lambda x: x * min(max(x + 3, 0), 6) / 6,
    "Softsign()": lambda x: x / (1 + abs(x)),
    "Tanhshrink()": lambda x: x - math.tanh(x),
    "PReLU()": lambda x: x if x > 0 else 0.25 * x,
    "LeakyReLU(0.2)": lambda x: x if x > 0 else 0.2 * x,
}


def slopes_of(lib: Any, layer: str, tensor: Callable[[np.ndarray], Any]) -> tuple[np.ndarray, np.ndarray]:
    module = eval(f"nn.{layer}", {"nn": lib.nn})
    x = tensor(POINTS.copy())
    x.requires_grad_()
    y = module.double()(x)
    y.sum().backward()
    return y.detach().numpy(), x.grad.numpy()


@pytest.mark.parametrize("layer", LAYERS)
def test_formula(layer: str) -> None:
    """Values to float64's last digits; slopes by central differences, but at corners."""
    values, slopes = slopes_of(fastnn, layer, Tensor)
    function = LAYERS[layer]
    np.testing.assert_allclose(values, [function(x) for x in POINTS], rtol=1e-12, atol=1e-15)
    step = 1e-6
    for x, slope in zip(POINTS, slopes, strict=True):
        sides = [(function(x + step) - function(x)) / step, (function(x) - function(x - step)) / step]
        if abs(sides[0] - sides[1]) < 1e-4:
            assert abs(slope - sum(sides) / 2) < 1e-4
        else:
            assert min(abs(slope - side) for side in sides) < 1e-4
    single = eval(f"nn.{layer}", {"nn": nn})(Tensor(POINTS.astype(np.float32)))
    assert single.dtype is fastnn.float32
    np.testing.assert_allclose(single.detach().numpy(), values, rtol=3e-6, atol=2e-7)


@pytest.mark.parametrize("layer", LAYERS)
def test_values_and_slopes_are_torchs(layer: str) -> None:
    """At every point, corners too."""
    torch = pytest.importorskip("torch")
    rounded = 1e-7 if layer == "Hardsigmoid()" else 1e-11  # PyTorch has a float32 of 1/6 in its slope
    for wanted, found in zip(slopes_of(torch, layer, torch.from_numpy), slopes_of(fastnn, layer, Tensor), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=rounded, atol=1e-12)
    assert repr(eval(f"nn.{layer}", {"nn": nn})) == repr(eval(f"nn.{layer}", {"nn": torch.nn}))


def test_prelu_learns_a_slope_for_each_channel() -> None:
    layer, x = nn.PReLU(3), Tensor(np.full((2, 3, 4), -1.0, np.float32))
    layer(x).sum().backward()
    assert layer.weight.grad.tolist() == [-8, -8, -8] and layer(x).shape == (2, 3, 4)


def trained(layer: str, dtype: type, compiled: bool) -> list[np.ndarray]:
    """Losses and parameters of some steps; inputs that reach every part of the function."""
    fastnn.manual_seed(3)
    model = nn.Sequential(nn.Linear(5, 4), eval(f"nn.{layer}", {"nn": nn}), nn.Linear(4, 2))
    model = model.double() if dtype is np.float64 else model
    x, y = (8 * np.random.default_rng(1).standard_normal((2, 70, 5))).astype(dtype)
    loss, optimizer = nn.MSELoss(), optim.SGD(model.parameters(), lr=1e-3)
    step = Plan(model, loss, optimizer).step if compiled else partial(eager_step, model, loss, optimizer)
    losses = [step(x, np.ascontiguousarray(y[:, :2])) for _ in range(3)]
    return [np.float64(losses), *(each.detach().numpy() for each in model.parameters())]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer", LAYERS)
def test_plans_have_them(layer: str, dtype: type) -> None:
    """Compiled, with the bits of eager code: losses, and what training made of the parameters."""
    for found, expected in zip(trained(layer, dtype, True), trained(layer, dtype, False), strict=True):
        check_same_bits(found, expected)


def test_corners_of_hardtanh() -> None:
    """Slopes are 0 at the bounds, also of one that is the other, or infinite; of clamp 1 there."""
    x = Tensor(np.float32([-np.inf, -1, 0, 1, np.inf, np.nan]), requires_grad=True)
    for bounds, slopes in (((-1, 1), [0, 0, 1, 0, 0, 0]), ((0, 0), [0] * 6), ((-np.inf, 0), [0, 1, 0, 0, 0, 0])):
        x.grad = None
        nn.functional.hardtanh(x, *bounds).sum().backward()
        assert x.grad.tolist() == slopes
    x.grad = None
    x.clamp(-1, 1).sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 0, 0]
    assert nn.functional.relu6(fastnn.tensor([-2, 3, 9])).tolist() == [0, 3, 6]


def test_clamp_by_what_is_no_number() -> None:
    """Everything is NaN then, as in PyTorch."""
    assert Tensor([1.0, 2.0]).clamp(min=float("nan")).isnan().all()


def test_the_error_function() -> None:
    points = np.concatenate([np.linspace(-8, 8, 4001), 10.0 ** np.linspace(-300, 0, 99), [0.46875, 4.0, np.inf]])
    expected = [math.erf(x) for x in points]
    np.testing.assert_allclose(Tensor(points).erf().numpy(), expected, rtol=1e-15)
    assert fastnn.erf(fastnn.tensor([float("nan")])).isnan().all()
    assert fastnn.erf(fastnn.tensor([1, 0])).dtype is fastnn.float32


def test_faults() -> None:
    for wrong, text in (
        (lambda: nn.GELU("exact"), "'none' or 'tanh', got 'exact'"),
        (lambda: nn.functional.hardtanh(Tensor(POINTS), 1, -1), "max_val is -1, below"),
    ):
        with pytest.raises(ValueError, match=text):
            wrong()
