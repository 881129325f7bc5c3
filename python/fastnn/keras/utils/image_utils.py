"""``load_img``, ``img_to_array``, ``array_to_img`` and ``save_img``: images of files as arrays."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.errors import FormatError
from fastnn.text import did_you_mean

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
FLOAT = "float32"  # Keras' floatx
METHODS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: Sequence[int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """The image in a file as Pillow's. PNG, JPEG, BMP, PPM and WebP, told by their content.

    path: a path, or an ``io.BytesIO``. color_mode: "rgb", "rgba" or "grayscale" (16 bits are scaled to 8).
    target_size: (height, width) to resize it to, by "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
    keep_aspect_ratio: the largest part around the centre that has the target's shape, instead of all of it.

    Raises:
        ValueError: another color_mode or interpolation; FormatError, which is one: no image, or a damaged one.
        OSError: the file cannot be read.
    """
    check_chosen("color_mode", color_mode, tuple(MODES))
    check_chosen("interpolation", interpolation, METHODS)
    image = _converted(_opened(path), MODES[color_mode])
    if target_size is None:
        return image
    height, width = checked_size(target_size)
    if image.size == (width, height):
        return image
    box = _middle(image.size, (width, height)) if keep_aspect_ratio else None
    return image.resize((width, height), _resampling(interpolation), box=box)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """Pixels as they are, float32 (height, width, channels), or (channels, height, width) of "channels_first".

    Raises:
        ValueError: what is no image of two or three dimensions.
    """
    array = np.array(img, dtype=dtype or FLOAT)
    if array.ndim not in (2, 3):
        raise ValueError(f"an image has shape (height, width) or (height, width, channels), got {array.shape}")
    array = array[..., None] if array.ndim == 2 else array
    return array.transpose(2, 0, 1) if is_first(data_format) else array


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Image:
    """An array (height, width, channels) of 1, 3 or 4 channels as Pillow's image.

    scale: the smallest number becomes 0 and the largest 255; False: numbers are cut to whole ones (grey ones above 255
    make an image of 32 bits, as in Keras).

    Raises:
        ValueError: another shape.
    """
    from PIL.Image import fromarray

    array = np.array(x, dtype=dtype or FLOAT)
    if array.ndim != 3:
        raise ValueError(f"an image has shape (height, width, channels), got {array.shape}: x[0] is one of a batch")
    array = array.transpose(1, 2, 0) if is_first(data_format) else array
    if array.shape[2] not in (1, 3, 4):
        raise ValueError(f"an image has 1, 3 or 4 channels, got {array.shape}")
    if scale:
        array = array - array.min()
        array *= 255 / (array.max() or 1)
    if array.shape[2] == 1:
        return fromarray(array[..., 0].astype(np.int32 if array.max() > 255 else np.uint8))
    return fromarray(array.astype(np.int64).astype(np.uint8))


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **how: Any
) -> None:
    """Writes an array as :func:`array_to_img` has it, in the format of the file's ending or of file_format.

    how: what Pillow's ``save`` takes. Transparency is left out of a JPEG file.
    """
    if file_format is None and isinstance(path, str | os.PathLike):
        file_format = os.path.splitext(os.fspath(path))[1][1:]
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and str(file_format).lower() == "jpeg":
        image = image.convert("RGB")
    image.save(path, format=file_format or None, **how)


def is_first(data_format: str | None) -> bool:
    """Whether channels come first; None: they come last, as ``backend.image_data_format()`` always says here.

    Raises:
        ValueError: another word.
    """
    check_chosen("data_format", data_format, ("channels_last", "channels_first", None))
    return data_format == "channels_first"


def check_chosen(name: str, value: Any, words: Sequence[Any]) -> None:
    """Refuses a value that is none of these.

    Raises:
        ValueError: with the nearest.
    """
    if value not in words:
        near = did_you_mean(value, [word for word in words if word]) if isinstance(value, str) else ""
        raise ValueError(f"{name} is {value!r}{near or ';'} it must be one of {', '.join(map(repr, words))}")


def checked_size(target_size: Any) -> tuple[int, int]:
    """(height, width) of a target_size.

    Raises:
        ValueError: no two whole numbers of at least 1.
    """
    size = tuple(target_size) if isinstance(target_size, Sequence) else ()
    if len(size) != 2 or not all(isinstance(each, int | np.integer) and each > 0 for each in size):
        raise ValueError(f"target_size is {target_size!r}; it must be (height, width) in pixels, such as (150, 150)")
    return int(size[0]), int(size[1])


def _opened(path: Any) -> Image:
    from fastnn.data.images import open_image

    if not isinstance(path, io.BytesIO):
        return open_image(os.fsdecode(path) if isinstance(path, bytes) else path)
    from PIL import Image

    try:
        image = Image.open(path)
        image.load()
    except Exception as error:  # Pillow documents none
        raise FormatError(f"these {len(path.getvalue()):,} bytes cannot be read as an image: {error}") from error
    return image


def _converted(image: Image, mode: str) -> Image:
    from fastnn.data.images import to_rgb

    if image.mode == mode:
        return image
    if mode == "RGB":
        return to_rgb(image)
    return (to_rgb(image) if image.mode.startswith("I") else image).convert(mode)


def _resampling(interpolation: str) -> Any:
    from PIL.Image import Resampling

    return Resampling[interpolation.upper()]


def _middle(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest box around the centre of an image (width, height) that has the target's shape."""
    width, height = size
    tall, wide = min(height, width * target[1] // target[0]), min(width, height * target[0] // target[1])
    left, top = (width - wide) // 2, (height - tall) // 2
    return left, top, left + wide, top + tall
