"""Augmentation policies that were found or are drawn: AutoAugment, RandAugment, TrivialAugmentWide.

An image goes through one or two operations of a list, each with a strength between 0 and the most of that policy.

Source: torchvision.transforms.autoaugment; Cubuk et al., arXiv 1805.09501 (tables 7 to 9) and 1909.13719; Mueller and
Hutter, arXiv 2103.10158.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Any

from fastnn.transforms import color, draws
from fastnn.transforms.base import InterpolationMode, Transform, dimensions, mode_of
from fastnn.transforms.geometry import Fill
from fastnn.transforms.warps import Interpolation, affine, rotate


class AutoAugmentPolicy(Enum):
    """The data set that a policy was found for."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


# Pairs of operations: name, probability, strength from 0 to 9 where it has one.
_POLICIES = {
    AutoAugmentPolicy.IMAGENET: """
Posterize 0.4 8 + Rotate 0.6 9; Solarize 0.6 5 + AutoContrast 0.6; Equalize 0.8 + Equalize 0.6;
Posterize 0.6 7 + Posterize 0.6 6; Equalize 0.4 + Solarize 0.2 4; Equalize 0.4 + Rotate 0.8 8;
Solarize 0.6 3 + Equalize 0.6; Posterize 0.8 5 + Equalize 1; Rotate 0.2 3 + Solarize 0.6 8;
Equalize 0.6 + Posterize 0.4 6; Rotate 0.8 8 + Color 0.4 0; Rotate 0.4 9 + Equalize 0.6;
Equalize 0 + Equalize 0.8; Invert 0.6 + Equalize 1; Color 0.6 4 + Contrast 1 8; Rotate 0.8 8 + Color 1 2;
Color 0.8 8 + Solarize 0.8 7; Sharpness 0.4 7 + Invert 0.6; ShearX 0.6 5 + Equalize 1;
Color 0.4 0 + Equalize 0.6; Equalize 0.4 + Solarize 0.2 4; Solarize 0.6 5 + AutoContrast 0.6;
Invert 0.6 + Equalize 1; Color 0.6 4 + Contrast 1 8; Equalize 0.8 + Equalize 0.6
""",
    AutoAugmentPolicy.CIFAR10: """
Invert 0.1 + Contrast 0.2 6; Rotate 0.7 2 + TranslateX 0.3 9; Sharpness 0.8 1 + Sharpness 0.9 3;
ShearY 0.5 8 + TranslateY 0.7 9; AutoContrast 0.5 + Equalize 0.9; ShearY 0.2 7 + Posterize 0.3 7;
Color 0.4 3 + Brightness 0.6 7; Sharpness 0.3 9 + Brightness 0.7 9; Equalize 0.6 + Equalize 0.5;
Contrast 0.6 7 + Sharpness 0.6 5; Color 0.7 7 + TranslateX 0.5 8; Equalize 0.3 + AutoContrast 0.4;
TranslateY 0.4 3 + Sharpness 0.2 6; Brightness 0.9 6 + Color 0.2 8; Solarize 0.5 2 + Invert 0;
Equalize 0.2 + AutoContrast 0.6; Equalize 0.2 + Equalize 0.6; Color 0.9 9 + Equalize 0.6;
AutoContrast 0.8 + Solarize 0.2 8; Brightness 0.1 3 + Color 0.7 0; Solarize 0.4 5 + AutoContrast 0.9;
TranslateY 0.9 9 + TranslateY 0.7 9; AutoContrast 0.9 + Solarize 0.8 3; Equalize 0.8 + Invert 0.1;
TranslateY 0.7 9 + AutoContrast 0.9
""",
    AutoAugmentPolicy.SVHN: """
ShearX 0.9 4 + Invert 0.2; ShearY 0.9 8 + Invert 0.7; Equalize 0.6 + Solarize 0.6 6;
Invert 0.9 + Equalize 0.6; Equalize 0.6 + Rotate 0.9 3; ShearX 0.9 4 + AutoContrast 0.8;
ShearY 0.9 8 + Invert 0.4; ShearY 0.9 5 + Solarize 0.2 6; Invert 0.9 + AutoContrast 0.8;
Equalize 0.6 + Rotate 0.9 3; ShearX 0.9 4 + Solarize 0.3 3; ShearY 0.8 8 + Invert 0.7;
Equalize 0.9 + TranslateY 0.6 6; Invert 0.9 + Equalize 0.6; Contrast 0.3 3 + Rotate 0.8 4;
Invert 0.8 + TranslateY 0 2; ShearY 0.7 6 + Solarize 0.4 8; Invert 0.6 + Rotate 0.8 4;
ShearY 0.3 7 + TranslateX 0.9 3; ShearX 0.1 6 + Invert 0.6; Solarize 0.7 2 + TranslateY 0.6 7;
ShearY 0.8 4 + Invert 0.8; ShearX 0.7 9 + TranslateY 0.8 3; ShearY 0.8 5 + AutoContrast 0.7;
ShearX 0.7 2 + Invert 0.1
""",
}

_Space = dict[str, tuple[Callable[[float], float], bool]]


def _space(shear: float, move: tuple[float, float], angle: float, colours: float, bits: int) -> _Space:
    """Operations by name: from a strength in 0..1 to the operation's number, and whether its sign is drawn.

    shear: the most, as a tangent. move: pixels along x and y. angle: degrees. bits: that posterizing takes away.
    """

    def up_to(most: float) -> tuple[Callable[[float], float], bool]:
        return (lambda strength: strength * most), True

    nothing: tuple[Callable[[float], float], bool] = (lambda strength: 0.0), False
    return {
        "Identity": nothing,
        "ShearX": up_to(shear),
        "ShearY": up_to(shear),
        "TranslateX": up_to(move[0]),
        "TranslateY": up_to(move[1]),
        "Rotate": up_to(angle),
        "Brightness": up_to(colours),
        "Color": up_to(colours),
        "Contrast": up_to(colours),
        "Sharpness": up_to(colours),
        "Posterize": ((lambda strength: 8 - round(strength * bits)), False),
        "Solarize": ((lambda strength: 255.0 * (1 - strength)), False),
        "AutoContrast": nothing,
        "Equalize": nothing,
    }


def _gentle_space(img: Any) -> _Space:
    """AutoAugment's and RandAugment's: moves up to 150 of 331 pixels, the size that they were found at."""
    _, height, width = dimensions(img, "AutoAugment")
    return _space(0.3, (150 / 331 * width, 150 / 331 * height), 30.0, 0.9, 4)


class _Automatic(Transform):
    """What the policies share.

    Args:
        interpolation, fill: as :func:`~fastnn.transforms.functional.affine` has them.
    """

    def __init__(self, interpolation: Interpolation, fill: Fill) -> None:
        self.interpolation = mode_of(interpolation, type(self).__name__)
        self.fill = fill

    def _applied(self, img: Any, name: str, space: _Space, strength: float, negative: bool | None = None) -> Any:
        """The image after one operation; the sign is drawn where it is not given."""
        number, signed = space[name]
        value = number(strength)
        if signed and (draws.chance(0.5) if negative is None else negative):
            value = -value
        return apply_operation(img, name, value, self.interpolation, self.fill)


def apply_operation(img: Any, name: str, value: float, interpolation: InterpolationMode, fill: Fill) -> Any:
    """An image after the operation of that name: a tangent for shears, pixels for translations, degrees, 1 + value for
    colours, bits, a threshold."""
    if name in ("ShearX", "ShearY"):
        angle = math.degrees(math.atan(value))
        shear = (angle, 0.0) if name == "ShearX" else (0.0, angle)
        return affine(img, 0.0, (0, 0), 1.0, shear, interpolation, fill, (0, 0))
    if name in ("TranslateX", "TranslateY"):
        move = (int(value), 0) if name == "TranslateX" else (0, int(value))
        return affine(img, 0.0, move, 1.0, (0.0, 0.0), interpolation, fill)
    if name == "Rotate":
        return rotate(img, value, interpolation, fill=fill)
    if name in _COLOURS:
        return _COLOURS[name](img, 1.0 + value)
    if name == "Posterize":
        return color.posterize(img, int(value))
    if name == "Solarize":
        return color.solarize(img, value)
    return img if name == "Identity" else _PLAIN[name](img)


_COLOURS = {
    "Brightness": color.adjust_brightness,
    "Color": color.adjust_saturation,
    "Contrast": color.adjust_contrast,
    "Sharpness": color.adjust_sharpness,
}
_PLAIN = {"AutoContrast": color.autocontrast, "Equalize": color.equalize, "Invert": color.invert}


class AutoAugment(_Automatic):
    """One of 25 pairs of operations, drawn; each of the two with its own probability and a drawn sign.

    Args:
        policy: which 25.
        interpolation, fill: as :func:`~fastnn.transforms.functional.affine` has them.

    Raises:
        ValueError: there is no such policy.
    """

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: Interpolation = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        super().__init__(interpolation, fill)
        self.policy = policy
        pairs = _POLICIES[AutoAugmentPolicy(policy)].replace("\n", " ").split(";")
        self.policies = [tuple(_operation(text) for text in pair.split("+")) for pair in pairs]

    def forward(self, img: Any) -> Any:
        space = {**_gentle_space(img), "Invert": ((lambda strength: 0.0), False)}
        for name, p, strength in self.policies[draws.integer(0, len(self.policies))]:
            hit, negative = draws.chance(p), draws.chance(0.5)
            if hit:
                img = self._applied(img, name, space, (strength or 0) / 9, negative)
        return img

    def __repr__(self) -> str:
        return f"AutoAugment(policy={self.policy}, fill={self.fill})"


class RandAugment(_Automatic):
    """``num_ops`` operations, drawn, each of the same strength ``magnitude`` of ``num_magnitude_bins``.

    Raises:
        ValueError: magnitude is not one of 0..num_magnitude_bins - 1.
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Interpolation = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        super().__init__(interpolation, fill)
        if not 0 <= magnitude < num_magnitude_bins:
            raise ValueError(f"RandAugment: magnitude should be from 0 to {num_magnitude_bins - 1}, got {magnitude}")
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def forward(self, img: Any) -> Any:
        space = _gentle_space(img)
        for _ in range(self.num_ops):
            name = list(space)[draws.integer(0, len(space))]
            img = self._applied(img, name, space, self.magnitude / max(self.num_magnitude_bins - 1, 1))
        return img

    def __repr__(self) -> str:
        return (
            f"RandAugment(num_ops={self.num_ops}, magnitude={self.magnitude}, "
            f"num_magnitude_bins={self.num_magnitude_bins}, interpolation={self.interpolation}, fill={self.fill})"
        )


class TrivialAugmentWide(_Automatic):
    """One operation, drawn, of one of ``num_magnitude_bins`` strengths, drawn.

    Raises:
        ValueError: fewer than two strengths.
    """

    def __init__(
        self,
        num_magnitude_bins: int = 31,
        interpolation: Interpolation = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        super().__init__(interpolation, fill)
        if num_magnitude_bins < 2:
            raise ValueError(f"TrivialAugmentWide: num_magnitude_bins should be at least 2, got {num_magnitude_bins}")
        self.num_magnitude_bins = num_magnitude_bins

    def forward(self, img: Any) -> Any:
        space = _space(0.99, (32.0, 32.0), 135.0, 0.99, 6)
        name = list(space)[draws.integer(0, len(space))]
        strength = draws.integer(0, self.num_magnitude_bins) / (self.num_magnitude_bins - 1)
        return self._applied(img, name, space, strength)

    def __repr__(self) -> str:
        return (
            f"TrivialAugmentWide(num_magnitude_bins={self.num_magnitude_bins}, interpolation={self.interpolation}, "
            f"fill={self.fill})"
        )


def _operation(text: str) -> tuple[str, float, int | None]:
    """(name, probability, strength) of one operation of a policy."""
    name, p, *strength = text.split()
    return name, float(p), int(strength[0]) if strength else None
