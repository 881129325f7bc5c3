"""What a network saw, as one picture: a row for each image, the image itself beside what was made of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fastnn.data.images import upright
from fastnn.data.photo import opaque
from fastnn.text import safe_text

MOST_ROWS = 100  # 16,000 pixels of height, which all programs show
_SIDE, _GAP, _TEXT = 144, 16, 320  # pixels: of a picture's longer side, around it, and of the words' width
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_PAPER, _INK, _RULE = "white", "black", (200, 204, 209)


def seen_picture(rows: Iterable[tuple[Image.Image, np.ndarray, str]]) -> Image.Image:
    """RGB, of (image, uint8 pixels (C, H, W) that the network was given, lines of words). Letters that Pillow's own
    font lacks are escapes.
    """
    font = ImageFont.load_default(16)
    drawn = [_row(*row, font) for row in rows]
    page = Image.new("RGB", (drawn[0].width, sum(row.height for row in drawn) + _GAP), _PAPER)
    top = 0
    for row in drawn:
        page.paste(row, (0, top))
        top += row.height
    return page


def _row(image: Image.Image, pixels: np.ndarray, words: str, font: Font) -> Image.Image:
    row = Image.new("RGB", (2 * _SIDE + _TEXT + 4 * _GAP, _SIDE + _GAP), _PAPER)
    seen = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    _put(row, upright(opaque(image)), _GAP)
    _put(row, seen, _SIDE + 2 * _GAP)
    left = 2 * _SIDE + 3 * _GAP
    fitting = [_cut(safe_text(line, "latin-1"), font) for line in words.splitlines()]
    ImageDraw.Draw(row).multiline_text((left, _GAP // 2), "\n".join(fitting), _INK, font, spacing=6)
    return row


def _put(row: Image.Image, image: Image.Image, left: int) -> None:
    """As large as there is room for, in a frame, in the middle."""
    scale = _SIDE / max(image.size)
    size = tuple(max(1, round(side * scale)) for side in image.size)
    method = Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST
    place = (left + (_SIDE - size[0]) // 2, (_GAP + _SIDE - size[1]) // 2)
    row.paste(image.resize(size, method), place)
    corner = (place[0] + size[0], place[1] + size[1])
    ImageDraw.Draw(row).rectangle((place[0] - 1, place[1] - 1, *corner), outline=_RULE)


def _cut(line: str, font: Font) -> str:
    """What of a line has room."""
    while font.getlength(line) > _TEXT:
        line = line[:-4] + "..."
    return line
