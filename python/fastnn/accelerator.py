"""What scripts ask about accelerators of any kind."""

from __future__ import annotations

from fastnn import _core
from fastnn.eager.device import device


def is_available() -> bool:
    """Whether there is a GPU that fastnn computes on."""
    return _core.cuda_available()


def current_accelerator(check_available: bool = False) -> device | None:
    """The GPU that fastnn computes on; None where there is none."""
    return device("cuda") if is_available() else None


def device_count() -> int:
    """How many there are to use."""
    return int(is_available())
