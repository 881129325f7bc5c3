"""Resizing: as Pillow does it, antialiased; of Tensors as PyTorch does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn.arrays import is_integer
from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError
from fastnn.transforms import tensors
from fastnn.transforms.base import MAX_PIXELS, InterpolationMode, Transform, edges_of, mode_of, pil_image, pil_mode

# Where an image that was decoded at a fraction of its size says what that was (in Pillow's ``info``).
FULL_SIZE = "full_size"

Interpolation = InterpolationMode | int | str


class Resize(Transform):
    """To a given size, antialiased, as Pillow resizes; a Tensor (..., C, H, W) as PyTorch does.

    Args:
        size: (height, width), or one number for the shorter edge; the other keeps the ratio.
        interpolation: an :class:`InterpolationMode`, or Pillow's number or constant of one. Tensors have the nearest,
            bilinear and bicubic ones.
        max_size: with one number, the most that the longer edge may get.
        antialias: without effect on PIL images, which are always antialiased, and on the nearest pixels.
        scaled_jpeg: let :class:`~fastnn.datasets.ImageFolder` decode JPEG files at a half, a quarter or an eighth of
            their size where that is no smaller than the result and nothing but Grayscale comes before: some times
            faster, with slightly other pixels.

    Raises:
        TypeError, ValueError: size is not one or two positive whole numbers, has more than MAX_PIXELS, or does not go
            with max_size; no such interpolation.
        FormatError: on a call, the image's other edge would make more than MAX_PIXELS.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: Interpolation = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
        *,
        scaled_jpeg: bool = False,
    ) -> None:
        edges = edges_of(size, "Resize")
        if max_size is not None and (len(edges) == 2 or max_size <= edges[0]):
            raise ValueError(f"Resize: max_size = {max_size} needs one smaller number as size, got size = {size}")
        self.size = edges[0] if is_integer(size) else type(size)(edges) if isinstance(size, list | tuple) else size
        both = f". Height and width are one argument: Resize(({size}, {interpolation}))"
        self.interpolation = mode_of(interpolation, "Resize", both if is_integer(interpolation) else "")
        self.max_size = None if max_size is None else int(max_size)
        self.antialias = antialias
        self.scaled_jpeg = scaled_jpeg

    def forward(self, img: Any) -> Any:
        if isinstance(img, Tensor):
            if img.ndim < 3:
                raise ValueError(f"Resize: expected a Tensor (..., C, H, W), got shape {tuple(img.shape)}")
            width, height = self._checked_target(img.shape[-1], img.shape[-2])
            return tensors.resize(img, (height, width), self.interpolation.value, bool(self.antialias))
        full_size = pil_image(img, "Resize").info.get(FULL_SIZE, img.size)
        size = self._checked_target(*full_size)
        out = img if img.size == size else img.resize(size, pil_mode(self.interpolation))
        out.info.pop(FULL_SIZE, None)
        return out

    def _checked_target(self, width: int, height: int) -> tuple[int, int]:
        wide, high = self.target(width, height)
        if wide * high > MAX_PIXELS:
            raise FormatError(
                f"resized from {width} x {height}, the image would have {wide} x {high} pixels; "
                f"the limit is {MAX_PIXELS:,}: give Resize (height, width) or a max_size"
            )
        return wide, high

    def target(self, width: int, height: int) -> tuple[int, int]:
        """The result's (width, height) for an image of this width and height."""
        edges = edges_of(self.size, "Resize")
        if len(edges) == 2:
            return edges[1], edges[0]
        short, long = min(width, height), max(width, height)
        new_short, new_long = edges[0], int(edges[0] * long / short)
        if self.max_size is not None and new_long > self.max_size:
            new_short, new_long = int(self.max_size * new_short / new_long), self.max_size
        return (new_short, new_long) if width <= height else (new_long, new_short)

    def __repr__(self) -> str:
        return (
            f"Resize(size={self.size}, interpolation={self.interpolation.value}, "
            f"max_size={self.max_size}, antialias={self.antialias}{', scaled_jpeg=True' * self.scaled_jpeg})"
        )


def resize(
    img: Any,
    size: int | Sequence[int],
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """The image at another size; arguments and errors as :class:`Resize` has them."""
    return Resize(size, interpolation, max_size, antialias)(img)
