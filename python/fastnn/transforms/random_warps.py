"""Random rotations and other maps of the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn.transforms import draws
from fastnn.transforms.base import (
    InterpolationMode,
    Transform,
    check_sequence,
    check_share,
    dimensions,
    is_number,
    mode_of,
    plain,
)
from fastnn.transforms.geometry import Fill
from fastnn.transforms.warps import Center, Interpolation, NoPerspective, affine, perspective, rotate


class RandomRotation(Transform):
    """Turned by a random angle.

    Args:
        degrees: (least, most), counter-clockwise; one number d for (-d, d).
        interpolation, expand, center, fill: as :func:`~fastnn.transforms.functional.rotate` has them.

    Raises:
        TypeError, ValueError: arguments of another kind.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: Interpolation = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Center = None,
        fill: Fill = 0,
    ) -> None:
        self.degrees = angles_of(degrees, "degrees")
        if center is not None:
            check_sequence(center, "center")
        self.center = plain(center)
        self.interpolation = mode_of(interpolation, "RandomRotation")
        self.expand = expand
        self.fill = _checked_fill(fill, "RandomRotation")

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """An angle."""
        return draws.uniform(degrees[0], degrees[1])

    def forward(self, img: Any) -> Any:
        angle = self.get_params(self.degrees)
        return rotate(img, angle, self.interpolation, self.expand, self.center, self.fill)

    def __repr__(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        return (
            f"RandomRotation(degrees={self.degrees}, interpolation={self.interpolation.value}, "
            f"expand={self.expand}{center}, fill={self.fill})"
        )


class RandomAffine(Transform):
    """Turned, moved, resized and sheared by random numbers, about the middle.

    Args:
        degrees: (least, most), clockwise; one number d for (-d, d), 0 for none.
        translate: the most shares of width and height, to either side.
        scale: (least, most) factor.
        shear: degrees along x as ``degrees``; four numbers for (least, most) along x and along y.
        interpolation, fill, center: as :func:`~fastnn.transforms.functional.affine` has them.

    Raises:
        TypeError, ValueError: arguments of another kind.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: Interpolation = InterpolationMode.NEAREST,
        fill: Fill = 0,
        center: Center = None,
    ) -> None:
        self.degrees = angles_of(degrees, "degrees")
        for name, pair in (("translate", translate), ("scale", scale), ("center", center)):
            if pair is not None:
                check_sequence(pair, name)
        if translate is not None and not all(0 <= share <= 1 for share in translate):
            raise ValueError(f"translation values should be between 0 and 1, got {translate!r}")
        if scale is not None and min(scale) <= 0:
            raise ValueError(f"scale values should be positive, got {scale!r}")
        self.translate = plain(translate)
        self.scale = plain(scale)
        self.shear = None if shear is None else angles_of(shear, "shear", (2, 4))
        self.interpolation = mode_of(interpolation, "RandomAffine")
        self.fill = _checked_fill(fill, "RandomAffine")
        self.center = plain(center)

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """(angle, translation in pixels, scale, shear) for an image of (width, height)."""
        angle = draws.uniform(degrees[0], degrees[1])
        most = [share * size for share, size in zip(translate or (), img_size, strict=False)]
        moved = (round(draws.uniform(-most[0], most[0])), round(draws.uniform(-most[1], most[1]))) if most else (0, 0)
        scale = 1.0 if scale_ranges is None else draws.uniform(scale_ranges[0], scale_ranges[1])
        x = 0.0 if shears is None else draws.uniform(shears[0], shears[1])
        y = 0.0 if shears is None or len(shears) < 4 else draws.uniform(shears[2], shears[3])
        return angle, moved, scale, (x, y)

    def forward(self, img: Any) -> Any:
        _, height, width = dimensions(img, "RandomAffine")
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, (width, height))
        return affine(img, *drawn, interpolation=self.interpolation, fill=self.fill, center=self.center)

    def __repr__(self) -> str:
        further = {name: getattr(self, name) for name in ("translate", "scale", "shear")}
        further["interpolation"] = None if self.interpolation is InterpolationMode.NEAREST else self.interpolation.value
        further["fill"] = None if self.fill == 0 else self.fill
        further["center"] = self.center
        words = "".join(f", {name}={value}" for name, value in further.items() if value is not None)
        return f"RandomAffine(degrees={self.degrees}{words})"


class RandomPerspective(Transform):
    """Seen from elsewhere with probability ``p``: each corner moves inwards by up to ``distortion_scale`` of half the
    image. interpolation, fill: as :func:`~fastnn.transforms.functional.perspective` has them.

    Raises:
        TypeError, ValueError: arguments of another kind.
    """

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        interpolation: Interpolation = InterpolationMode.BILINEAR,
        fill: Fill = 0,
    ) -> None:
        check_share(p, "RandomPerspective")
        check_share(distortion_scale, "RandomPerspective: distortion_scale as")
        self.p = plain(p)
        self.interpolation = mode_of(interpolation, "RandomPerspective")
        self.distortion_scale = distortion_scale
        self.fill = _checked_fill(fill, "RandomPerspective")

    @staticmethod
    def get_params(width: int, height: int, distortion_scale: float) -> tuple[list[list[int]], list[list[int]]]:
        """The corners from top left clockwise, and where they come to lie."""
        corners = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
        most = (int(distortion_scale * (width // 2)), int(distortion_scale * (height // 2)))
        ends = [
            [abs(at - draws.integer(0, far + 1)) for at, far in zip(corner, most, strict=True)] for corner in corners
        ]
        return corners, ends

    def forward(self, img: Any) -> Any:
        _, height, width = dimensions(img, "RandomPerspective")
        if not draws.chance(self.p):
            return img
        ends = self.get_params(width, height, self.distortion_scale)
        try:
            return perspective(img, *ends, self.interpolation, self.fill)
        except NoPerspective:  # of an image of few pixels
            return img

    def __repr__(self) -> str:
        return f"RandomPerspective(p={self.p})"


def angles_of(degrees: Any, name: str, lengths: tuple[int, ...] = (2,)) -> list[float]:
    """[least, most] of angles, from one number for both ways; or four numbers where ``lengths`` has it.

    Raises:
        TypeError, ValueError: neither.
    """
    if not is_number(degrees):
        check_sequence(degrees, name, lengths)
        return [float(angle) for angle in degrees]
    if degrees < 0:
        raise ValueError(f"If {name} is a single number, it must be positive, got {degrees!r}")
    return [float(-plain(degrees)), float(degrees)]


def _checked_fill(fill: Fill, name: str) -> Any:
    if fill is not None and not is_number(fill) and (not isinstance(fill, Sequence) or isinstance(fill, str)):
        raise TypeError(f"{name}: Fill should be either a sequence or a number, got {fill!r}")
    return 0 if fill is None else plain(fill)
