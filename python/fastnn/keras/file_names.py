"""Names of files that promise a format which fastnn does not write."""

from __future__ import annotations

import os
import warnings
from typing import Any

from fastnn.io.checks import shown_path
from fastnn.training.saving import check_model_name

StrPath = str | os.PathLike[str]


def check_ending(path: StrPath, architecture: bool) -> None:
    """Refuses a whole model under a name that says HDF5; weights, which Keras takes under no other name, are written
    with a warning.

    Raises:
        ValueError: the name of a whole model ends in .h5, .hdf5, or as files of other formats do.
    """
    name = os.fspath(path)
    if architecture and not name.lower().endswith((".h5", ".hdf5", ".keras", ".json")):
        check_model_name(path)
    if not name.lower().endswith((".h5", ".hdf5")):
        return
    text = f"{shown_path(path)} is the name of an HDF5 file, which fastnn does not write"
    if architecture:
        instead = os.path.splitext(name)[0] + ".keras"
        raise ValueError(f"{text}: save the model as {shown_path(instead)}, which fastnn's load_model reads")
    if not name.lower().endswith(".weights.h5"):
        warnings.warn(f"{text}: it is a safetensors file, which fastnn's load_weights reads", stacklevel=5)


def check_format(save_format: Any) -> None:
    """Refuses formats of Keras' own that fastnn does not write.

    Raises:
        ValueError: any but None and "keras".
    """
    if save_format not in (None, "keras"):
        raise ValueError(
            f"save_format is {save_format!r}; fastnn writes its own: leave it out, and name the file .keras"
        )
