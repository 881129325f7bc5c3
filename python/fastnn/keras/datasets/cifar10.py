"""CIFAR-10 (Krizhevsky, 2009) from the files of its binary version; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastnn.errors import FormatError, told
from fastnn.io.checks import shown_path
from fastnn.keras.datasets.mnist import Pair, own_folders

_NAME = "cifar-10-batches-bin"
_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_TEST = ("test_batch.bin",)
_RECORD = 1 + 3 * 32 * 32  # bytes: a label, then red, green and blue


def load_data() -> tuple[Pair, Pair]:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 (N, 32, 32, 3), labels uint8 (N, 1).

    The six files are looked for in a folder ``cifar-10-batches-bin`` of ``$FASTNN_DATA``, fastnn's cache folder and
    ``~/.keras/datasets``.

    Raises:
        FileNotFoundError: they are not there; the message says which file to put where.
        FormatError: a damaged file.
    """
    folders = own_folders(_NAME)
    for folder in folders:
        if all((folder / name).is_file() for name in (*_TRAIN, *_TEST)):
            return _read(folder, _TRAIN), _read(folder, _TEST)
    text = (
        "CIFAR-10 is not there, and fastnn does not download. Unpack cifar-10-binary.tar.gz "
        f"(https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz: {', '.join((*_TRAIN, *_TEST))}) so that it makes "
        f"one of: {', '.join(map(shown_path, folders))} (FASTNN_DATA names another)"
    )
    raise told(FileNotFoundError(text), "data.missing", name="CIFAR-10")


def _read(folder: Path, names: tuple[str, ...]) -> Pair:
    parts = [_records(folder / name) for name in names]
    records = np.concatenate(parts)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.ascontiguousarray(records[:, :1])


def _records(path: Path) -> np.ndarray:
    data = np.fromfile(path, np.uint8)
    if not len(data) or len(data) % _RECORD:
        raise FormatError(f"{shown_path(path)} has {len(data)} bytes, which are not images of {_RECORD} bytes each")
    records = data.reshape(-1, _RECORD)
    if records[:, 0].max() > 9:
        raise FormatError(f"{shown_path(path)}: a label is {records[:, 0].max()}; CIFAR-10's are 0 to 9")
    return records
