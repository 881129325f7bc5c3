"""Random crops and flips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from warnings import warn

import numpy as np

from fastnn import _core
from fastnn.errors import outside
from fastnn.transforms import draws
from fastnn.transforms.base import InterpolationMode, Transform, both_edges, check_share, dimensions, mode_of, plain
from fastnn.transforms.geometry import (
    Fill,
    Padding,
    check_padding,
    crop,
    hflip,
    pad,
    resized_crop,
    vflip,
)


class RandomHorizontalFlip(Transform):
    """Left and right exchanged with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        check_share(p, type(self).__name__)
        self.p = plain(p)

    def forward(self, img: Any) -> Any:
        return hflip(img) if draws.chance(self.p) else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomVerticalFlip(RandomHorizontalFlip):
    """Top and bottom exchanged with probability ``p``."""

    def forward(self, img: Any) -> Any:
        return vflip(img) if draws.chance(self.p) else img


class RandomCrop(Transform):
    """A part at a random place.

    Args:
        size: (height, width), or one number for both.
        padding: a border before that, as :class:`Pad` takes it.
        pad_if_needed: a border of what is missing to ``size``, on both sides.
        fill, padding_mode: what the borders are of, as :class:`Pad` takes it.

    Raises:
        TypeError, ValueError: arguments of another kind.
        ValueError: on a call, the image is smaller than ``size``.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: Padding | None = None,
        pad_if_needed: bool = False,
        fill: Fill = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size = both_edges(size, "RandomCrop")
        check_padding(0 if padding is None else padding, fill, padding_mode)
        self.padding = plain(padding)
        self.pad_if_needed = pad_if_needed
        self.fill = plain(fill)
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """(top, left, height, width) of a random part."""
        _, height, width = dimensions(img, "RandomCrop")
        high, wide = output_size
        if height < high or width < wide:
            raise ValueError(
                f"RandomCrop: the size {(high, wide)} is larger than the image's {(height, width)}; "
                "give pad_if_needed=True, or put Resize() before it"
            )
        if (height, width) == (high, wide):
            return 0, 0, height, width
        return draws.integer(0, height - high + 1), draws.integer(0, width - wide + 1), high, wide

    def forward(self, img: Any) -> Any:
        if self.padding is not None:
            img = pad(img, self.padding, self.fill, self.padding_mode)
        _, height, width = dimensions(img, "RandomCrop")
        missing = (max(self.size[1] - width, 0), max(self.size[0] - height, 0))
        if self.pad_if_needed and any(missing):
            img = pad(img, missing, self.fill, self.padding_mode)
        return crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return f"RandomCrop(size={self.size}, padding={self.padding})"


class RandomResizedCrop(Transform):
    """A part of random size, ratio and place, resized.

    Args:
        size: (height, width), or one number for both.
        scale: the least and most share of the image's area.
        ratio: the least and most width / height.
        interpolation, antialias: as :class:`Resize` has them.

    Raises:
        TypeError, ValueError: size or interpolation as of Resize; scale or ratio are not two positive numbers.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        self.size = both_edges(size, "RandomResizedCrop")
        check_ranges(scale, ratio, "RandomResizedCrop")
        self.interpolation = mode_of(interpolation, "RandomResizedCrop")
        self.antialias = antialias
        self.scale = plain(scale)
        self.ratio = plain(ratio)

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """(top, left, height, width) of a random part; the largest in the middle where ten draws do not fit."""
        _, height, width = dimensions(img, "RandomResizedCrop")
        for _ in range(10):
            area, shape = height * width * draws.uniform(scale[0], scale[1]), random_ratio(ratio)
            wide, high = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < wide <= width and 0 < high <= height:
                return draws.integer(0, height - high + 1), draws.integer(0, width - wide + 1), high, wide
        wide, high = width, height
        if width / height < min(ratio):
            high = round(width / min(ratio))
        elif width / height > max(ratio):
            wide = round(height * max(ratio))
        return (height - high) // 2, (width - wide) // 2, high, wide

    def forward(self, img: Any) -> Any:
        part = self.get_params(img, self.scale, self.ratio)
        return resized_crop(img, *part, self.size, self.interpolation, self.antialias)

    def __repr__(self) -> str:
        scale, ratio = (tuple(round(value, 4) for value in values) for values in (self.scale, self.ratio))
        return (
            f"RandomResizedCrop(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )


def random_ratio(ratio: Sequence[float]) -> float:
    """A ratio whose logarithm lies evenly between those of two. The logarithm is ours: the same bits everywhere."""
    low, high = _core.log(np.array(ratio, np.float64))
    return float(_core.exp(np.array([draws.uniform(low, high)]))[0])


def check_ranges(scale: Any, ratio: Any, name: str) -> None:
    """Raises unless they are (least, most) of an area and of a ratio of sides; warns where they are the wrong way
    round."""
    for word, values in (("scale", scale), ("ratio", ratio)):
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise TypeError(f"{name}: {word.capitalize()} should be a sequence, got {values!r}")
        if len(values) != 2 or min(values) < 0 or (word == "ratio" and min(values) == 0):
            raise ValueError(f"{name}: {word} should be two positive numbers (min, max), got {values!r}")
    if scale[0] > scale[1] or ratio[0] > ratio[1]:
        warn("Scale and ratio should be of kind (min, max)", UserWarning, outside())
