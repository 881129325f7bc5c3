"""Image files as uint8 Tensors (C, H, W) and back, under torchvision.io's names; decoded by Pillow, as strictly as
:func:`fastnn.data.images.open_image` does it, and written in one step.

Source of the behaviour: torchvision.io.
"""

from __future__ import annotations

import io
import os
from enum import Enum
from typing import Any

import numpy as np

from fastnn.data.images import decode, open_image, to_rgb, upright
from fastnn.data.paths import StrPath
from fastnn.eager.tensor import Tensor
from fastnn.io.atomic import read_regular, write_atomic
from fastnn.io.checks import shown_path
from fastnn.transforms.functional import pil_to_tensor, to_pil_image

__all__ = [
    "ImageReadMode",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "encode_jpeg",
    "encode_png",
    "read_file",
    "read_image",
    "write_file",
    "write_jpeg",
    "write_png",
]


class ImageReadMode(Enum):
    """What to make of an image's colours; UNCHANGED leaves them, but for palettes, which become RGB."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


_MODES = {ImageReadMode.GRAY: "L", ImageReadMode.GRAY_ALPHA: "LA", ImageReadMode.RGBA: "RGBA"}


def read_file(path: StrPath) -> Tensor:
    """The bytes of a file, uint8 (n,)."""
    return Tensor(np.frombuffer(read_regular(path), np.uint8).copy())


def write_file(filename: StrPath, data: Tensor) -> None:
    """Writes the bytes that a Tensor uint8 (n,) holds, in one step."""
    write_atomic(filename, [_bytes(data, "write_file")], durable=False)


def decode_image(
    input: Tensor | StrPath,
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """uint8 (C, H, W) of an image file; int32 of one with 16 bits a pixel.

    Args:
        input: the file, or its bytes as uint8 (n,).
        mode: an :class:`ImageReadMode` or its name.
        apply_exif_orientation: turn it upright, as the camera was held.

    Raises:
        FormatError: not an image of a known format, damaged, truncated or too large.
        OSError: the file cannot be opened or read.
        ValueError: no such mode.
    """
    wanted = _mode_of(mode)
    is_data = isinstance(input, Tensor)
    image = decode(_bytes(input, "decode_image"), "decode_image: the data") if is_data else open_image(input)
    image = upright(image) if apply_exif_orientation else image
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    if wanted is ImageReadMode.RGB:
        image = to_rgb(image)
    elif wanted is not ImageReadMode.UNCHANGED:
        image = (image if image.mode in ("1", "L", "LA", "RGBA", "CMYK") else to_rgb(image)).convert(_MODES[wanted])
    return pil_to_tensor(image)


decode_png = decode_jpeg = decode_image


def read_image(
    path: StrPath, mode: ImageReadMode | str = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False
) -> Tensor:
    """What :func:`decode_image` makes of a file."""
    return decode_image(path, mode, apply_exif_orientation)


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """A PNG file, uint8 (n,), of an image uint8 (C, H, W) with 1 or 3 channels.

    Raises:
        TypeError, ValueError: another image; compression_level is not from 0 to 9.
    """
    if not 0 <= compression_level <= 9:
        raise ValueError(f"encode_png: compression_level should be from 0 to 9, got {compression_level}")
    return _encoded(input, "encode_png", "PNG", compress_level=compression_level)


def encode_jpeg(input: Tensor, quality: int = 75) -> Tensor:
    """A JPEG file, uint8 (n,), of an image uint8 (C, H, W) with 1 or 3 channels.

    Raises:
        TypeError, ValueError: another image; quality is not from 1 to 100.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"encode_jpeg: quality should be from 1 to 100, got {quality}")
    return _encoded(input, "encode_jpeg", "JPEG", quality=quality)


def write_png(input: Tensor, filename: StrPath, compression_level: int = 6) -> None:
    """Writes what :func:`encode_png` makes."""
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input: Tensor, filename: StrPath, quality: int = 75) -> None:
    """Writes what :func:`encode_jpeg` makes."""
    write_file(filename, encode_jpeg(input, quality))


def _mode_of(mode: ImageReadMode | str) -> ImageReadMode:
    try:
        return ImageReadMode[mode.upper()] if isinstance(mode, str) else ImageReadMode(mode)
    except (KeyError, ValueError):
        names = ", ".join(ImageReadMode.__members__)
        raise ValueError(f"decode_image: mode should be one of {names}, got {mode!r}") from None


def _bytes(data: Any, name: str) -> bytes:
    if not isinstance(data, Tensor) or data.ndim != 1 or data.numpy().dtype != np.uint8:
        raise TypeError(f"{name}: expected a Tensor of bytes, uint8 (n,), or a path")
    return data.numpy().tobytes()


def _encoded(input: Any, name: str, form: str, **options: int) -> Tensor:
    if not isinstance(input, Tensor) or input.numpy().dtype != np.uint8:
        kind = input.dtype if isinstance(input, Tensor) else type(input).__name__
        raise TypeError(f"{name}: expected a uint8 Tensor (C, H, W), got {kind}; save_image takes floats in 0..1")
    if input.ndim != 3 or input.shape[0] not in (1, 3):
        raise ValueError(f"{name}: expected a Tensor (C, H, W) with 1 or 3 channels, got shape {tuple(input.shape)}")
    return Tensor(np.frombuffer(file_of(to_pil_image(input), form, **options), np.uint8).copy())


def file_of(image: Any, form: str, **options: int) -> bytes:
    """The bytes of an image file of Pillow's format of that name."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def format_of(path: StrPath, form: str | None, name: str) -> str:
    """Pillow's format by its name, or by the ending of a file's name.

    Raises:
        ValueError: there is none that can be written.
    """
    from PIL import Image

    ending = os.path.splitext(os.fspath(path))[1].lower()
    found = form or Image.registered_extensions().get(ending)
    Image.init()
    if found is None or found.upper() not in Image.SAVE:
        what = f"format {form!r}" if form else f"ending {ending!r} of {shown_path(path)}"
        raise ValueError(f"{name}: Pillow writes no image of {what}; use .png or .jpg")
    return found.upper()
