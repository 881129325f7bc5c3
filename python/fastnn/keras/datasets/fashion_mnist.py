"""Fashion-MNIST (Xiao et al., 2017) from its four IDX files; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

from fastnn.data.idx import published
from fastnn.data.paths import own_folders
from fastnn.errors import told
from fastnn.io.checks import shown_path
from fastnn.keras.datasets.mnist import Pair, read_idx


def load_data() -> tuple[Pair, Pair]:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 (N, 28, 28), labels uint8 (N,).

    The files are looked for in a folder ``fashion-mnist`` or ``FashionMNIST`` (they have MNIST's names) of
    ``$FASTNN_DATA``, fastnn's cache folder and ``~/.keras/datasets``.

    Raises:
        FileNotFoundError: they are not there; the message says which file to put where.
        FormatError: a damaged file.
    """
    from fastnn.data.mnist import FashionMNIST

    folders = own_folders(FashionMNIST.folders, also=[Path("~/.keras/datasets").expanduser()])
    found = read_idx(folders)
    if found is None:
        named = [shown_path(folder) for folder in folders if folder.name == FashionMNIST.folders[-1]]
        text = (
            f"Fashion-MNIST is not there, and fastnn does not download. Put {', '.join(published())} "
            "(https://storage.googleapis.com/tensorflow/tf-keras-datasets/) into one of: "
            f"{', '.join(named)} (FASTNN_DATA names another)"
        )
        raise told(FileNotFoundError(text), "data.missing", name="Fashion-MNIST")
    return found
