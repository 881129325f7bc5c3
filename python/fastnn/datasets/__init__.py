"""Data sets under torchvision's names (folders of images, MNIST's files), and the built-in digits."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.data.folder import DatasetFolder, ImageFolder
    from fastnn.data.mnist import MNIST
    from fastnn.data.vision import VisionDataset

__all__ = ["MNIST", "DatasetFolder", "ImageFolder", "VisionDataset"]

_HOMES = {"DatasetFolder": "folder", "ImageFolder": "folder", "MNIST": "mnist", "VisionDataset": "vision"}


def __getattr__(name: str) -> Any:
    if name in _HOMES.values():  # torchvision's modules
        return import_module(f"fastnn.data.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"fastnn.data.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
