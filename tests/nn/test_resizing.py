"""Padding, nearest interpolation, Unflatten: by hand, beside PyTorch, in plans, and what they refuse."""

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

RNG = np.random.default_rng(4)
X = RNG.standard_normal((2, 3, 4, 5))
ROW = fastnn.tensor([[[10.0, 20.0, 30.0]]])


def test_padding_by_hand() -> None:
    x = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert F.pad(x, (1, 0)).tolist() == [[0, 1, 2], [0, 3, 4]]
    assert F.pad(x, (0, 1, 1, 0), value=9).tolist() == [[9, 9, 9], [1, 2, 9], [3, 4, 9]]
    assert F.pad(x, (-1, 1), "constant", 7.0).tolist() == [[2, 7], [4, 7]]
    assert F.pad(fastnn.tensor([1, 2]), (2, 1), value=5).tolist() == [5, 5, 1, 2, 5]
    assert F.pad(x, (0, 0, 0, -2)).shape == (0, 2)
    assert nn.ZeroPad2d((1, 2, 3, 4))(fastnn.ones(1, 1, 2, 2)).shape == (1, 1, 9, 5)
    infinite = F.pad(fastnn.tensor([float("nan"), 1.0]), (1, 1), value=float("-inf"))
    assert str(infinite.tolist()) == "[-inf, nan, 1.0, -inf]"


def test_nearest_by_hand() -> None:
    """Element i of 7 is number floor(3 i / 7); of a factor 1.7 floor(i / 1.7)."""
    assert F.interpolate(ROW, size=7).tolist() == [[[10, 10, 10, 20, 20, 30, 30]]]
    assert F.interpolate(ROW, scale_factor=1.7).tolist() == [[[10, 10, 20, 20, 30]]]
    assert F.interpolate(ROW, scale_factor=1.6).tolist() == [[[10, 10, 20, 20]]]
    assert F.interpolate(ROW, scale_factor=1.6, recompute_scale_factor=True).tolist() == [[[10, 10, 20, 30]]]
    assert F.interpolate(ROW, size=2).tolist() == [[[10, 20]]]
    assert F.interpolate(ROW, size=2, mode="nearest-exact").tolist() == [[[10, 30]]]
    assert nn.Upsample(scale_factor=2)(fastnn.tensor([[[[1, 2]]]])).tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]


@pytest.mark.parametrize(
    "call",
    [
        "F.pad(x, (1, 2))", "F.pad(x, (1, 2, 3, 0), value=1.5)", "F.pad(x, (-1, 2, 0, -2, 1, 1), 'constant', -3)",
        "nn.ZeroPad2d(2)(x)", "nn.ConstantPad2d((1, 0, -1, 3), 2.5)(x)", "nn.ZeroPad1d((2, 1))(x)", "F.pad(x, [])",
        "F.interpolate(x, size=(7, 3))", "F.interpolate(x, scale_factor=2)",
        "F.interpolate(x, scale_factor=(0.5, 1.3))",
        "F.interpolate(x, size=9, mode='nearest-exact')", "F.interpolate(x[0], scale_factor=2.5)",
        "F.interpolate(x, scale_factor=1.7, recompute_scale_factor=True)", "nn.Upsample((8, 10))(x)",
        "nn.Upsample(scale_factor=(2, 3), mode='nearest')(x)", "nn.UpsamplingNearest2d(scale_factor=3)(x)",
        "F.interpolate(x[:, :, None], scale_factor=2)", "nn.Unflatten(1, (3, 1))(x)", "nn.Unflatten(-1, (-1, 5))(x)",
    ],
)  # fmt: skip
def test_values_and_gradients_are_torchs(call: str) -> None:
    check_beside_torch(call, {"x": X})


def test_every_size_is_torchs() -> None:
    """Which element of 1 to 12 stands where among 1 to 30."""
    torch = pytest.importorskip("torch")
    for old in range(1, 13):
        row = np.arange(old, dtype=np.float32).reshape(1, 1, old)
        for new in range(1, 31):
            for mode in ("nearest", "nearest-exact"):
                wanted = torch.nn.functional.interpolate(torch.from_numpy(row), size=new, mode=mode)
                assert F.interpolate(Tensor(row), size=new, mode=mode).tolist() == wanted.tolist(), (old, new, mode)
            factor = new / 7
            if int(old * factor):
                wanted = torch.nn.functional.interpolate(torch.from_numpy(row), scale_factor=factor)
                assert F.interpolate(Tensor(row), scale_factor=factor).tolist() == wanted.tolist(), (old, factor)


def test_texts_are_torchs() -> None:
    check_texts(["nn.ZeroPad2d(2)", "nn.ZeroPad2d((1, 2, 3, 4))", "nn.ConstantPad2d(1, 3.5)", "nn.ZeroPad1d(1)"])
    check_texts(
        ["nn.Upsample(scale_factor=2)", "nn.Upsample(size=(3, 3))", "nn.Upsample(None, (2, 3), mode='nearest')"]
    )
    check_texts(["nn.Unflatten(1, (2, 3))", "nn.ConstantPad1d((1, 2), 0)", "nn.Upsample(5, mode='nearest-exact')"])


def test_plans_have_them() -> None:
    """With the bits of eager code."""
    fastnn.manual_seed(3)
    inner = [
        nn.Unflatten(1, (1, 2, 2)),
        nn.ZeroPad2d(1),
        nn.ConstantPad2d((0, 1, 0, 0), 0.5),
        nn.Upsample(scale_factor=2),
    ]
    model = nn.Sequential(nn.Linear(5, 4), *inner, nn.Flatten(), nn.Linear(80, 2))
    x, y = RNG.standard_normal((6, 5)).astype(np.float32), RNG.standard_normal((6, 2)).astype(np.float32)
    loss = nn.MSELoss()(model(Tensor(x)), Tensor(y))
    loss.backward()
    expected = model[0].weight.detach() - model[0].weight.grad * 0.5
    plan = Plan(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.5))
    assert plan.step(x, y) == loss.item()
    assert model[0].weight.detach().tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("wrong", "kind", "text"),
    [
        (lambda: F.pad(ROW, (1, 1, 1)), ValueError, r"two sizes for each dimension .* got \(1, 1, 1\)"),
        (lambda: F.pad(ROW, (1,) * 8), ValueError, "two sizes for each dimension"),
        (lambda: F.pad(ROW, (-2, -2)), ValueError, "would take more"),
        (lambda: F.pad(ROW, (1, 1), "reflect"), ValueError, "'reflect' is not supported, only 'constant'"),
        (lambda: nn.ZeroPad2d((1, 2)), ValueError, "an integer, or 4 of them"),
        (lambda: F.interpolate(ROW), ValueError, "give either size or scale_factor"),
        (lambda: F.interpolate(ROW, 3, 2.0), ValueError, "give either size or scale_factor"),
        (lambda: F.interpolate(ROW, (3, 3)), ValueError, "has 2 numbers for 1 dimensions"),
        (lambda: F.interpolate(ROW, scale_factor=0.1), ValueError, r"makes sizes \[0\] of \[3\]"),
        (lambda: F.interpolate(ROW, 2, mode="bilinear"), ValueError, "'bilinear' is not supported"),
        (lambda: nn.Upsample(2, mode="linear"), ValueError, "'linear' is not supported"),
        (lambda: F.interpolate(ROW[0], 2), ValueError, r"expected \(N, C, W\).* got shape \(1, 3\)"),
        (lambda: nn.Unflatten(1, (2, 2))(fastnn.ones(2, 6)), ValueError, r"\(2, 2\) do not make up dimension 1"),
        (lambda: fastnn.ones(2, 6).unflatten(1, (-1, 4)), ValueError, r"\(-1, 4\) do not make up dimension 1"),
        (lambda: F.pad(ROW, (10**9, 0, 10**9, 0)), ValueError, r"shape \(1, 1000000001, 1000000003\) needs .* PiB"),
        (lambda: F.interpolate(ROW[None], 10**9), ValueError, r"\[interpolate\] a result of shape .* PiB; check the"),
        (lambda: F.interpolate(ROW, scale_factor=float("inf")), ValueError, "inf is not finite"),
        (lambda: nn.Unflatten("C", (2, 2)), TypeError, "dim must be an integer, got 'C'"),
    ],
)
def test_refused(wrong: Callable[[], object], kind: type, text: str) -> None:
    with pytest.raises(kind, match=text):
        wrong()
