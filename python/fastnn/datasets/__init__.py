"""Data sets under torchvision's names (folders of images, MNIST's files), and the built-in digits."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.data.folder import ImageFolder
    from fastnn.data.mnist import MNIST

__all__ = ["MNIST", "ImageFolder"]

_HOMES = {"ImageFolder": "fastnn.data.folder", "MNIST": "fastnn.data.mnist"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
