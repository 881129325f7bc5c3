"""JPEG files: the short way to read those without EXIF data.

Of a photograph of a hundred pixels Pillow's parser of markers takes as long as its decoder, and holds the GIL
meanwhile, so that two threads read no faster than one. A file whose markers up to the frame are tables, comments and
applications' data other than EXIF and XMP needs none: it goes straight to Pillow's decoder, so the pixels are the same.
Everything else is left to the parser, errors included.

JPEG specification (ITU-T T.81), annex B.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_START = b"\xff\xd8\xff"
_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended sequential, progressive: those that Pillow reads, Huffman-coded
# Huffman and quantization tables, restart interval, APP0, APP2 to APP15 (APP1 is EXIF or XMP), comment.
_SKIPPED = {0xC4, 0xDB, 0xDD, 0xE0, *range(0xE2, 0xF0), 0xFE}
_MODES = {1: "L", 3: "RGB"}  # by the number of components


def read_plain_jpeg(data: bytes, max_pixels: int) -> Image.Image | None:
    """The image in a JPEG file; None where it is not plain, not sound or larger than ``max_pixels``."""
    at = _frame(data)
    if at is None:
        return None
    depth, height, width, mode = data[at], _two(data, at + 1), _two(data, at + 3), _MODES.get(data[at + 5])
    if depth != 8 or mode is None or not 0 < width * height <= max_pixels:
        return None
    from PIL import Image

    try:
        return Image.frombytes(mode, (width, height), data, "jpeg", mode, "")
    except (OSError, ValueError):  # damaged or truncated: the parser will say how
        return None


def _frame(data: bytes) -> int | None:
    """Where the content of the frame's header begins, which takes at least six bytes."""
    at, end = 2, len(data) - 10
    while data.startswith(_START) and at < end and data[at] == 0xFF:
        if data[at + 1] in _FRAMES:
            return at + 4
        if data[at + 1] not in _SKIPPED:
            return None
        at += 2 + _two(data, at + 2)
    return None


def _two(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]
