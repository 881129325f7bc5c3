"""``to_categorical``, ``normalize``, ``load_img`` and its like, ``set_random_seed``, ``plot_model``."""

from __future__ import annotations

from typing import Any

from fastnn import random
from fastnn.keras import named
from fastnn.keras.data.images import image_dataset_from_directory
from fastnn.keras.data.splitting import split_dataset
from fastnn.keras.utils import np_utils
from fastnn.keras.utils.image_utils import array_to_img, img_to_array, load_img, save_img
from fastnn.keras.utils.np_utils import normalize, to_categorical

__all__ = [
    "PyDataset",
    "Sequence",
    "array_to_img",
    "clear_session",
    "get_file",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "normalize",
    "np_utils",
    "plot_model",
    "save_img",
    "set_random_seed",
    "split_dataset",
    "to_categorical",
]


class PyDataset:
    """Base of what brings batches by number: ``__len__``, and ``__getitem__`` that gives (x, y) or (x, y, weight).

    ``on_epoch_begin`` and ``on_epoch_end`` are called around epochs. fit takes the batches in a new order every time,
    but for shuffle=False. The arguments, of how batches are made ahead, change nothing.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    @property
    def num_batches(self) -> int:
        """``len`` of it."""
        return len(self)  # type: ignore[arg-type]

    def on_epoch_begin(self) -> None:
        """Before the batches of an epoch."""

    def on_epoch_end(self) -> None:
        """After the batches of an epoch."""


Sequence = PyDataset


def set_random_seed(seed: int) -> None:
    """Seeds first weights, shuffles and dropout (:func:`fastnn.manual_seed`)."""
    random.manual_seed(seed)


def clear_session() -> None:
    """Automatic names start again: the next layers are ``dense``, ``dense_1``, ..."""
    named.forget()


def get_file(*given: Any, **named: Any) -> str:
    """A file that is there already: see :func:`fastnn.keras.utils.files.get_file`."""
    from fastnn.keras.utils.files import get_file

    return get_file(*given, **named)


def plot_model(model: Any, to_file: Any = "model.png", **shown: Any) -> None:
    """Draws a model's layers as a picture: see :func:`fastnn.keras.utils.picture.plot_model`."""
    from fastnn.keras.utils.picture import plot_model

    plot_model(model, to_file, **shown)
