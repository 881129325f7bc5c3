"""Crops, flips and borders, as functions of PIL images and Tensors (..., H, W), and the steps that do them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.transforms.base import (
    Transform,
    as_tensor,
    both_edges,
    check_pixels,
    check_sequence,
    dimensions,
    is_number,
    pil_image,
    pixels_of,
    plain,
)
from fastnn.transforms.resize import InterpolationMode, resize

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")

Padding = int | Sequence[int]
Fill = float | Sequence[float] | None


def hflip(img: Any) -> Any:
    """Left and right exchanged."""
    if isinstance(img, Tensor):
        return as_tensor(pixels_of(img, "hflip")[..., ::-1])
    from PIL import Image

    return pil_image(img, "hflip").transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Any) -> Any:
    """Top and bottom exchanged."""
    if isinstance(img, Tensor):
        return as_tensor(pixels_of(img, "vflip")[..., ::-1, :])
    from PIL import Image

    return pil_image(img, "vflip").transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The part at (top, left); black where it lies outside of the image."""
    if not isinstance(img, Tensor):
        return pil_image(img, "crop").crop((left, top, left + width, top + height))
    pixels = pixels_of(img, "crop")
    high, wide = pixels.shape[-2:]
    inside = pixels[..., max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    if top >= 0 and left >= 0 and top + height <= high and left + width <= wide:
        return as_tensor(inside)
    out = np.zeros((*pixels.shape[:-2], height, width), pixels.dtype)
    y, x = max(-top, 0), max(-left, 0)
    out[..., y : y + inside.shape[-2], x : x + inside.shape[-1]] = inside
    return Tensor(out)


def pad(img: Any, padding: Padding, fill: Fill = 0, padding_mode: str = "constant") -> Any:
    """The image with a border; a negative one cuts.

    Args:
        img: a PIL image, or a Tensor (..., H, W).
        padding: one number for all sides, (left and right, top and bottom), or (left, top, right, bottom).
        fill: what a constant border is of; of a PIL image also one number a channel.
        padding_mode: "constant", "edge", "reflect" (without the edge), "symmetric" (with it).

    Raises:
        TypeError, ValueError: arguments of another kind; the image would get more than MAX_PIXELS.
    """
    check_padding(padding, fill, padding_mode)
    left, top, right, bottom = sides_of(padding)
    _, height, width = dimensions(img, "Pad")
    wide, high = width + left + right, height + top + bottom
    if min(wide, high) < 1:
        raise ValueError(f"Pad: with padding={padding!r} nothing is left of {width} x {height} pixels")
    check_pixels(wide, high, "Pad")
    if isinstance(img, Tensor):
        pixels = pixels_of(img, "Pad")
        if fill is not None and not is_number(fill):
            raise TypeError(
                f"Pad: a Tensor is filled with one number, got fill={fill!r}; put Pad before ToTensor() for colours"
            )
        return as_tensor(_padded(pixels, (left, top, right, bottom), fill or 0, padding_mode, (-2, -1)))
    if padding_mode == "constant":
        return _with_palette_of(img, _expanded(img, (left, top, right, bottom), fill))
    from PIL import Image

    pixels = np.asarray(pil_image(img, "Pad"))
    return _with_palette_of(img, Image.fromarray(_padded(pixels, (left, top, right, bottom), 0, padding_mode, (0, 1))))


def check_padding(padding: Any, fill: Any, padding_mode: Any) -> None:
    """Raises unless they are arguments that :func:`pad` takes."""
    if not is_number(padding):
        check_sequence(padding, "Pad: padding, where it is not one number,", (1, 2, 4))
    if not (fill is None or is_number(fill) or isinstance(fill, tuple | list)):
        raise TypeError(f"Pad: fill should be a number, or one number a channel, got {fill!r}")
    if padding_mode not in PADDING_MODES:
        raise ValueError(f"Pad: padding_mode should be {', '.join(PADDING_MODES)}, got {padding_mode!r}")


def sides_of(padding: Any) -> tuple[int, int, int, int]:
    """(left, top, right, bottom)."""
    each = [int(side) for side in ([padding] if is_number(padding) else padding)]
    left, top, right, bottom = each if len(each) == 4 else (each[0], each[-1]) * 2
    return left, top, right, bottom


def fill_of(fill: Any, img: Any, name: str) -> Any:
    """What Pillow takes as a colour of this image: black for None, one number for all channels.

    Raises:
        ValueError: another number of channels.
    """
    channels = len(pil_image(img, name).getbands())
    each = [fill or 0] if fill is None or is_number(fill) else list(fill)
    each = each * channels if len(each) == 1 else each
    if len(each) != channels:
        raise ValueError(f"{name}: fill has {len(each)} numbers, the image has {channels} channel(s)")
    values = tuple(float(value) if img.mode == "F" else int(value) for value in each)
    return values[0] if channels == 1 else values


def _expanded(img: Any, sides: tuple[int, int, int, int], fill: Fill) -> Any:
    from PIL import ImageOps

    return ImageOps.expand(img, sides, fill_of(fill, img, "Pad"))


def _with_palette_of(img: Any, out: Any) -> Any:
    if img.mode == "P":
        out.putpalette(img.getpalette())
    return out


def _padded(
    pixels: np.ndarray, sides: tuple[int, int, int, int], fill: Any, mode: Any, axes: tuple[int, int]
) -> np.ndarray:
    """With a border along the axes of rows and columns."""
    left, top, right, bottom = sides
    rows, columns = (axis % pixels.ndim for axis in axes)
    widths, kept = [(0, 0)] * pixels.ndim, [slice(None)] * pixels.ndim
    for axis, (before, after) in ((rows, (top, bottom)), (columns, (left, right))):
        kept[axis] = slice(max(-before, 0), pixels.shape[axis] - max(-after, 0))
        widths[axis] = (max(before, 0), max(after, 0))
    filled: Any = {"constant_values": fill} if mode == "constant" else {}
    return np.pad(pixels[tuple(kept)], widths, mode, **filled)


def center_crop(img: Any, output_size: int | Sequence[int]) -> Any:
    """The middle of the image; black around it where the image is smaller."""
    height, width = both_edges(output_size, "CenterCrop")
    _, high, wide = dimensions(img, "CenterCrop")
    if width > wide or height > high:
        across, down = max(width - wide, 0), max(height - high, 0)
        img = pad(img, (across // 2, down // 2, (across + 1) // 2, (down + 1) // 2))
        _, high, wide = dimensions(img, "CenterCrop")
    return crop(img, round((high - height) / 2), round((wide - width) / 2), height, width)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A part, then resized."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def five_crop(img: Any, size: int | Sequence[int]) -> tuple[Any, ...]:
    """The four corners (top left, top right, bottom left, bottom right) and the middle.

    Raises:
        ValueError: the image is smaller.
    """
    height, width = both_edges(size, "FiveCrop")
    _, high, wide = dimensions(img, "FiveCrop")
    if width > wide or height > high:
        raise ValueError(f"FiveCrop: the size {(height, width)} is larger than the image's {(high, wide)}")
    corners = [crop(img, top, left, height, width) for top in (0, high - height) for left in (0, wide - width)]
    return (*corners, center_crop(img, (height, width)))


def ten_crop(img: Any, size: int | Sequence[int], vertical_flip: bool = False) -> tuple[Any, ...]:
    """What :func:`five_crop` gives, and the same of the flipped image."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


class CenterCrop(Transform):
    """The middle of the image, or of a Tensor (..., H, W); black around it where the image is smaller.

    Args:
        size: (height, width), or one number for both.

    Raises:
        TypeError, ValueError: size is not one or two positive whole numbers, or has more than MAX_PIXELS.
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = both_edges(size, "CenterCrop")

    def forward(self, img: Any) -> Any:
        return center_crop(img, self.size)

    def __repr__(self) -> str:
        return f"CenterCrop(size={self.size})"


class Pad(Transform):
    """A border; arguments and errors as :func:`~fastnn.transforms.functional.pad` has them."""

    def __init__(self, padding: Padding, fill: Fill = 0, padding_mode: str = "constant") -> None:
        check_padding(padding, fill, padding_mode)
        self.padding = plain(padding)
        self.fill = plain(fill)
        self.padding_mode = padding_mode

    def forward(self, img: Any) -> Any:
        return pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return f"Pad(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class FiveCrop(Transform):
    """The four corners and the middle, a tuple of five images: often followed by a Lambda that stacks them."""

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = both_edges(size, "FiveCrop")

    def forward(self, img: Any) -> tuple[Any, ...]:
        return five_crop(img, self.size)

    def __repr__(self) -> str:
        return f"FiveCrop(size={self.size})"


class TenCrop(Transform):
    """What :class:`FiveCrop` gives, and the same of the flipped image: a tuple of ten."""

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        self.size = both_edges(size, "TenCrop")
        self.vertical_flip = vertical_flip

    def forward(self, img: Any) -> tuple[Any, ...]:
        return ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self) -> str:
        return f"TenCrop(size={self.size}, vertical_flip={self.vertical_flip})"
