"""Images of another size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn.keras.layers.layer import Shape, positive
from fastnn.keras.layers.preprocessing.pictures import Pictures, Random
from fastnn.keras.layers.preprocessing.resampling import INTERPOLATIONS, cropped, padded, resized


class _Sized(Pictures):
    always = True
    height: int
    width: int

    @classmethod
    def shapes(cls, config: Mapping[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        return [], (config["height"], config["width"], shape[-1])


class Resizing(_Sized):
    """Images resized to (height, width), float32, without antialiasing if not asked for.

    interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5". crop_to_aspect_ratio: the middle of the
    right proportions; pad_to_aspect_ratio: with fill_value at two sides.

    Raises:
        ValueError: sizes below 1, another interpolation or fill_mode, or both ways to keep proportions.
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.height, self.width = positive("Resizing", "height", height), positive("Resizing", "width", width)
        if interpolation not in INTERPOLATIONS:
            raise ValueError(f"Resizing: interpolation is {interpolation!r}; there are {', '.join(INTERPOLATIONS)}")
        if fill_mode != "constant":
            raise ValueError(f"Resizing: fill_mode is {fill_mode!r}; there is 'constant'")
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("Resizing: crop_to_aspect_ratio or pad_to_aspect_ratio, not both")
        self.interpolation, self.antialias = interpolation, bool(antialias)
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = bool(crop_to_aspect_ratio), bool(pad_to_aspect_ratio)
        self.fill_mode, self.fill_value = fill_mode, float(fill_value)

    def changed(self, images: np.ndarray, training: bool) -> np.ndarray:
        size = (self.height, self.width)
        if self.crop_to_aspect_ratio:
            images = cropped(images, size)
        elif self.pad_to_aspect_ratio:
            images = padded(images, size, self.fill_value)
        return resized(images, size, self.interpolation, self.antialias)


class CenterCrop(_Sized):
    """The middle (height, width) of images; of smaller ones, the largest part of these proportions, resized.

    Raises:
        ValueError: sizes below 1.
    """

    def __init__(self, height: int, width: int, data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.height, self.width = positive("CenterCrop", "height", height), positive("CenterCrop", "width", width)

    def changed(self, images: np.ndarray, training: bool) -> np.ndarray:
        above, left = (images.shape[1] - self.height) // 2, (images.shape[2] - self.width) // 2
        if min(above, left) < 0:
            return resized(cropped(images, (self.height, self.width)), (self.height, self.width))
        return images[:, above : above + self.height, left : left + self.width]


class RandomCrop(Random, _Sized):
    """A part (height, width) of the images somewhere, the same for a batch; of smaller ones, and where nothing is
    trained, the largest part of these proportions about the middle, resized.

    Raises:
        ValueError: sizes below 1.
    """

    def __init__(
        self, height: int, width: int, seed: int | None = None, data_format: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.height, self.width = positive("RandomCrop", "height", height), positive("RandomCrop", "width", width)

    def changed(self, images: np.ndarray, training: bool) -> np.ndarray:
        rows, columns = images.shape[1] - self.height, images.shape[2] - self.width
        if not training or min(rows, columns) <= 0:  # Keras: larger along both axes
            return resized(cropped(images, (self.height, self.width)), (self.height, self.width))
        above, left = (int(self.drawn(1, 0, room + 1)[0]) for room in (rows, columns))
        return images[:, above : above + self.height, left : left + self.width]
