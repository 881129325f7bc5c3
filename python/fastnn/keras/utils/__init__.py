"""``to_categorical``, ``normalize``, ``set_random_seed``, ``clear_session``, ``plot_model``."""

from __future__ import annotations

from typing import Any

from fastnn import random
from fastnn.keras import named
from fastnn.keras.utils import np_utils
from fastnn.keras.utils.np_utils import normalize, to_categorical

__all__ = ["clear_session", "normalize", "np_utils", "plot_model", "set_random_seed", "to_categorical"]


def set_random_seed(seed: int) -> None:
    """Seeds first weights, shuffles and dropout (:func:`fastnn.manual_seed`)."""
    random.manual_seed(seed)


def clear_session() -> None:
    """Automatic names start again: the next layers are ``dense``, ``dense_1``, ..."""
    named.forget()


def plot_model(model: Any, to_file: Any = "model.png", **shown: Any) -> None:
    """Draws a model's layers as a picture: see :func:`fastnn.keras.utils.picture.plot_model`."""
    from fastnn.keras.utils.picture import plot_model

    plot_model(model, to_file, **shown)
