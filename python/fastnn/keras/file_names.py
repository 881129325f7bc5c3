"""Names of files that promise a format which fastnn does not write."""

from __future__ import annotations

import os
import warnings
from typing import Any

from fastnn.chinese import noted
from fastnn.errors import outside
from fastnn.io.checks import shown_path
from fastnn.training.saving import check_model_name

StrPath = str | os.PathLike[str]


def check_ending(path: StrPath, architecture: bool) -> None:
    """Warns of a name that says HDF5, but for weights' .weights.h5, which is Keras' rule.

    Raises:
        ValueError: the name of a whole model ends as files of other formats do.
    """
    name = os.fspath(path).lower()
    if architecture and not name.endswith((".h5", ".hdf5", ".keras", ".json")):
        check_model_name(path)
    if not name.endswith((".h5", ".hdf5")) or (not architecture and name.endswith(".weights.h5")):
        return
    reader = "load_model" if architecture else "load_weights"
    text = f"{shown_path(path)} is the name of an HDF5 file, which fastnn does not write: it is a safetensors file, "
    other = f"\n存成的不是 HDF5, 是 fastnn 的格式: 请用 fastnn 的 {reader} 读取"
    warnings.warn(f"{text}which fastnn's {reader} reads" + noted("", other), stacklevel=outside())


def check_format(save_format: Any) -> None:
    """Warns of formats of Keras' own, which fastnn does not write: any but None and "keras"."""
    if save_format not in (None, "keras"):
        text = f"save_format is {save_format!r}; fastnn writes its own: leave it out, and name the file .keras"
        warnings.warn(text, stacklevel=outside())
