"""ResNet: K. He et al., "Deep residual learning for image recognition", 2015; structure and names are torchvision's."""

from __future__ import annotations

from fastnn.eager.tensor import Tensor
from fastnn.nn import init
from fastnn.nn.activation import ReLU
from fastnn.nn.batch_norm import BatchNorm2d
from fastnn.nn.container import Sequential
from fastnn.nn.convolution import Conv2d
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module
from fastnn.nn.pooling import AdaptiveAvgPool2d, MaxPool2d


class BasicBlock(Module):
    """Two 3x3 convolutions with batch norm beside a shortcut.

    Shapes: (N, inplanes, H, W) -> (N, planes, H / stride, W / stride), rounded up.
    """

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: Module | None = None) -> None:
        super().__init__()
        self.inplanes, self.planes = inplanes, planes
        self.conv1 = Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(planes)
        self.relu = ReLU(inplace=True)
        self.conv2 = Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + shortcut)


class ResNet(Module):
    """Four stages of :class:`BasicBlock` (64, 128, 256 and 512 maps), layers[i] blocks in stage i.

    Shapes: (N, in_channels, H, W) -> logits (N, num_classes); H and W are divided by 32 on the way, rounded up.
    Convolutions start as He et al., 2015 (normal, fan out), as torchvision's do.
    """

    def __init__(self, layers: tuple[int, int, int, int], num_classes: int = 1000, in_channels: int = 3) -> None:
        super().__init__()
        self.layers, self.num_classes, self.in_channels = layers, num_classes, in_channels
        self.conv1 = Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm2d(64)
        self.relu = ReLU(inplace=True)
        self.maxpool = MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(64, 64, layers[0], stride=1)
        self.layer2 = stage(64, 128, layers[1], stride=2)
        self.layer3 = stage(128, 256, layers[2], stride=2)
        self.layer4 = stage(256, 512, layers[3], stride=2)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(512, num_classes)
        start_as_he(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def start_as_he(network: Module) -> None:
    """Draws the weights of all convolutions from normal distributions of variance 2 / (O kh kw): He et al., 2015."""
    for module in network.modules():
        if isinstance(module, Conv2d):
            init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def stage(inplanes: int, planes: int, blocks: int, stride: int) -> Sequential:
    """Blocks of as many maps, the first with a stride: what comes after it is smaller by that."""
    downsample = None
    if stride != 1 or inplanes != planes:
        downsample = Sequential(Conv2d(inplanes, planes, 1, stride=stride, bias=False), BatchNorm2d(planes))
    first = BasicBlock(inplanes, planes, stride, downsample)
    return Sequential(first, *(BasicBlock(planes, planes) for _ in range(1, blocks)))


def resnet18(
    weights: None = None,
    progress: bool = True,
    *,
    pretrained: bool = False,
    num_classes: int = 1000,
    in_channels: int = 3,
) -> ResNet:
    """ResNet-18.

    Raises:
        ValueError: weights (pretrained=True in torchvision's older words) are asked for: the package has none.
    """
    _check_weights("resnet18", weights or pretrained)
    return ResNet((2, 2, 2, 2), num_classes, in_channels)


def resnet34(
    weights: None = None,
    progress: bool = True,
    *,
    pretrained: bool = False,
    num_classes: int = 1000,
    in_channels: int = 3,
) -> ResNet:
    """ResNet-34.

    Raises:
        ValueError: weights (pretrained=True in torchvision's older words) are asked for: the package has none.
    """
    _check_weights("resnet34", weights or pretrained)
    return ResNet((3, 4, 6, 3), num_classes, in_channels)


def _check_weights(name: str, weights: object) -> None:
    if weights not in (None, False):
        raise ValueError(
            f"{name}: the package has no weights, and loads nothing from elsewhere. Save torchvision's with "
            f"torch.save(model.state_dict(), '{name}.pth') and read them with "
            f"model.load_state_dict(fastnn.load('{name}.pth'))"
        )
