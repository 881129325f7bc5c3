"""Model and state files: safetensors, PyTorch's .pth, training state; TensorBoard's event files (event_files.py);
remarks that are made once (notes.py).

Works on NumPy arrays only.

torchvision.io's functions for images (``read_image``, ``write_png``, ...) are found here too, on first use; they are
:mod:`fastnn.data.image_files`.

Nothing in a file is ever executed, sizes are checked against the file before anything is allocated, and every
fault in a file's content is a `FormatError`.
"""

from importlib import import_module
from typing import Any

from fastnn.io.atomic import read_regular, sweep_stale, write_atomic
from fastnn.io.foreign import describe, sniff
from fastnn.io.pth import load_pth, save_pth
from fastnn.io.safetensors import load_safetensors, save_safetensors
from fastnn.io.state import load_state, save_state

# torchvision's names, and where they are: above this room, which knows arrays only.
_IMAGES = dict.fromkeys(
    (
        "ImageReadMode",
        "decode_image",
        "decode_jpeg",
        "decode_png",
        "encode_jpeg",
        "encode_png",
        "read_file",
        "read_image",
        "write_file",
        "write_jpeg",
        "write_png",
    ),
    "fastnn.data.image_files",
)

__all__ = [
    "describe",
    "load_pth",
    "load_safetensors",
    "load_state",
    "read_regular",
    "save_pth",
    "save_safetensors",
    "save_state",
    "sniff",
    "sweep_stale",
    "write_atomic",
]


def __getattr__(name: str) -> Any:
    if name not in _IMAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_IMAGES[name]), name)
