"""What the steps share: their class, sizes and interpolations as arguments, and what an image is."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.arrays import is_integer
from fastnn.eager.tensor import Tensor

if TYPE_CHECKING:
    from PIL import Image


class InterpolationMode(Enum):
    """How pixels between pixels are found."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


# Pillow's numbers of them, 0 to 5.
_PIL_MODES = tuple(InterpolationMode[name] for name in ("NEAREST", "LANCZOS", "BILINEAR", "BICUBIC", "BOX", "HAMMING"))

# The most pixels that an image may have, read or made: 50 million, as cameras have at most.
MAX_PIXELS = 50_000_000


class Transform:
    """A step whose call is ``forward``, as torchvision's modules have it: subclasses may override either."""

    def __call__(self, img: Any) -> Any:
        return self.forward(img)

    def forward(self, img: Any) -> Any:
        """The image that comes out."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def pil_image(img: Any, name: str) -> Image.Image:
    """The image itself.

    Raises:
        TypeError: it is no PIL image; the message begins with ``name``.
    """
    from PIL import Image

    if not isinstance(img, Image.Image):
        raise TypeError(
            f"{name}: expected a PIL image or a Tensor, got {type(img).__name__}; "
            "put ToPILImage() or ToTensor() before it"
        )
    return img


def pixels_of(img: Tensor, name: str, channels: Sequence[int] = ()) -> np.ndarray:
    """The array (..., H, W) of a Tensor; with ``channels`` (..., C, H, W) with one of these numbers of them.

    Raises:
        ValueError: other dimensions or channels, or no pixels; the message begins with ``name``.
    """
    pixels = img.detach().numpy()
    if channels and (pixels.ndim < 3 or pixels.shape[-3] not in channels):
        counts = " or ".join(map(str, channels))
        raise ValueError(f"{name}: expected a Tensor (..., C, H, W) with {counts} channels, got shape {pixels.shape}")
    if pixels.ndim < 2 or not pixels.size:
        raise ValueError(f"{name}: expected a Tensor (..., H, W) with pixels, got shape {pixels.shape}")
    return pixels


def as_tensor(pixels: np.ndarray) -> Tensor:
    """A Tensor of an array, laid out anew where it is a view."""
    return Tensor(np.ascontiguousarray(pixels))


def dimensions(img: Any, name: str) -> tuple[int, int, int]:
    """(channels, height, width) of a PIL image or a Tensor (..., C, H, W) or (H, W).

    Raises:
        TypeError, ValueError: it is neither; the message begins with ``name``.
    """
    if isinstance(img, Tensor):
        shape = pixels_of(img, name).shape
        return 1 if len(shape) == 2 else shape[-3], shape[-2], shape[-1]
    return len(pil_image(img, name).getbands()), img.height, img.width


def get_dimensions(img: Any) -> list[int]:
    """[channels, height, width]."""
    return list(dimensions(img, "get_dimensions"))


def get_image_size(img: Any) -> list[int]:
    """[width, height]."""
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img: Any) -> int:
    """How many channels an image has."""
    return get_dimensions(img)[0]


def edges_of(size: int | Sequence[int], name: str) -> tuple[int, ...]:
    """One or two whole numbers of at least 1, and no more pixels than an image may have.

    Raises:
        TypeError, ValueError: they are not; the message begins with ``name``.
    """
    edges = tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else (size,)
    if not all(map(is_integer, edges)):
        raise TypeError(f"{name}: size should be a whole number or (height, width), got {size!r}")
    if len(edges) not in (1, 2) or min(edges) < 1:
        raise ValueError(f"{name}: size should be one or two numbers of at least 1, got {size!r}")
    height, width = int(edges[0]), int(edges[-1])
    check_pixels(width, height, name)
    return (height, width)[: len(edges)]


def both_edges(size: int | Sequence[int], name: str) -> tuple[int, int]:
    """(height, width) from one number for both, or two."""
    edges = edges_of(size, name)
    return edges[0], edges[-1]


def check_pixels(width: int, height: int, name: str) -> None:
    """Raises ValueError where an image would have more than MAX_PIXELS."""
    if height * width > MAX_PIXELS:
        raise ValueError(
            f"{name}: {width} x {height} are {height * width:,} pixels; the limit is {MAX_PIXELS:,}. Make it smaller"
        )


def mode_of(interpolation: Any, name: str, hint: str = "") -> InterpolationMode:
    """The mode that is meant, by Pillow's number too; hint: what else could be meant, for the error."""
    if isinstance(interpolation, int | np.integer) and 0 <= interpolation < len(_PIL_MODES):
        return _PIL_MODES[interpolation]
    if isinstance(interpolation, InterpolationMode | str):
        return InterpolationMode(interpolation)
    names = ", ".join(f"{number} ({mode.value})" for number, mode in enumerate(_PIL_MODES))
    wanted = f"{name}: interpolation should be an InterpolationMode or Pillow's {names}"
    raise TypeError(f"{wanted}, got {interpolation!r}{hint}")


def pil_mode(mode: InterpolationMode) -> int:
    """Pillow's number of a mode; its nearest is the exact one."""
    return _PIL_MODES.index(InterpolationMode.NEAREST if mode is InterpolationMode.NEAREST_EXACT else mode)


def is_number(value: Any) -> bool:
    """Whether it is a number, of Python's or NumPy's; True and False are none."""
    return isinstance(value, Number) and not isinstance(value, bool)


def plain(value: Any) -> Any:
    """NumPy's numbers as Python's, also in lists and tuples: they print as such and do not overflow."""
    if isinstance(value, np.generic):
        return value.item()
    return type(value)(map(plain, value)) if type(value) in (list, tuple) else value


def check_sequence(values: Any, name: str, lengths: tuple[int, ...] = (2,)) -> None:
    """Raises TypeError unless it is a sequence, ValueError unless it has one of these lengths."""
    wanted = " or ".join(map(str, lengths))
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise TypeError(f"{name} should be a sequence of length {wanted}, got {values!r}")
    if len(values) not in lengths:
        raise ValueError(f"{name} should be a sequence of length {wanted}, got {values!r}")


def pair_of(values: Any, name: str) -> tuple[Any, Any]:
    """(first, second) of a sequence of two, or one number for both.

    Raises:
        TypeError, ValueError: neither; the message begins with ``name``.
    """
    if is_number(values):
        return plain(values), plain(values)
    check_sequence(values, name, (1, 2))
    return plain(values[0]), plain(values[-1])


def check_share(p: Any, name: str) -> None:
    """Raises TypeError or ValueError unless ``p`` is a probability."""
    if not is_number(p):
        raise TypeError(f"{name}: p should be a number from 0 to 1, got {p!r}")
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: p should be a probability from 0 to 1, got {p!r}")
