"""Helpers under PyTorch's names: :mod:`fastnn.utils.data`, :mod:`fastnn.utils.tensorboard`."""

from __future__ import annotations

from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    if name not in ("data", "tensorboard"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return import_module(f"{__name__}.{name}")
