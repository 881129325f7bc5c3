"""Where tensors lie and are computed with."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import _core
from fastnn.eager import dtypes
from fastnn.errors import told

KINDS = ("cpu", "cuda", "mps")


class device:
    """``device("cpu")``, ``device("cuda:0")`` or ``device("cuda", 0)``, PyTorch's form.

    Raises:
        ValueError: an unknown kind, or an index that is no number.
    """

    __slots__ = ("index", "type")

    def __init__(self, type: str | device, index: int | None = None) -> None:
        kind, _, number = str(type).partition(":")
        if kind not in KINDS or (number and not number.isdecimal()):
            raise ValueError(f"unknown device {str(type)!r}; there are 'cpu', 'cuda' and 'mps'")
        self.type = kind
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + ("" if self.index is None else f", index={self.index}") + ")"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


CPU = device("cpu")


def check_device(where: Any) -> None:
    """Refuses a device that there is not.

    Raises:
        ValueError: an unknown device.
        RuntimeError: a GPU without the CUDA backend, or none in this machine: which part is missing.
    """
    kind = device(where).type
    if kind == "cuda" and not _core.cuda_available():
        raise told(RuntimeError(_core.cuda_missing_reason()), "device.cuda")
    if kind == "mps":
        raise RuntimeError(
            "fastnn does not compute on Apple's GPUs (torch.backends.mps.is_available() says so): use cpu"
        )


def destination(target: Any, second: Any, dtype: Any, device: Any) -> np.dtype | None:
    """What ``to(target, second, dtype=, device=)`` was told: the dtype, None where it stays. The device is checked.

    target: a device, a dtype or a tensor whose dtype it shall be; second: a dtype behind a device.
    """
    for word in (target, second):
        if isinstance(word, dtypes.dtype | np.dtype | type):
            dtype = word
        elif isinstance(getattr(word, "dtype", None), dtypes.dtype):
            dtype = word.dtype
        elif word is not None and not isinstance(word, bool):  # True: non_blocking
            device = word
    if device is not None:
        check_device(device)
    return None if dtype is None else dtypes.to_numpy(dtype)
