"""Pictures as ``data:`` addresses: the pixels of a case, the weights or outputs of a layer. PNG, so that every pixel is
exact; photographs, whose pixels nobody counts, as JPEG where that is smaller.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

MOST_UNITS = 256
MOST_PIXELS = 96  # of a case's longer side: the page shows it smaller than that
SINGLE_PIXELS = 32  # of a longer side up to which the page enlarges images so that pixels are seen
SPRITE_COLUMNS = 16
_QUALITY = 80  # of JPEG files: 2 kB of a photograph of 64x64
_STEPS = 127  # of colour on either side of zero
_EMPTY = 2 * _STEPS + 1  # the colour number between the tiles: transparent
_BLUE, _WHITE, _RED = (33, 102, 172), (255, 255, 255), (178, 24, 43)


@dataclass(frozen=True)
class Picture:
    """An image's address and its size in pixels."""

    address: str
    width: int
    height: int

    @property
    def style(self) -> str | None:
        """Its class on the page."""
        return "photo" if max(self.width, self.height) > SINGLE_PIXELS else None


def case_picture(pixels: np.ndarray) -> Picture:
    """uint8 (C, H, W), grey or RGB; made smaller where it is larger than the page needs."""
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    if max(image.size) > MOST_PIXELS:
        image.thumbnail((MOST_PIXELS, MOST_PIXELS))
    exact = _encoded(image, "PNG", optimize=True)
    if max(image.size) > SINGLE_PIXELS:
        photo = _encoded(image, "JPEG", quality=_QUALITY, optimize=True)
        if len(photo) < len(exact):
            return _picture(photo, "jpeg", image.size)
    return _picture(exact, "png", image.size)


class SignedPictures:
    """Numbers (U, ...) of the first ``MOST_UNITS`` units, weights or outputs, as images of shape (C, H, W): red where
    positive, blue where negative, white for zero. All are on one scale, from ``-strongest`` to ``strongest``; the half
    per cent of numbers beyond have the same colours, as a single one would else make all others pale. The channels of a
    colour image lie side by side; in_colour: they are one, grey for zero, brighter where positive.
    """

    def __init__(self, numbers: np.ndarray, shape: tuple[int, int, int], in_colour: bool = False) -> None:
        channels, height, width = shape
        units = numbers[:MOST_UNITS].astype(np.float64)
        finite = np.isfinite(units)
        sizes = np.abs(units[finite])
        self.strongest = float(np.quantile(sizes, 0.995) or sizes.max()) if len(sizes) else 0.0
        shares = np.where(finite, units, 0.0) / (self.strongest or 1.0)
        levels = (np.rint(shares.clip(-1, 1) * _STEPS) + _STEPS).astype(np.uint8).reshape(-1, channels, height, width)
        if in_colour:
            opaque = np.full_like(levels[:, :1], 255)
            self._tiles = np.concatenate([levels, opaque], axis=1).transpose(0, 2, 3, 1)
        else:
            self._tiles = levels.transpose(0, 2, 1, 3).reshape(len(levels), height, channels * width)

    def __len__(self) -> int:
        return len(self._tiles)

    @property
    def width(self) -> int:
        """Of one unit's image."""
        return self._tiles.shape[2]

    def single(self, unit: int) -> Picture:
        """One unit's."""
        return _coloured(self._tiles[unit])

    def sprite(self, columns: int = SPRITE_COLUMNS) -> Picture:
        """All units' in rows, a pixel of nothing between them."""
        count, height, width, *planes = self._tiles.shape
        columns = min(count, columns)
        rows = -(-count // columns)
        grid = np.full((rows, height + 1, columns, width + 1, *planes), 0 if planes else _EMPTY, dtype=np.uint8)
        for number, tile in enumerate(self._tiles):
            grid[number // columns, :height, number % columns, :width] = tile
        return _coloured(grid.reshape(rows * (height + 1), columns * (width + 1), *planes)[:-1, :-1])


def _coloured(pixels: np.ndarray) -> Picture:
    """Of levels (H, W), or of red, green, blue and opacity (H, W, 4)."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if image.mode == "RGBA":
        return _picture(_encoded(image, "PNG", optimize=True), "png", image.size)
    image.putpalette(_palette())
    return _picture(_encoded(image, "PNG", optimize=True, transparency=_EMPTY), "png", image.size)


def _palette() -> bytes:
    """Blue over white to red, then the colour that is not seen."""
    share = np.abs(np.arange(-_STEPS, _STEPS + 1))[:, None] / _STEPS
    ends = np.where(np.arange(-_STEPS, _STEPS + 1)[:, None] < 0, _BLUE, _RED)
    colours = np.rint(share * ends + (1 - share) * np.array(_WHITE)).astype(np.uint8)
    return colours.tobytes() + b"\0\0\0"


def _encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _picture(data: bytes, kind: str, size: tuple[int, int]) -> Picture:
    return Picture(f"data:image/{kind};base64," + b64encode(data).decode(), *size)
