"""CIFAR-10 (Krizhevsky, 2009) from local files, pickled or binary; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastnn.keras.datasets.mnist import Pair

if TYPE_CHECKING:
    from fastnn.data.cifar import Cifar


def load_data() -> tuple[Pair, Pair]:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 (N, 32, 32, 3), labels uint8 (N, 1).

    The files are looked for as :class:`fastnn.datasets.CIFAR10` does it (``cifar-10-batches-py``,
    ``cifar-10-python.tar.gz``, ``cifar-10-batches-bin`` or its archive), in ``$FASTNN_DATA``, fastnn's cache folder and
    ``~/.keras/datasets``.

    Raises:
        FileNotFoundError: they are not there; the message says which file to put where.
        FormatError: a damaged file.
    """
    from fastnn.data.cifar import CIFAR_10

    return load(CIFAR_10, "labels")


def load(which: Cifar, key: str) -> tuple[Pair, Pair]:
    """Training and test set of one of the two, with these labels."""
    train, test = (_part(which, key, train) for train in (True, False))
    return train, test


def _part(which: Cifar, key: str, train: bool) -> Pair:
    from fastnn.data.cifar import read_cifar

    read = read_cifar(which, train, also=[Path("~/.keras/datasets").expanduser()], named=False)
    return read.images, read.labels[key].astype(np.uint8)[:, None]
