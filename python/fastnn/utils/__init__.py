"""Helpers under PyTorch's names, ``torch.utils`` and ``torchvision.utils``: :mod:`fastnn.utils.data`,
:mod:`fastnn.utils.tensorboard`, :func:`make_grid`, :func:`save_image`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastnn.text import absent

if TYPE_CHECKING:
    from fastnn.data.grid import make_grid, save_image
    from fastnn.utils import data, tensorboard

__all__ = ["data", "make_grid", "save_image", "tensorboard"]


def __getattr__(name: str) -> Any:
    if name in ("make_grid", "save_image"):
        return getattr(import_module("fastnn.data.grid"), name)
    if name not in __all__:
        absent(globals(), name)
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
