"""Well-known small networks of images, without weights: LeNet, small ones with batch norm, ResNet-18 and 34.

The ResNets have torchvision's structure and names, so that its state_dicts load.
"""

from __future__ import annotations

from collections.abc import Callable

from fastnn.models.lenet import LeNet, lenet, lenet5
from fastnn.models.resnet import BasicBlock, ResNet, resnet18, resnet34
from fastnn.models.small_cnn import SmallCNN, small_cnn
from fastnn.models.small_resnet import SmallResNet, small_resnet
from fastnn.nn.module import Module
from fastnn.text import did_you_mean

__all__ = [
    "MODELS",
    "BasicBlock",
    "LeNet",
    "ResNet",
    "SmallCNN",
    "SmallResNet",
    "create",
    "lenet",
    "lenet5",
    "resnet18",
    "resnet34",
    "small_cnn",
    "small_resnet",
]

Shape = tuple[int, int, int]

MODELS: dict[str, Callable[[Shape, int], Module]] = {
    "lenet": lambda shape, classes: lenet(shape, classes),
    "lenet5": lambda shape, classes: lenet5(classes, shape),
    "resnet18": lambda shape, classes: resnet18(num_classes=classes, in_channels=shape[0]),
    "resnet34": lambda shape, classes: resnet34(num_classes=classes, in_channels=shape[0]),
    "small_cnn": lambda shape, classes: small_cnn(classes, in_channels=shape[0]),
    "small_resnet": lambda shape, classes: small_resnet(classes, in_channels=shape[0]),
}


def create(name: str, input_shape: Shape, num_classes: int) -> Module:
    """The model of this name for images (C, H, W) and a number of classes.

    Raises:
        ValueError: an unknown name, or images that are too small for it.
    """
    if name not in MODELS:
        raise ValueError(f"there is no model {name!r}{did_you_mean(name, MODELS)}")
    return MODELS[name](input_shape, num_classes)
