"""What scripts ask about GPUs. PyTorch's names."""

from __future__ import annotations

from fastnn import _core
from fastnn import amp as amp
from fastnn.random import manual_seed as manual_seed

__path__: list[str] = []  # so that an import of fastnn.cuda.amp is looked for: see renamed


def is_available() -> bool:
    """Whether fastnn was built with CUDA and finds a GPU."""
    return _core.cuda_available()


def device_count() -> int:
    """How many GPUs there are to use."""
    return int(is_available())


def manual_seed_all(seed: int) -> None:
    """As :func:`fastnn.manual_seed`: there is one seed."""
    manual_seed(seed)


def current_device() -> int:
    """The number of the GPU in use.

    Raises:
        RuntimeError: there is none.
    """
    _check()
    return 0


def get_device_name(device: object = None) -> str:
    """What it is called.

    Raises:
        RuntimeError: there is no GPU.
    """
    _check()
    return "CUDA GPU"


def _check() -> None:
    if not is_available():
        raise RuntimeError(_core.cuda_missing_reason())


def max_memory_allocated(device: object = None) -> int:
    """0: fastnn's arrays are in the machine's own memory."""
    return 0


memory_allocated = memory_reserved = max_memory_reserved = max_memory_allocated


def synchronize(device: object = None) -> None:
    """Nothing to wait for: every call returns when its work is done."""


def empty_cache() -> None:
    """Nothing to free: no memory is kept back."""
