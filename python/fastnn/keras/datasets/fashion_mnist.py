"""Fashion-MNIST (Xiao et al., 2017) from its four IDX files; nothing is downloaded."""

from __future__ import annotations

from fastnn.errors import told
from fastnn.io.checks import shown_path
from fastnn.keras.datasets.mnist import Pair, own_folders, published, read_idx

_NAME = "fashion-mnist"


def load_data() -> tuple[Pair, Pair]:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 (N, 28, 28), labels uint8 (N,).

    The files are looked for in a folder ``fashion-mnist`` (they have MNIST's names) of ``$FASTNN_DATA``, fastnn's cache
    folder and ``~/.keras/datasets``.

    Raises:
        FileNotFoundError: they are not there; the message says which file to put where.
        FormatError: a damaged file.
    """
    folders = own_folders(_NAME)
    found = read_idx(folders)
    if found is None:
        text = (
            f"Fashion-MNIST is not there, and fastnn does not download. Put {', '.join(published())} "
            "(https://storage.googleapis.com/tensorflow/tf-keras-datasets/) into one of: "
            f"{', '.join(map(shown_path, folders))} (FASTNN_DATA names another)"
        )
        raise told(FileNotFoundError(text), "data.missing", name="Fashion-MNIST")
    return found
