"""Reading one image file, strictly: a whole image of a known format, or a :class:`FormatError` that names the
file.

The format is told by the content, never by the name: PNG, JPEG, BMP, PBM/PGM/PPM and WebP. Of torchvision's
extensions only TIFF is left out: its many encodings are where image libraries have most of their faults. The
number of pixels is taken from the header and checked before anything is decoded.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable

import numpy as np
from PIL import BmpImagePlugin, ExifTags, Image, JpegImagePlugin, PngImagePlugin, PpmImagePlugin, WebPImagePlugin

from fastnn.data.jpeg import read_plain_jpeg
from fastnn.data.paths import StrPath
from fastnn.data.png import SIGNATURE, check_chunks, read_plain_png
from fastnn.errors import FormatError, told
from fastnn.io.checks import shown_bytes, shown_name, shown_path
from fastnn.io.notes import say_once
from fastnn.platform import open_to_read
from fastnn.transforms import FULL_SIZE, MAX_PIXELS

Target = Callable[[int, int], tuple[int, int]]

MAX_BYTES = 2**29  # 50 million pixels of 16-bit RGBA, and room for metadata
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")
# From the values 2 to 8 of EXIF's Orientation to what turns the image upright.
_TURNS = dict(
    zip(
        range(2, 9),
        (
            Image.Transpose.FLIP_LEFT_RIGHT,
            Image.Transpose.ROTATE_180,
            Image.Transpose.FLIP_TOP_BOTTOM,
            Image.Transpose.TRANSPOSE,
            Image.Transpose.ROTATE_270,
            Image.Transpose.TRANSVERSE,
            Image.Transpose.ROTATE_90,
        ),
        strict=True,
    )
)
_FOREIGN = (
    (b"II*\0", "a TIFF image, which fastnn does not read: convert it to PNG"),
    (b"MM\0*", "a TIFF image, which fastnn does not read: convert it to PNG"),
    (b"GIF8", "a GIF image, which fastnn does not read: convert it to PNG"),
    (b"ftyphe", "a HEIC photograph (iPhone), which fastnn does not read: convert it to JPEG"),
    (b"<", "not an image: starts with {start}. It was probably an error page saved by a download"),
    (b"version https://git-lfs", "not an image but a Git LFS pointer: fetch the real file with git lfs pull"),
)


def open_image(
    path: StrPath, max_pixels: int = MAX_PIXELS, jpeg_target: Target | None = None, exif: bool = False
) -> Image.Image:
    """The image in a file, decoded; of an animation the first frame.

    Args:
        path: a regular file.
        max_pixels: refuse images that claim more than this, before decoding them.
        jpeg_target: from (width, height) to a size that is enough: a JPEG file is decoded at a half, a quarter or an
            eighth of its size where that is no smaller.
        exif: turn it :func:`upright`; what is turned is decoded in full.

    Raises:
        FormatError: not an image of a known format, damaged, truncated or too large. The message begins with
            the path.
        OSError: the file cannot be opened or read.
    """
    data = _read(path)
    image = read_plain_png(data, max_pixels)
    if image is None and jpeg_target is None:
        image = read_plain_jpeg(data, max_pixels)
    if image is not None:
        return image  # which has no EXIF data
    image = _decode(data, shown_path(path), max_pixels, jpeg_target, exif)
    return upright(image) if exif else image


def to_rgb(image: Image.Image) -> Image.Image:
    """What Pillow's ``convert("RGB")`` gives, as torchvision's loader has it, for any mode but 16-bit grey.

    Pillow cuts 16-bit grey at 255; here it is scaled by 1/257 and rounded, so that white stays white. Said once.
    """
    if image.mode == "RGB":
        return image
    if image.mode in _SIXTEEN_BIT:
        say_once("16-bit", "16-bit grey images are scaled to 8 bit (by 1/257)")
        values = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        return Image.fromarray(((values + 128) // 257).astype(np.uint8)).convert("RGB")
    if "transparency" in image.info:  # of no effect on RGB, but Pillow warns about it
        image = image.copy()
        del image.info["transparency"]
    return image.convert("RGB")


def orientation_of(image: Image.Image) -> int:
    """1 to 8: how the camera was held, by EXIF's tag Orientation (EXIF 2.32, section 4.6.4); 1, upright, where that
    does not say, or cannot be read.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # Pillow documents none, and the pixels are sound
        return 1
    return orientation if orientation in _TURNS else 1


def upright(image: Image.Image) -> Image.Image:
    """The image as it is to be seen, where its EXIF data say that the camera was held otherwise; the image itself where
    they do not.
    """
    orientation = orientation_of(image)
    return image if orientation == 1 else image.transpose(_TURNS[orientation])


def read_rgb(
    path: StrPath, keep_grey: bool = False, jpeg_target: Target | None = None, exif: bool = False
) -> Image.Image:
    """The default loader of :class:`~fastnn.datasets.ImageFolder`: the image in a file as RGB. What is transparent has
    the colour that the file gives it.

    Args:
        path: a regular file.
        keep_grey: leave 8-bit grey images as they are ("L").
        jpeg_target, exif: as :func:`open_image` has them.

    Raises:
        As :func:`open_image`.
    """
    image = open_image(path, jpeg_target=jpeg_target, exif=exif)
    if keep_grey and image.mode == "L":
        return image
    try:
        return to_rgb(image)
    except (OSError, ValueError) as error:
        raise _unreadable(shown_path(path), f"no way from {image.mode} to RGB") from error


def decode(data: bytes, where: str) -> Image.Image:
    """The image in the bytes of a file; as :func:`open_image`, whose messages begin with ``where``."""
    image = read_plain_png(data, MAX_PIXELS)
    return image if image is not None else _decode(data, where, MAX_PIXELS, None, exif=False)


def _read(path: StrPath) -> bytes:
    fd = open_to_read(path)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise FormatError(f"{shown_path(path)} is not a regular file")
        if status.st_size == 0:
            where = shown_path(path)
            raise told(FormatError(f"{where} is empty (0 bytes)"), "file.empty", path=where)
        if status.st_size > MAX_BYTES:
            size = shown_bytes(status.st_size)
            raise FormatError(f"{shown_path(path)} is {size} large; the limit for an image is {shown_bytes(MAX_BYTES)}")
        data = os.read(fd, status.st_size)
    finally:
        os.close(fd)
    if len(data) != status.st_size:
        raise FormatError(f"{shown_path(path)} ended after {len(data):,} of {status.st_size:,} bytes while being read")
    return data


def _decode(data: bytes, where: str, max_pixels: int, jpeg_target: Target | None, exif: bool) -> Image.Image:
    """Decodes with the one Pillow plug-in that the first bytes ask for."""
    plugin = _plugin(data)
    if plugin is None:
        raise _no_image(data, where)
    if plugin is WebPImagePlugin.WebPImageFile:
        _check_pixels(_webp_size(data), where, max_pixels)  # the plug-in allocates the canvas when it opens a file
    if plugin is PngImagePlugin.PngImageFile and (wrong := check_chunks(data)[1]):
        raise _unreadable(where, wrong)
    try:
        image = plugin(io.BytesIO(data))
        _check_pixels(image.size, where, max_pixels)
        fraction = jpeg_target is not None and isinstance(image, JpegImagePlugin.JpegImageFile)
        if fraction and not (exif and orientation_of(image) != 1):
            _draft(image, jpeg_target(*image.size))
        image.load()
    except (FormatError, MemoryError):
        raise
    except Exception as error:  # Pillow documents none: OSError, SyntaxError, ValueError, ... by format and damage
        raise _damaged(data, where, error) from error
    return image


def _draft(image: Image.Image, enough: tuple[int, int]) -> None:
    """Has a JPEG file decoded at a fraction of its size; not where that would leave nothing."""
    if min(enough) >= 1:
        image.info[FULL_SIZE] = image.size
        image.draft(None, enough)


def _plugin(data: bytes) -> Callable[[io.BytesIO], Image.Image] | None:
    """Pillow's reader for these first bytes: ``Image.open`` would try all, with a limit of its own."""
    if data.startswith(SIGNATURE):
        return PngImagePlugin.PngImageFile
    if data.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.JpegImageFile
    if data.startswith(b"BM"):
        return BmpImagePlugin.BmpImageFile
    if data[:1] == b"P" and data[1:2] in (b"1", b"2", b"3", b"4", b"5", b"6"):
        return PpmImagePlugin.PpmImageFile
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    return None


def _check_pixels(size: tuple[int, int], where: str, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        pixels, limit = width * height, max_pixels
        text = (
            f"{where} claims {width} x {height} pixels ({pixels:,}); the limit is {limit:,}. "
            "Make the image smaller or leave it out"
        )
        error = FormatError(text)
        raise told(error, "image.large", path=where, width=width, height=height, pixels=pixels, limit=limit)


def _webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) by the container's first chunk; (0, 0) without one: the decoder will refuse it."""
    kind, little = data[12:16], int.from_bytes(data[20:30], "little")
    if kind == b"VP8X":  # 24 bits each from byte 24, less one
        return (little >> 32 & 0xFFFFFF) + 1, (little >> 56 & 0xFFFFFF) + 1
    if kind == b"VP8L":  # 14 bits each after the signature byte, less one
        return (little >> 8 & 0x3FFF) + 1, (little >> 22 & 0x3FFF) + 1
    if kind == b"VP8 ":  # 14 bits each after the frame tag and start code
        return little >> 48 & 0x3FFF, little >> 64 & 0x3FFF
    return 0, 0


def _no_image(data: bytes, where: str) -> FormatError:
    """The error for a file of another kind: says what it seems to be."""
    start = shown_name(data[:14].decode("latin-1"))
    text = data[4:12] if data[4:8] == b"ftyp" else data.lstrip()[:32].lower()
    for magic, words in _FOREIGN:
        if data.startswith(magic) or text.startswith(magic):
            return FormatError(f"{where} is {words.format(start=start)}")
    text = f"{where} is not an image: starts with {start}. fastnn reads PNG, JPEG, BMP, PPM and WebP"
    return told(FormatError(text), "image.foreign", path=where, start=start)


def _damaged(data: bytes, where: str, error: Exception) -> FormatError:
    """The error for an image file that Pillow refuses: what is wrong, as precisely as its header allows."""
    size, claimed = len(data), _claimed_size(data)
    text = str(error) or type(error).__name__
    if claimed > size:
        reason = f"the file is truncated after {size:,} of at least {claimed:,} bytes"
    elif "truncated" in text.lower():
        reason, claimed = f"the file is truncated after {size:,} bytes", None
    else:
        return _unreadable(where, f"it is damaged ({text if text.isprintable() else ascii(text)})")
    return told(_unreadable(where, reason), "image.truncated", path=where, size=size, claimed=claimed)


def _unreadable(where: str, reason: str) -> FormatError:
    text = f"{where} cannot be read as an image: {reason}"
    return told(FormatError(text), "image.unreadable", path=where, reason=reason)


def _claimed_size(data: bytes) -> int:
    """How many bytes the file should have at least, by its own header; 0 where it does not say."""
    if data.startswith(b"BM"):
        return int.from_bytes(data[2:6], "little")
    if data.startswith(b"RIFF"):
        return int.from_bytes(data[4:8], "little") + 8
    return check_chunks(data)[0] if data.startswith(SIGNATURE) else 0
