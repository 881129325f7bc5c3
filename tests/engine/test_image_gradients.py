"""Gradients of layers of images beside central differences in float64, of eager code and of plans: of every input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from fastnn import nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from models import eager_step

Shape = tuple[int, ...]


class Twice(nn.Module):
    """One convolution and one batch norm, each used twice; two branches."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.conv(x)).tanh()
        return self.out(self.norm(self.conv(h)) + h * x)


# By name: what makes the layer, and the shape of its input.
LAYERS: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    "conv": (lambda: nn.Conv2d(3, 5, 3, padding=1), (2, 3, 5, 4)),
    "conv, odd settings": (lambda: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 2), (1, 2), groups=2), (2, 4, 6, 7)),
    "conv, same": (lambda: nn.Conv2d(2, 3, (2, 3), padding="same"), (1, 2, 4, 3)),
    "conv, valid, without bias": (lambda: nn.Conv2d(2, 3, 2, padding="valid", bias=False), (3, 2, 4, 3)),
    "conv of each channel": (lambda: nn.Conv2d(17, 17, 3, padding=1, groups=17), (2, 17, 3, 4)),
    "conv 1x1, stride 2": (lambda: nn.Conv2d(9, 8, 1, 2), (2, 9, 5, 4)),
    "conv of padding alone": (lambda: nn.Conv2d(1, 2, 3, padding=4, stride=3), (1, 1, 1, 1)),
    "conv of many channels": (lambda: nn.Conv2d(65, 33, 3, padding=1), (1, 65, 2, 2)),
    "conv in chunks": (lambda: nn.Conv2d(1, 2, 5, padding=2), (5, 1, 14, 13)),
    "max": (lambda: nn.MaxPool2d(2), (2, 3, 6, 5)),
    "max, overlapping": (lambda: nn.MaxPool2d(3, 2, 1, 1, ceil_mode=True), (2, 3, 6, 5)),
    "max, dilated": (lambda: nn.MaxPool2d((2, 1), 1, dilation=(2, 1)), (2, 3, 6, 5)),
    "mean": (lambda: nn.AvgPool2d(2), (2, 3, 6, 5)),
    "mean, overlapping": (lambda: nn.AvgPool2d((3, 2), (2, 1), 1, True, False), (2, 3, 6, 5)),
    "mean, divisor": (lambda: nn.AvgPool2d(2, 1, divisor_override=3), (2, 3, 4, 5)),
    "adaptive": (lambda: nn.AdaptiveAvgPool2d((2, 3)), (2, 3, 5, 4)),
    "global": (lambda: nn.AdaptiveAvgPool2d(1), (2, 3, 5, 4)),
    "norm": (lambda: nn.BatchNorm2d(3), (4, 3, 3, 2)),
    "norm without weights": (lambda: nn.BatchNorm2d(3, affine=False), (4, 3, 3, 2)),
    "norm without running values": (lambda: nn.BatchNorm2d(3, track_running_stats=False), (4, 3, 1, 2)),
    "norm of features": (lambda: nn.BatchNorm1d(5), (6, 5)),
    "norm of lines": (lambda: nn.BatchNorm1d(5), (3, 5, 4)),
    "shared": (Twice, (2, 3, 4, 4)),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.1), (2, 3, 2, 2)),
    "flatten": (lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.Flatten(), nn.Linear(12, 4)), (2, 2, 2, 2)),
    "dropout": (lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.Dropout(0.3)), (2, 2, 3, 2)),
}


class Moved(nn.Module):
    """A layer whose input is a parameter, so that its gradient is one of those that training makes."""

    def __init__(self, layer: nn.Module, x: np.ndarray) -> None:
        super().__init__()
        self.layer, self.x = layer, nn.Parameter(Tensor(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.x + x)


def made(name: str) -> Moved:
    """Without ties: of pixels, and of pixels with 0."""
    random.manual_seed(4)
    build, shape = LAYERS[name]
    rng = np.random.default_rng(3)
    x = (rng.permutation(np.prod(shape)).reshape(shape) - np.prod(shape) / 2 + 0.25) / 10
    model = Moved(build().double(), x)
    for parameter in model.layer.parameters():  # biases and weights of norms, too, are no special numbers
        parameter.data = Tensor(rng.uniform(0.2, 1, parameter.shape) * rng.choice([-1, 1], parameter.shape))
    return model


def weighted(y: Tensor, factor: Tensor) -> Tensor:
    return (y.tanh() * factor).sum()


def loss_at(name: str, moved: str, direction: np.ndarray, distance: float, batch: tuple) -> float:
    """The loss in training of a new model, one of whose parameters is moved."""
    model = made(name)
    parameter = dict(model.named_parameters())[moved]
    parameter.data = Tensor(parameter.detach().numpy() + distance * direction)
    return float(weighted(model(Tensor(batch[0])), Tensor(batch[1])))


@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name: str) -> None:
    """A step of SGD with rate 1 moves each parameter by its gradient."""
    rng = np.random.default_rng(5)
    x = np.zeros(LAYERS[name][1])
    batch = x, rng.uniform(0.5, 1.5, tuple(made(name)(Tensor(x)).shape))
    moves = []
    for compiled in (True, False):
        model = made(name)
        before = {key: parameter.detach().numpy().copy() for key, parameter in model.named_parameters()}
        optimizer = optim.SGD(model.parameters(), lr=1.0)
        if compiled:
            Plan(model, weighted, optimizer).step(*batch)
        else:
            eager_step(model, weighted, optimizer, *batch)
        moves.append({key: before[key] - value.detach().numpy() for key, value in model.named_parameters()})
    for key, gradient in moves[0].items():
        assert gradient.tobytes() == moves[1][key].tobytes(), key
        direction = rng.standard_normal(gradient.shape)
        near, far = (
            loss_at(name, key, direction, h, batch) - loss_at(name, key, direction, -h, batch) for h in (2e-4, 4e-4)
        )
        assert np.sum(gradient * direction) == pytest.approx((8 * near - far) / 24e-4, rel=1e-6, abs=1e-8), key
