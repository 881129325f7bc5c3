"""Layers and losses: their values beside NumPy's formulas, their errors, and where parameters and dropout start."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastnn import nn, random
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional as F
from fastnn.nn import init
from fastnn.reference.dropout import dropout
from fastnn.reference.random import uniform


def test_parameters_start_in_torchs_distribution() -> None:
    random.manual_seed(11)
    layer = nn.Linear(300, 500)
    for array in (layer.weight.detach().numpy(), nn.Linear(256, 50_000).bias.detach().numpy()):
        bound = 300**-0.5 if array.ndim == 2 else 1 / 16
        count = array.size
        assert -bound <= array.min() < -0.999 * bound and 0.999 * bound < array.max() <= bound
        assert abs(array.mean(dtype=np.float64)) < 5 * bound / np.sqrt(3 * count)
        assert array.var(dtype=np.float64) == pytest.approx(bound**2 / 3, rel=5 * np.sqrt(0.8 / count))
        ranks = (np.sort(array, axis=None) / bound + 1) / 2
        distance = np.abs(ranks - (np.arange(count) + 0.5) / count).max()
        assert distance < 1.95 / np.sqrt(count)  # Kolmogorov, 0.1 % level


def test_each_parameter_has_its_position_in_the_stream() -> None:
    def build(seed: int) -> nn.Module:
        random.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2, bias=False), nn.Linear(2, 5))

    for position, parameter in enumerate(build(7).parameters()):
        bound = [3, 3, 4, 2, 2][position] ** -0.5
        expected = uniform(parameter.shape, -bound, bound, 7, random.INIT, position)
        np.testing.assert_array_equal(parameter.detach().numpy(), expected)
    first, again, other = (next(build(seed).parameters()).detach().numpy() for seed in (7, 7, 8))
    assert first.tobytes() == again.tobytes() != other.tobytes()


@pytest.mark.parametrize(
    "fill, bound",
    [
        (lambda w: init.xavier_uniform_(w, gain=2.0), 2 * np.sqrt(6 / 70)),
        (lambda w: init.kaiming_uniform_(w, nonlinearity="relu"), np.sqrt(6 / 40)),
        (lambda w: init.kaiming_uniform_(w, a=np.sqrt(5)), np.sqrt(1 / 40)),
        (lambda w: init.kaiming_uniform_(w, mode="fan_out", nonlinearity="relu"), np.sqrt(6 / 30)),
        (lambda w: init.uniform_(w, -0.5, 0.5), 0.5),
    ],
)
def test_initialisers(fill: Callable[[Tensor], Tensor], bound: float) -> None:
    weight = nn.Parameter(Tensor(np.zeros((30, 40))))
    assert fill(weight) is weight and 0.95 * bound < np.abs(weight.detach().numpy()).max() <= bound
    assert init.ones_(weight).detach().tolist() == np.ones((30, 40)).tolist() and not init.zeros_(weight).detach().any()
    with pytest.raises(ValueError, match="at least 2 dimensions"):
        init.xavier_uniform_(Tensor(np.zeros(3)))


def test_dropout() -> None:
    random.manual_seed(3)
    first, second, x = nn.Dropout(0.3), nn.Dropout(0.3), Tensor(np.ones((100, 100), np.float32))
    draws = [first(x).numpy(), first(x).numpy(), second(x).numpy()]
    for draw, (call, number) in zip(draws, [(0, 0), (1, 0), (0, 1)], strict=True):
        assert np.unique(draw).tolist() == [0, np.float32(1 / 0.7)]
        assert abs((draw == 0).mean() - 0.3) < 5 * np.sqrt(0.21 / draw.size)
        np.testing.assert_array_equal(draw, dropout(x.numpy(), 0.3, 3, call, number)[0])
    assert all(np.mean((a == 0) == (b == 0)) < 0.7 for a, b in [draws[:2], draws[1:], draws[::2]])
    assert first.calls == 2 and first.eval()(x) is x and first.calls == 2 and nn.Dropout(0.0)(x) is x
    assert copy.deepcopy(first).number == 3  # a copy draws for itself
    random.manual_seed(3)
    np.testing.assert_array_equal(nn.Dropout(0.3)(x).numpy(), draws[0])
    for p in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match=r"p is .* less than 1"):
            nn.Dropout(p)


rng = np.random.default_rng(5)
X, W, B, T = (rng.standard_normal(shape) for shape in ((6, 4), (3, 4), 3, (6, 4)))
P, LABELS = rng.random((6, 4)), np.array([0, 3, 1, 1, 2, 0])
LOG_SUM = np.log(np.exp(X).sum(1, keepdims=True))
CROSS = (LOG_SUM - X)[np.arange(6), LABELS]
BCE = np.maximum(X, 0) - X * P + np.log1p(np.exp(-np.abs(X)))


@pytest.mark.parametrize(
    "layer, expected",
    [
        (lambda x: F.linear(x, Tensor(W), Tensor(B)), X @ W.T + B),
        (lambda x: F.linear(x, Tensor(W)), X @ W.T),
        (lambda x: F.linear(x.view(2, 3, 4), Tensor(W), Tensor(B)), (X @ W.T + B).reshape(2, 3, 3)),
        (lambda x: F.linear(x[0], Tensor(W), Tensor(B)), X[0] @ W.T + B),
        (nn.ReLU(), np.maximum(X, 0)),
        (nn.LeakyReLU(), np.where(X > 0, X, 0.01 * X)),
        (lambda x: F.leaky_relu(x, -2.0, inplace=True), np.where(X > 0, X, -2 * X)),
        (nn.Sigmoid(), 1 / (1 + np.exp(-X))),
        (nn.Tanh(), np.tanh(X)),
        (nn.Softmax(dim=1), np.exp(X - LOG_SUM)),
        (nn.LogSoftmax(dim=1), X - LOG_SUM),
        (nn.Softmax(dim=0), np.exp(X) / np.exp(X).sum(0)),
        (lambda x: nn.Flatten()(x.view(3, 2, 2, 2)), X.reshape(3, 8)),
        (nn.Identity(), X),
        (lambda x: F.one_hot(Tensor(LABELS)), np.eye(4)[LABELS]),
    ],
)
def test_layer(layer: Callable[[Tensor], Tensor], expected: np.ndarray) -> None:
    np.testing.assert_allclose(layer(Tensor(X)).numpy(), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    "loss, each",
    [
        (lambda how: nn.CrossEntropyLoss(how)(Tensor(X), Tensor(LABELS)), CROSS),
        (lambda how: nn.CrossEntropyLoss(how)(Tensor(X), Tensor(LABELS.astype(np.uint8))), CROSS),
        (lambda how: F.cross_entropy(Tensor(X[0]), Tensor(LABELS[0]), how), CROSS[0]),
        (lambda how: nn.NLLLoss(how)(Tensor(X), Tensor(LABELS)), -X[np.arange(6), LABELS]),
        (lambda how: nn.MSELoss(how)(Tensor(X), Tensor(T)), (X - T) ** 2),
        (lambda how: nn.MSELoss(how)(Tensor(X[0, 0]), Tensor(T[0, 0])), (X - T)[0, 0] ** 2),
        (lambda how: nn.BCEWithLogitsLoss(how)(Tensor(X), Tensor(P)), BCE),
    ],
)
def test_loss(loss: Callable[[str], Tensor], each: np.ndarray) -> None:
    np.testing.assert_allclose(loss("none").numpy(), each, rtol=1e-13)
    assert loss("none").shape == np.shape(each)
    assert loss("mean").item() == pytest.approx(np.mean(each), rel=1e-13)
    assert loss("sum").item() == pytest.approx(np.sum(each), rel=1e-13)
    with pytest.raises(ValueError, match="reduction must be 'mean', 'sum' or 'none', got 'avg'"):
        loss("avg")


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        (
            lambda: F.cross_entropy(Tensor(X), Tensor([0, 3, 4, 1, 2, 0])),
            ValueError,
            "label 4 at sample 2 is outside 0..3",
        ),
        (lambda: F.cross_entropy(Tensor(X), Tensor([0, 3, -1, 1, 2, 0])), ValueError, "label -1 at sample 2"),
        (
            lambda: F.nll_loss(Tensor(X), Tensor([0, 3, -1, 1, 2, 0])),
            ValueError,
            "label -1 at sample 2 is outside 0..3",
        ),
        (
            lambda: F.cross_entropy(Tensor(X), Tensor(P[:, :3])),
            TypeError,
            "labels must be integers.*class numbers, not one-hot",
        ),
        (lambda: F.nll_loss(Tensor(X), Tensor(P)), TypeError, "labels must be integers"),
        (lambda: F.cross_entropy(Tensor(X), Tensor(LABELS[:5])), ValueError, "6 samples, labels have 5"),
        (lambda: F.cross_entropy(Tensor(X[:0]), Tensor(LABELS[:0])), ValueError, "batch is empty"),
        (
            lambda: F.binary_cross_entropy_with_logits(Tensor(X[:, :1]), Tensor(T[:, 0])),
            ValueError,
            r"\(6, 1\).*\(6,\).*view\(-1, 1\)",
        ),
        (lambda: F.mse_loss(Tensor(X), nn.Parameter(T), "none"), RuntimeError, "requires grad: are the two swapped"),
        (lambda: F.one_hot(Tensor([0, 4]), 3), ValueError, r"0 to 4, outside 0\.\.2"),
        (lambda: F.linear(Tensor(X), Tensor(W[:, :3])), ValueError, r"weight has 3 inputs, x has shape \(6, 4\)"),
        (lambda: nn.LeakyReLU(np.nan), ValueError, "LeakyReLU: negative_slope is nan; it must be finite"),
        (lambda: F.leaky_relu(Tensor(X), -np.inf), ValueError, "negative_slope is -inf; it must be a finite float64"),
        (lambda: nn.Linear(0, 3), ValueError, "in_features is 0"),
        (lambda: nn.Linear(3, True), TypeError, "out_features must be an integer"),
        (lambda: nn.Linear(2**40, 2**40), ValueError, "PiB"),
    ],
)
def test_error(wrong: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        wrong()
