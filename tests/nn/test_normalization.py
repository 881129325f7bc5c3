"""Layer norm and group norm: by hand, beside PyTorch, in plans, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import fastnn
import numpy as np
import pytest
from beside_torch import check_beside_torch, check_texts
from fastnn import nn, optim
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from fastnn.nn import functional as F

RNG = np.random.default_rng(2)
X = RNG.standard_normal((3, 4, 5))
ARRAYS = {"x": X, "w": RNG.standard_normal(5), "b": RNG.standard_normal(5), "u": RNG.standard_normal((4, 5))}
ARRAYS |= {"c": RNG.standard_normal(4), "d": RNG.standard_normal(4), "m": RNG.standard_normal((2, 4, 3, 2))}


def test_layer_norm_by_hand() -> None:
    """1, 3: mean 2, variance 1."""
    y = nn.LayerNorm(2, eps=0.0)(fastnn.tensor([[1.0, 3.0], [-6.0, -2.0]]))
    assert y.tolist() == [[-1, 1], [-1, 1]]
    y = F.layer_norm(fastnn.tensor([[1.0, 3.0]]), (2,), fastnn.tensor([2.0, 3.0]), fastnn.tensor([10.0, 20.0]), eps=3.0)
    assert y.tolist() == [[9, 21.5]]  # divided by sqrt(1 + 3)


def test_group_norm_by_hand() -> None:
    """Channels 1 3 | 10 30."""
    y = nn.GroupNorm(2, 4, eps=0.0)(fastnn.tensor([[1.0, 3.0, 10.0, 30.0]]))
    np.testing.assert_allclose(y.detach().numpy(), [[-1, 1, -1, 1]], rtol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        "F.layer_norm(x, (5,), w, b)", "F.layer_norm(x, (4, 5), u)", "F.layer_norm(x, [5], eps=0.1)",
        "nn.LayerNorm(5).double()(x)", "nn.LayerNorm((3, 4, 5), elementwise_affine=False)(x)",
        "F.layer_norm(w, (5,), b)",
        "F.group_norm(x, 2, c, d)", "F.group_norm(x, 4)", "F.group_norm(m, 1, c, eps=0.1)", "F.group_norm(m, 2, c, d)",
        "nn.GroupNorm(2, 4).double()(m)", "nn.GroupNorm(1, 4, affine=False)(x)",
    ],
)  # fmt: skip
def test_values_and_gradients_are_torchs(call: str) -> None:
    check_beside_torch(call, ARRAYS)


def test_texts_are_torchs() -> None:
    check_texts(["nn.LayerNorm(4)", "nn.LayerNorm((2, 3), 1e-3, False)", "nn.LayerNorm([4], bias=False)"])
    check_texts(["nn.GroupNorm(2, 4)", "nn.GroupNorm(2, 4, affine=False)", "nn.GroupNorm(2, 4, bias=False)"])


def test_they_start_as_ones_and_zeros() -> None:
    for layer in (nn.LayerNorm((2, 3)), nn.GroupNorm(2, 6)):
        assert layer.weight.detach().tolist() == np.ones(layer.weight.shape).tolist()
        assert not layer.bias.detach().any()
    assert [*nn.LayerNorm(3, bias=False).state_dict()] == ["weight"] and not [
        *nn.GroupNorm(1, 2, affine=False).parameters()
    ]


@pytest.mark.parametrize("layer", ["nn.LayerNorm(4)", "nn.GroupNorm(2, 4)"])
def test_plans_have_them(layer: str) -> None:
    """With the bits of eager code, three steps."""
    x, y = RNG.standard_normal((6, 5)).astype(np.float32), RNG.standard_normal((6, 2)).astype(np.float32)
    states = []
    for compiled in (False, True):
        fastnn.manual_seed(3)
        model = nn.Sequential(nn.Linear(5, 4), eval(layer, {"nn": nn}), nn.Linear(4, 2))
        optimizer, criterion = optim.SGD(model.parameters(), lr=0.1), nn.MSELoss()
        plan = Plan(model, criterion, optimizer) if compiled else None
        for _ in range(3):
            if plan is not None:
                plan.step(x, y)
                continue
            optimizer.zero_grad()
            criterion(model(Tensor(x)), Tensor(y)).backward()
            optimizer.step()
        states.append([value.numpy().tobytes() for value in model.state_dict().values()])
    assert states[0] == states[1]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda: nn.LayerNorm(4)(Tensor(X)), r"normalized_shape is \(4,\): expected x \(\.\.\., 4\), got \(3, 4, 5\)"),
        (lambda: nn.LayerNorm((3, 4, 5))(Tensor(X[0])), r"expected x \(\.\.\., 3, 4, 5\), got \(4, 5\)"),
        (lambda: nn.LayerNorm(0), "normalized_shape is 0"),
        (lambda: nn.LayerNorm(()), "normalized_shape is"),
        (lambda: nn.GroupNorm(3, 4), r"num_channels \(4\) must be divisible by num_groups \(3\)"),
        (lambda: nn.GroupNorm(0, 4), "num_groups is 0"),
        (lambda: nn.GroupNorm(2, 6)(Tensor(X)), r"x has 4 channels, weight has shape \(6,\)"),
        (lambda: F.group_norm(Tensor(X), 3), "3 groups do not divide 4 channels"),
        (lambda: F.group_norm(Tensor(X[0, 0]), 1), r"expected x \(N, C, \.\.\.\), got shape \(5,\)"),
    ],
)
def test_refused(wrong: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        wrong()
