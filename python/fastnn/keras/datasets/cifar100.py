"""CIFAR-100 (Krizhevsky, 2009) from local files, pickled or binary; nothing is downloaded."""

from __future__ import annotations

from fastnn.keras.datasets.cifar10 import load
from fastnn.keras.datasets.mnist import Pair


def load_data(label_mode: str = "fine") -> tuple[Pair, Pair]:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 (N, 32, 32, 3), labels uint8 (N, 1).

    label_mode: "fine" for 100 classes, "coarse" for the 20 that they belong to. The files are looked for as
    :func:`fastnn.keras.datasets.cifar10.load_data` does it.

    Raises:
        ValueError: no such mode.
        FileNotFoundError: they are not there; the message says which file to put where.
        FormatError: a damaged file.
    """
    from fastnn.data.cifar import CIFAR_100

    if label_mode not in ("fine", "coarse"):
        raise ValueError(f"`label_mode` must be one of 'fine', 'coarse'. Received: label_mode={label_mode!r}")
    return load(CIFAR_100, f"{label_mode}_labels")
