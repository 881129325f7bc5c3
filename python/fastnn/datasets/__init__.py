"""Data sets under torchvision's names (folders of images, MNIST's files), and the built-in digits."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.datasets.folder import ImageFolder
    from fastnn.datasets.mnist import MNIST

__all__ = ["MNIST", "ImageFolder"]

_HOMES = {"ImageFolder": "folder", "MNIST": "mnist"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
