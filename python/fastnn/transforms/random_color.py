"""Greyscale, and random changes of colours."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from fastnn.transforms import color, draws
from fastnn.transforms.base import Transform, check_share, get_image_num_channels, is_number, plain

Range = tuple[float, float] | None


class Grayscale(Transform):
    """To grey: Pillow's ``convert("L")``, of a Tensor 0.2989 R + 0.587 G + 0.114 B; repeated three times if
    ``num_output_channels`` is 3.

    Raises:
        ValueError: num_output_channels is neither 1 nor 3.
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels!r}")
        self.num_output_channels = num_output_channels

    def forward(self, img: Any) -> Any:
        return color.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self) -> str:
        return f"Grayscale(num_output_channels={self.num_output_channels})"


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed by random factors, in a random order.

    Args:
        brightness, contrast, saturation: (least, most) factor, or one number v for (max(0, 1 - v), 1 + v).
        hue: (least, most) turn, from -0.5 to 0.5, or one number v for (-v, v).

    Raises:
        TypeError, ValueError: other numbers.
    """

    def __init__(
        self,
        brightness: float | Sequence[float] = 0,
        contrast: float | Sequence[float] = 0,
        saturation: float | Sequence[float] = 0,
        hue: float | Sequence[float] = 0,
    ) -> None:
        self.brightness = _range(brightness, "brightness")
        self.contrast = _range(contrast, "contrast")
        self.saturation = _range(saturation, "saturation")
        self.hue = _range(hue, "hue", 0, (-0.5, 0.5))

    @staticmethod
    def get_params(
        brightness: Range, contrast: Range, saturation: Range, hue: Range
    ) -> tuple[list[int], float | None, float | None, float | None, float | None]:
        """(order of the four changes, factor of each, None where there is no range)."""
        order = draws.order(4)
        factors = [None if each is None else draws.uniform(*each) for each in (brightness, contrast, saturation, hue)]
        return order, factors[0], factors[1], factors[2], factors[3]

    def forward(self, img: Any) -> Any:
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        changes = (color.adjust_brightness, color.adjust_contrast, color.adjust_saturation, color.adjust_hue)
        for which in order:
            factor = factors[which]
            img = img if factor is None else changes[which](img, factor)
        return img

    def __repr__(self) -> str:
        return (
            f"ColorJitter(brightness={self.brightness}, contrast={self.contrast}, saturation={self.saturation}, "
            f"hue={self.hue})"
        )


class _Sometimes(Transform):
    """A change that is made with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        check_share(p, type(self).__name__)
        self.p = plain(p)

    def forward(self, img: Any) -> Any:
        return self.changed(img) if draws.chance(self.p) else img

    def changed(self, img: Any) -> Any:
        """The image that comes out where the change is made."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomGrayscale(_Sometimes):
    """To grey with probability ``p``, with as many channels as the image has."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def changed(self, img: Any) -> Any:
        return color.rgb_to_grayscale(img, get_image_num_channels(img))


class RandomInvert(_Sometimes):
    """Inverted with probability ``p``."""

    def changed(self, img: Any) -> Any:
        return color.invert(img)


class RandomAutocontrast(_Sometimes):
    """Contrast as large as it gets, with probability ``p``."""

    def changed(self, img: Any) -> Any:
        return color.autocontrast(img)


class RandomEqualize(_Sometimes):
    """Brightnesses spread evenly with probability ``p``."""

    def changed(self, img: Any) -> Any:
        return color.equalize(img)


class RandomPosterize(_Sometimes):
    """Only the upper ``bits`` of each pixel, with probability ``p``."""

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = plain(bits)

    def changed(self, img: Any) -> Any:
        return color.posterize(img, self.bits)

    def __repr__(self) -> str:
        return f"RandomPosterize(bits={self.bits},p={self.p})"


class RandomSolarize(_Sometimes):
    """Pixels from ``threshold`` on inverted, with probability ``p``."""

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = plain(threshold)

    def changed(self, img: Any) -> Any:
        return color.solarize(img, self.threshold)

    def __repr__(self) -> str:
        return f"RandomSolarize(threshold={self.threshold},p={self.p})"


class RandomAdjustSharpness(_Sometimes):
    """Blurred (factor below 1) or sharpened (above), with probability ``p``."""

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = plain(sharpness_factor)

    def changed(self, img: Any) -> Any:
        return color.adjust_sharpness(img, self.sharpness_factor)

    def __repr__(self) -> str:
        return f"RandomAdjustSharpness(sharpness_factor={self.sharpness_factor},p={self.p})"


def _range(value: Any, name: str, center: float = 1, bound: tuple[float, float] = (0, inf)) -> Range:
    """(least, most), None where that is no change."""
    if is_number(value):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative, got {value!r}")
        low, high = center - float(value), center + float(value)
        low = max(low, 0.0) if center else low
    elif isinstance(value, tuple | list) and len(value) == 2:
        low, high = map(float, value)
    else:
        raise TypeError(f"{name} should be a single number or a list/tuple with length 2, got {value!r}")
    if not bound[0] <= low <= high <= bound[1]:
        raise ValueError(f"{name} values should be between {bound}, but got {[low, high]}.")
    return None if low == high == center else (low, high)
