"""Layers of images whose channels lie last in memory, as convolutions give them: PyTorch's values and gradients, the
results of images in PyTorch's order, and plans with the bits of eager code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from beside_torch import check_beside_torch
from fastnn import nn, optim
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional as F
from models import train

SHAPE = (3, 6, 5, 7)
ARRAYS = {"m": np.random.default_rng(1).standard_normal((3, 5, 7, 6))}  # [N][H][W][C]
LAYERS = [
    "nn.GroupNorm(3, 6)", "nn.GroupNorm(1, 6)", "nn.LayerNorm((6, 5, 7))", "nn.LayerNorm(7)", "nn.BatchNorm2d(6)",
    "nn.PReLU(6)", "nn.PReLU()", "nn.LeakyReLU(0.2)", "nn.ELU()", "nn.GELU()", "nn.SiLU()", "nn.Softplus()",
    "nn.Hardtanh()", "nn.ReLU6()", "nn.Softmax(1)", "nn.Upsample(scale_factor=2)", "nn.Upsample((3, 9))",
    "nn.ZeroPad2d((1, 2, 0, -1))", "nn.ConstantPad2d(2, 3.5)", "nn.Flatten()", "nn.Flatten(2)",
    "nn.Unflatten(1, (2, 3))", "nn.MaxPool2d(2, 2, 1)", "nn.AvgPool2d(2, divisor_override=3)",
    "nn.AdaptiveAvgPool2d((2, 3))", "nn.AdaptiveMaxPool2d((2, 3))",
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_values_and_gradients_are_torchs(layer: str) -> None:
    check_beside_torch(f"{layer}.double()(m.permute(0, 3, 1, 2))", ARRAYS)


@pytest.mark.parametrize("layer", LAYERS)
def test_order_of_memory_does_not_matter(layer: str) -> None:
    """Values and gradients are those of the same images in C order."""
    results = []
    for copied in (np.asarray, np.ascontiguousarray):
        module: nn.Module = eval(layer, {"nn": nn}).double()
        x = Tensor(copied(ARRAYS["m"].transpose(0, 3, 1, 2)), requires_grad=True)
        y = module(x)
        (y.tanh() * Tensor(np.random.default_rng(2).standard_normal(y.shape))).sum().backward()
        results.append([y.detach().numpy(), x.grad.numpy(), *(p.grad.numpy() for p in module.parameters())])
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("layer", ["nn.Upsample(scale_factor=2)", "nn.ZeroPad2d(1)", "nn.ConstantPad2d(1, 2.0)"])
def test_resizing_keeps_the_order_of_memory(layer: str) -> None:
    """The convolution behind it need not copy."""
    module = eval(layer, {"nn": nn})
    x = Tensor(ARRAYS["m"].transpose(0, 3, 1, 2), requires_grad=True)
    y = module(x)
    y.backward(Tensor(np.ones(y.shape)))
    for array in (y._data, x.grad._data):
        assert array.transpose(0, 2, 3, 1).flags.c_contiguous and not array.flags.c_contiguous


COMPILED: dict[str, Callable[[], nn.Module]] = {
    "channels dropped": lambda: nn.Dropout2d(0.3),
    "dropout": lambda: nn.Dropout(0.3),
    "padding": lambda: nn.ZeroPad2d((1, 0, 2, 1)),
    "constant": lambda: nn.ConstantPad2d(1, 2.0),
    "nearest": lambda: nn.Upsample(scale_factor=2),
    "groups": lambda: nn.GroupNorm(2, 8),
    "samples": lambda: nn.LayerNorm([8, 8, 8]),
    "slopes": lambda: nn.PReLU(8),
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "leaky": lambda: nn.LeakyReLU(0.1),
    "rows and back": lambda: nn.Sequential(nn.Flatten(), nn.Unflatten(1, (8, 8, 8))),
    "adaptive max": lambda: nn.AdaptiveMaxPool2d((5, 4)),
    "whole windows": lambda: nn.AdaptiveMaxPool2d(4),
}


@pytest.mark.parametrize("name", COMPILED)
def test_plans_have_the_bits_of_eager_code(name: str) -> None:
    """Between two convolutions."""
    rng = np.random.default_rng(1)
    batches = [(rng.standard_normal((n, 3, 10, 10)).astype("f4"), rng.integers(0, 3, n)) for n in (17, 5, 1, 17)]

    def build() -> tuple[nn.Module, Any, optim.Optimizer]:
        layers = [nn.Conv2d(3, 8, 3), COMPILED[name](), nn.Conv2d(8, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        model = nn.Sequential(*layers, nn.Linear(4, 3))
        return model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01)

    assert train(build, batches, compiled=True) == train(build, batches, compiled=False)


def test_dropped_channels_are_whole() -> None:
    x = Tensor(ARRAYS["m"].transpose(0, 3, 1, 2))
    for y in (nn.Dropout2d(0.5)(x), F.dropout2d(x, 0.5)):
        kept = y.numpy() / x.numpy()
        assert {*kept.round(9).ravel().tolist()} == {0, 2}
        assert (kept.std((2, 3)) < 1e-9).all() and y.shape == SHAPE
