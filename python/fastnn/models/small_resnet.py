"""A small residual network for photographs of 48 to 128 pixels: what the recipe ``catsdogs`` trains."""

from __future__ import annotations

from fastnn.eager.tensor import Tensor
from fastnn.models.resnet import stage, start_as_he
from fastnn.nn.activation import ReLU
from fastnn.nn.batch_norm import BatchNorm2d
from fastnn.nn.container import Sequential
from fastnn.nn.convolution import Conv2d
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module
from fastnn.nn.pooling import AdaptiveAvgPool2d, MaxPool2d


class SmallResNet(Module):
    """A stem that goes down to a quarter of each side in two steps (5x5 of stride 2 to 32 maps, 3x3 to 64, 2x2 max
    pooling), four stages of :class:`BasicBlock` (64, 96, 128, 192 maps; 1, 1, 2, 2 blocks), the mean of each map and a
    linear layer: 2.05 million parameters. Convolutions start as in :class:`ResNet`.

    ResNet-18's stem leaves as little of a small photograph after one convolution, and most of its 11 million parameters
    see 2x2 pixels of one of 64x64.

    Shapes: (N, in_channels, H, W), H and W at least 4 -> logits (N, num_classes).
    """

    def __init__(self, num_classes: int = 2, in_channels: int = 3) -> None:
        super().__init__()
        self.num_classes, self.in_channels = num_classes, in_channels
        first = Conv2d(in_channels, 32, 5, stride=2, padding=2, bias=False), BatchNorm2d(32), ReLU(inplace=True)
        second = Conv2d(32, 64, 3, padding=1, bias=False), BatchNorm2d(64), ReLU(inplace=True)
        self.stem = Sequential(*first, *second, MaxPool2d(2))
        self.layer1 = stage(64, 64, 1, stride=1)
        self.layer2 = stage(64, 96, 1, stride=2)
        self.layer3 = stage(96, 128, 2, stride=2)
        self.layer4 = stage(128, 192, 2, stride=2)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(192, num_classes)
        start_as_he(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
        return self.fc(self.avgpool(x).flatten(1))


def small_resnet(num_classes: int = 2, in_channels: int = 3) -> SmallResNet:
    """See :class:`SmallResNet`."""
    return SmallResNet(num_classes, in_channels)
