"""Data sets under torchvision's names: folders of images, the files of MNIST, CIFAR and their like."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastnn.text import absent

if TYPE_CHECKING:
    from fastnn.data.cifar import CIFAR10, CIFAR100
    from fastnn.data.emnist import EMNIST
    from fastnn.data.folder import DatasetFolder, ImageFolder
    from fastnn.data.mnist import KMNIST, MNIST, FashionMNIST
    from fastnn.data.vision import VisionDataset

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "EMNIST",
    "KMNIST",
    "MNIST",
    "DatasetFolder",
    "FashionMNIST",
    "ImageFolder",
    "VisionDataset",
]

_HOMES = {
    "CIFAR10": "cifar",
    "CIFAR100": "cifar",
    "DatasetFolder": "folder",
    "EMNIST": "emnist",
    "FashionMNIST": "mnist",
    "ImageFolder": "folder",
    "KMNIST": "mnist",
    "MNIST": "mnist",
    "VisionDataset": "vision",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES.values():  # torchvision's modules
        return import_module(f"fastnn.data.{name}")
    if name not in _HOMES:
        absent(globals(), name)
    return getattr(import_module(f"fastnn.data.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
