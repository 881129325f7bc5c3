"""A data set in a notebook's cell: a row of pictures, as they are before any transform where that is known."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import random
from fastnn.arrays import to_array
from fastnn.data.images import read_rgb
from fastnn.html import notebook
from fastnn.html.markup import Html, tag

if TYPE_CHECKING:
    from fastnn.data.dataset import Dataset

_PICTURES = 10  # fill the width of a cell


def gallery(dataset: Dataset[Any]) -> Html | None:
    """Pictures evenly over a data set, so that all classes of a sorted one are seen, with their labels; None where its
    samples are no images, or cannot be had. Random numbers of fastnn's that samples take are given back.
    """
    before = random.state.as_dict()
    try:
        count = len(dataset)  # type: ignore[arg-type]
        figures = [_figure(*dataset._shown(row)) for row in _evenly(count)]
    except Exception:  # of code that may be the user's: a cell shows the object's text then
        return None
    finally:
        random.state.restore(before)
    first, *more = repr(dataset).splitlines() if type(dataset).__repr__ is not object.__repr__ else [""]
    about = [tag("div", line.strip(), class_="soft") for line in more if "Number of datapoints" not in line]
    return _cell(first.removeprefix("Dataset ") or type(dataset).__name__, count, about, figures)


def gallery_of_files(name: str, paths: Sequence[str], classes: Sequence[str]) -> Html | None:
    """The same of image files in folders of their classes; None where one cannot be read."""
    try:
        shown = [paths[row] for row in _evenly(len(paths))]
        folders = ([part for part in path.split(os.sep)[:-1] if part in classes] for path in shown)
        figures = [_figure(read_rgb(path), "".join(parts[-1:])) for path, parts in zip(shown, folders, strict=True)]
    except (OSError, ValueError):
        return None
    return _cell(name, len(paths), [], figures)


def _evenly(count: int) -> list[int]:
    return np.linspace(0, count - 1, min(count, _PICTURES)).astype(int).tolist() if count else []


def _cell(name: str, count: int, about: list[Html], figures: list[Html]) -> Html | None:
    if not figures:
        return None
    samples = tag("span", f"{count:,} samples", class_="soft")
    return notebook.cell(tag("b", name), " ", samples, *about, tag("div", *figures, class_="row"))


def _figure(image: Any, label: Any) -> Html:
    from fastnn.html.pictures import case_picture

    shown = case_picture(_pixels(image))
    name = label.item() if hasattr(label, "item") else label
    picture = tag("img", src=shown.address, alt=name, class_=shown.style)
    return tag("figure", picture, tag("figcaption", name))


def _pixels(image: Any) -> np.ndarray:
    """uint8 (1 or 3, H, W) of an image of Pillow's, or of an array (H, W), (C, H, W) or (H, W, C): numbers outside of
    0..1, such as normalised ones, are stretched from the least to the largest.

    Raises:
        ValueError: another shape.
    """
    if hasattr(image, "convert"):
        array = np.asarray(image if image.mode == "L" else image.convert("RGB"))
    else:
        array = to_array(image)
    if array.ndim == 2:
        array = array[None]
    elif array.ndim == 3 and array.shape[0] not in (1, 3):
        array = np.moveaxis(array, -1, 0)
    if array.ndim != 3 or array.shape[0] not in (1, 3) or min(array.shape[1:]) < 2:
        raise ValueError(f"an image cannot have the shape {array.shape}")
    if array.dtype == np.uint8:
        return array
    low, high = float(array.min()), float(array.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return np.rint((array - low) * (255 / ((high - low) or 1))).astype(np.uint8)
