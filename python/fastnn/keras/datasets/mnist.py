"""MNIST from a local ``mnist.npz`` or its four IDX files; nothing is downloaded."""

from __future__ import annotations

import os
from collections.abc import Iterable
from zipfile import BadZipFile

import numpy as np

from fastnn.data.idx import find_mnist, published, read_labelled
from fastnn.data.paths import data_folders
from fastnn.errors import FormatError, told
from fastnn.io.checks import shown_path

Pair = tuple[np.ndarray, np.ndarray]
StrPath = str | os.PathLike[str]

_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def load_data(path: str = "mnist.npz") -> tuple[Pair, Pair]:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 (N, 28, 28), labels uint8 (N,).

    path: an npz file, looked for as it is, then in ``$FASTNN_DATA``, fastnn's cache folder and ``~/.keras/datasets``;
    the folders may have MNIST's IDX files instead.

    Raises:
        FileNotFoundError: neither is anywhere; the message says which file to put where.
        FormatError: a damaged file.
    """
    folders = _folders()
    for place in [path, *(os.path.join(folder, os.path.basename(path)) for folder in folders)]:
        if os.path.isfile(place):
            return _read_npz(place)
    found = read_idx(folders)
    if found is not None:
        return found
    raise told(FileNotFoundError(_where_to_put_it(path, folders)), "mnist.missing")


def _folders() -> list[str]:
    return [*map(os.fspath, data_folders("mnist")), os.path.expanduser("~/.keras/datasets")]


def read_idx(folders: Iterable[StrPath]) -> tuple[Pair, Pair] | None:
    """Training and test set in the first folder that has MNIST's four files; None where none has."""
    for folder in folders:
        files = find_mnist(folder) if os.path.isdir(folder) else None
        if files is not None:
            train = read_labelled(files.train_images, files.train_labels, 10)
            test = read_labelled(files.test_images, files.test_labels, 10)
            return _small(train), _small(test)
    return None


def _small(pair: Pair) -> Pair:
    images, labels = pair
    return images.reshape(-1, *images.shape[-2:]), labels.astype(np.uint8)


def _read_npz(path: str) -> tuple[Pair, Pair]:
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            x_train, y_train, x_test, y_test = (file[name] for name in _ARRAYS)
    except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
        raise FormatError(
            f"{shown_path(path)} is no mnist.npz with the arrays {', '.join(_ARRAYS)} ({error})"
        ) from None
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if x.ndim != 3 or y.shape != x.shape[:1]:
            raise FormatError(f"{shown_path(path)}: images of shape {x.shape} do not go with labels of {y.shape}")
    return (x_train, y_train), (x_test, y_test)


def _where_to_put_it(path: str, folders: list[str]) -> str:
    return (
        f"MNIST is not there, and fastnn does not download. Put {os.path.basename(path)} "
        f"(https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz), or {', '.join(published())} "
        f"(https://ossci-datasets.s3.amazonaws.com/mnist/), into one of: "
        f"{', '.join(shown_path(folder) for folder in folders)} (FASTNN_DATA names another)"
    )
