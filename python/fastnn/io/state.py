"""Training state in one file: arrays and a JSON record that belong together.

One file, so that parameters, optimizer state and positions can never be of different moments. The container is
safetensors with its checksums; the record stands in the metadata key `fastnn.state`.
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn.errors import FormatError
from fastnn.io.atomic import read_regular
from fastnn.io.checks import compact_json, parse_json, shown_name, shown_path
from fastnn.io.safetensors import parse_safetensors, save_safetensors

STATE_VERSION = 1
_KEY = "fastnn.state"


def save_state(path: str | os.PathLike[str], tensors: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> None:
    """Writes arrays and a record to one file, atomically.

    Args:
        path: the file to write; see `write_atomic`.
        tensors: as for `save_safetensors`.
        record: what JSON can hold and gives back equal: dicts with string keys, lists, str, int, float, bool,
            None; no NaN or infinity, no tuples. Equal records give equal bytes.

    Raises:
        TypeError, ValueError: something that the file cannot hold, naming its place.
        OSError: the file could not be written; the old one is unchanged.
    """
    if not isinstance(record, Mapping):
        raise TypeError(f"record is a {type(record).__name__}; expected a dict")
    try:
        _check_plain(record, "record")
        text = compact_json({"version": STATE_VERSION, "record": record}, sort_keys=True)
    except RecursionError as error:
        raise ValueError("record is nested too deeply") from error
    parse_json(text, "record")  # what cannot be read back must not be written
    save_safetensors(path, tensors, {_KEY: text})


def load_state(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads a file of `save_state`: `(tensors, record)`.

    Raises:
        FormatError: damaged, no training state (a model file), or of an unknown version.
        OSError: the file could not be opened or read.
    """
    where = shown_path(path)
    tensors, metadata = parse_safetensors(read_regular(path), where)
    if _KEY not in metadata:
        raise FormatError(f"{where} is a safetensors file without training state: a model file?")
    content = parse_json(metadata[_KEY], f"{where}: {_KEY}")
    if not isinstance(content, dict) or set(content) != {"version", "record"}:
        raise FormatError(f"{where}: {_KEY} must have version and record, and nothing else")
    version, record = content["version"], content["record"]
    if type(version) is not int or version != STATE_VERSION:
        raise FormatError(f"{where} has state version {shown_name(version)}; this fastnn reads {STATE_VERSION}")
    if not isinstance(record, dict):
        raise FormatError(f"{where}: {_KEY}: the record is not an object")
    return tensors, record


def _check_plain(value: Any, place: str) -> None:
    """Refuses what JSON would change without a word: keys that are no strings, tuples, NumPy scalars."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{place} has the key {key!r}; JSON keys are strings")
            _check_plain(item, f"{place}[{key!r}]")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_plain(item, f"{place}[{index}]")
    elif type(value) not in (str, int, float, bool, type(None)):
        raise TypeError(f"{place} is a {type(value).__name__}; JSON holds dict, list, str, int, float, bool, None")
    elif value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"{place} is {value}; JSON has no such number")
