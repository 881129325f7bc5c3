"""Pictures as ``data:`` addresses: the pixels of a case, the weights or outputs of a layer. PNG, so that every pixel is
exact.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

MOST_UNITS = 256
MOST_PIXELS = 96  # of a case's longer side: a page with 2,000 photographs must still open
SPRITE_COLUMNS = 16
_STEPS = 127  # of colour on either side of zero
_EMPTY = 2 * _STEPS + 1  # the colour number between the tiles: transparent
_BLUE, _WHITE, _RED = (33, 102, 172), (255, 255, 255), (178, 24, 43)


@dataclass(frozen=True)
class Picture:
    """An image's address and its size in pixels."""

    address: str
    width: int
    height: int


def case_picture(pixels: np.ndarray) -> Picture:
    """uint8 (C, H, W), grey or RGB; made smaller where it is larger than the page needs."""
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    if max(image.size) > MOST_PIXELS:
        image.thumbnail((MOST_PIXELS, MOST_PIXELS))
    return _picture(image)


class SignedPictures:
    """Numbers (U, ...) of the first ``MOST_UNITS`` units, weights or outputs, as images of shape (C, H, W): red where
    positive, blue where negative, white for zero. All are on one scale, from ``-strongest`` to ``strongest``; the half
    per cent of numbers beyond have the same colours, as a single one would else make all others pale. The channels of a
    colour image lie side by side.
    """

    def __init__(self, numbers: np.ndarray, shape: tuple[int, int, int]) -> None:
        channels, height, width = shape
        units = numbers[:MOST_UNITS].astype(np.float64)
        finite = np.isfinite(units)
        sizes = np.abs(units[finite])
        self.strongest = float(np.quantile(sizes, 0.995) or sizes.max()) if len(sizes) else 0.0
        shares = np.where(finite, units, 0.0) / (self.strongest or 1.0)
        tiles = (np.rint(shares.clip(-1, 1) * _STEPS) + _STEPS).astype(np.uint8).reshape(-1, channels, height, width)
        self._tiles = tiles.transpose(0, 2, 1, 3).reshape(len(tiles), height, channels * width)

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
        count, height, width = self._tiles.shape
        columns = min(count, columns)
        rows = -(-count // columns)
        grid = np.full((rows, height + 1, columns, width + 1), _EMPTY, dtype=np.uint8)
        for number, tile in enumerate(self._tiles):
            grid[number // columns, :height, number % columns, :width] = tile
        return _coloured(grid.reshape(rows * (height + 1), columns * (width + 1))[:-1, :-1])


def _coloured(levels: np.ndarray) -> Picture:
    image = Image.fromarray(np.ascontiguousarray(levels))
    image.putpalette(_palette())
    return _picture(image, transparency=_EMPTY)


def _palette() -> bytes:
    """Blue over white to red, then the colour that is not seen."""
    share = np.abs(np.arange(-_STEPS, _STEPS + 1))[:, None] / _STEPS
    ends = np.where(np.arange(-_STEPS, _STEPS + 1)[:, None] < 0, _BLUE, _RED)
    colours = np.rint(share * ends + (1 - share) * np.array(_WHITE)).astype(np.uint8)
    return colours.tobytes() + b"\0\0\0"


def _picture(image: Image.Image, **options: object) -> Picture:
    file = BytesIO()
    image.save(file, "PNG", optimize=True, **options)
    return Picture("data:image/png;base64," + b64encode(file.getvalue()).decode(), *image.size)
