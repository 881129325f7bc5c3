"""Model and state files: safetensors, PyTorch's .pth, training state; TensorBoard's event files (event_files.py);
remarks that are made once (notes.py).

Works on NumPy arrays only.

Nothing in a file is ever executed, sizes are checked against the file before anything is allocated, and every
fault in a file's content is a `FormatError`.
"""

from fastnn.io.atomic import read_regular, sweep_stale, write_atomic
from fastnn.io.foreign import describe, sniff
from fastnn.io.pth import load_pth, save_pth
from fastnn.io.safetensors import load_safetensors, save_safetensors
from fastnn.io.state import load_state, save_state

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
