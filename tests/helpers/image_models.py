"""Small networks of images that the tests of plans train: every layer of images, in the shapes that networks have."""

from __future__ import annotations

import numpy as np
from fastnn import models, nn
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional as F
from models import Batch

CLASSES = 10


class Block(nn.Module):
    """Two convolutions with batch norm and dropout beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1, self.bn2, self.drop = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs), nn.Dropout(0.1)
        self.short: nn.Module = nn.Identity()
        if stride > 1:
            self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        h = self.bn1(self.conv1(x)).relu()
        return (self.drop(self.bn2(self.conv2(h))) + self.short(x)).relu()


def residual(width: int = 8) -> nn.Sequential:
    """Two residual blocks on images of 3x12x12."""
    return nn.Sequential(
        *(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()),
        *(Block(width, width, 1), Block(width, 2 * width, 2)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, CLASSES)),
    )


class Odd(nn.Module):
    """Windows that overlap, spread and leave rows out; groups; more channels than a panel has; batch norm of features,
    with the batch's values alone, and with running values while it learns."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2))
        self.groups = nn.Conv2d(8, 40, 3, padding="same", groups=4)
        self.depthwise = nn.Conv2d(40, 40, 3, groups=40, bias=False)
        self.max = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.mean = nn.AvgPool2d((3, 2), stride=1, padding=1, count_include_pad=False)
        self.norm = nn.BatchNorm2d(40, track_running_stats=False)
        self.frozen = nn.BatchNorm2d(8, momentum=0.3, affine=True)
        self.features = nn.BatchNorm1d(40 * 6, affine=False)
        self.out = nn.Linear(40 * 6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(self.conv(x))
        running = (self.frozen.running_mean, self.frozen.running_var)
        h = F.batch_norm(h, *running, self.frozen.weight, self.frozen.bias, training=False)
        h = self.norm(self.max(self.groups(h)))
        h = F.adaptive_avg_pool2d(self.depthwise(self.mean(h).tanh()), (3, 2))
        return self.out(self.features(h.flatten(1)))


MODELS = {"lenet": (models.lenet5, (1, 28, 28)), "residual": (residual, (3, 12, 12)), "odd": (Odd, (3, 12, 12))}


def images(name: str, sizes: list[int], dtype: type = np.float32) -> list[Batch]:
    """Batches of these sizes for the model of this name: x (N, C, H, W), and labels."""
    rng = np.random.default_rng(7)
    shape = MODELS[name][1]
    return [(rng.standard_normal((n, *shape)).astype(dtype), rng.integers(0, CLASSES, n)) for n in sizes]
