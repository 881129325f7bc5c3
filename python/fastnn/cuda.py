"""What scripts ask about GPUs. PyTorch's names."""

from __future__ import annotations

from fastnn import _core
from fastnn.random import manual_seed as manual_seed


def is_available() -> bool:
    """Whether fastnn was built with CUDA and finds a GPU."""
    return _core.cuda_available()


def device_count() -> int:
    """How many GPUs there are to use."""
    return int(is_available())


def manual_seed_all(seed: int) -> None:
    """As :func:`fastnn.manual_seed`: there is one seed."""
    manual_seed(seed)


def synchronize(device: object = None) -> None:
    """Nothing to wait for: every call returns when its work is done."""


def empty_cache() -> None:
    """Nothing to free: no memory is kept back."""
