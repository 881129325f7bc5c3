"""A small network of today's kind: convolutions with batch norm."""

from __future__ import annotations

from itertools import pairwise

from fastnn.eager.tensor import Tensor
from fastnn.nn.activation import ReLU
from fastnn.nn.batch_norm import BatchNorm2d
from fastnn.nn.container import Sequential
from fastnn.nn.convolution import Conv2d
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module
from fastnn.nn.pooling import AdaptiveAvgPool2d, MaxPool2d


class SmallCNN(Module):
    """Three 3x3 convolutions (to 32, 64 and 128 maps), each with batch norm, ReLU and 2x2 max pooling; then the mean of
    each map and a linear layer.

    Shapes: (N, in_channels, H, W), H and W at least 8 -> logits (N, num_classes).
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        self.num_classes, self.in_channels = num_classes, in_channels
        layers: list[Module] = []
        for inputs, outputs in pairwise((in_channels, 32, 64, 128)):
            convolution = Conv2d(inputs, outputs, 3, padding=1, bias=False)
            layers += [convolution, BatchNorm2d(outputs), ReLU(), MaxPool2d(2)]
        self.features = Sequential(*layers)
        self.pool = AdaptiveAvgPool2d(1)
        self.fc = Linear(128, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.features(x)).flatten(1))


def small_cnn(num_classes: int = 10, in_channels: int = 3) -> SmallCNN:
    """See :class:`SmallCNN`."""
    return SmallCNN(num_classes, in_channels)
