"""Photos of handwritten digits, made into what MNIST's images are (LeCun et al., 1998): grey, light strokes on dark,
the strokes' box scaled to fit 20x20, their centre of mass in the middle of 28x28.

Whole numbers only, so that a photo gives the same pixels on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFilter import Filter

# MNIST's own numbers: digits in a 20x20 box, in an image of 28x28.
BOX, SIDE = 20, 28

# Larger photos are made smaller first: enough pixels for a digit that fills an eighth of the width.
WORKING_SIDE = 256

# The light on the paper is estimated in cells of a 16th of the image. A window of 5 of them is wider than any stroke.
CELLS, WINDOW = 16, 5

# Less contrast than this, of 255, is an empty sheet.
LEAST_CONTRAST = 24


def as_mnist(image: Image, ground: str = "dark") -> np.ndarray:
    """uint8 (28, 28) of an image of any size and mode, on a ``dark`` or a ``light`` ground; one that is already 28x28
    on that ground stays as it is.

    Strokes are made light on dark (dark on light), uneven light is evened out, transparent paper counts as paper of the
    other brightness than the strokes, and a camera's note that it was held sideways is heeded.
    """
    from PIL import ImageOps

    sheet = opaque(image).convert("L")
    grey = np.asarray(sheet)
    if grey.shape == (SIDE, SIDE) and on_dark(grey[None])[0] == (ground == "dark"):
        return grey
    turned = ImageOps.exif_transpose(sheet)
    turned.thumbnail((WORKING_SIDE, WORKING_SIDE))
    digit = _fitted(_ink(np.asarray(turned)))
    return digit if ground == "dark" else 255 - digit


def opaque(image: Image) -> Image:
    """Without transparency: on white, or on black where what is drawn is light."""
    from PIL import Image as pil

    from fastnn.data.images import to_rgb

    if image.mode not in ("LA", "RGBA", "PA", "P"):
        return image if image.mode == "L" else to_rgb(image)
    layers = image.convert("RGBA")
    alpha = np.asarray(layers)[..., 3].astype(np.int64)
    if alpha.min() == 255:
        return to_rgb(image)
    drawn = np.asarray(layers.convert("RGB").convert("L"))
    light = (drawn * alpha).sum() > 128 * alpha.sum()
    paper = pil.new("RGBA", image.size, "black" if light else "white")
    return pil.alpha_composite(paper, layers).convert("RGB")


def on_dark(images: np.ndarray) -> np.ndarray:
    """Whether the border of each image (N, H, W), where no stroke should be, is darker than the middle of the range."""
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    return np.sort(border, axis=1)[:, border.shape[1] // 2] < 128


def _ink(grey: np.ndarray) -> np.ndarray:
    """Strokes as light on dark, uint8: 255 (paper - grey) / paper, as a shadow dims paper and strokes alike."""
    if _strokes_are_light(grey):
        grey = 255 - grey
    paper = _paper(grey)
    return (np.maximum(paper - grey.astype(np.int64), 0) * 255 // np.maximum(paper, 1)).astype(np.uint8)


def _strokes_are_light(grey: np.ndarray) -> bool:
    """Whether what stands out from its surroundings (their median) is lighter than they are."""
    from PIL import ImageFilter

    cells = _cells(grey)
    middle = np.sort(cells, axis=2)[:, :, cells.shape[2] // 2]
    apart = grey.astype(np.int64) - _blended(middle, ImageFilter.MedianFilter(WINDOW), shape=grey.shape)
    return int((np.maximum(apart, 0) ** 2).sum()) > int((np.minimum(apart, 0) ** 2).sum())


def _paper(grey: np.ndarray) -> np.ndarray:
    """The brightness of light paper under dark strokes: cell by cell the brightest pixel, strokes wider than a cell
    closed (greatest, then least value of a window)."""
    from PIL import ImageFilter

    return _blended(
        _cells(grey).max(axis=2), ImageFilter.MaxFilter(WINDOW), ImageFilter.MinFilter(WINDOW), shape=grey.shape
    )


def _cells(grey: np.ndarray) -> np.ndarray:
    """The pixels of each of the 16 (or fewer) rows and columns of cells: uint8 (rows, columns, pixels)."""
    height, width = grey.shape
    cell = -(-max(height, width) // CELLS)
    rows, columns = -(-height // cell), -(-width // cell)
    padded = np.pad(grey, ((0, rows * cell - height), (0, columns * cell - width)), mode="edge")
    return padded.reshape(rows, cell, columns, cell).transpose(0, 2, 1, 3).reshape(rows, columns, cell * cell)


def _blended(values: np.ndarray, *filters: Filter, shape: tuple[int, int]) -> np.ndarray:
    """One value a cell, filtered as if the light went on beyond the image, then blended between the cells: int64."""
    from PIL import Image as pil

    beyond = np.pad(values.astype(np.int64), WINDOW, mode="reflect", reflect_type="odd").clip(0, 255)
    image = pil.fromarray(beyond.astype(np.uint8))
    for each in filters:
        image = image.filter(each)
    cell = -(-max(shape) // CELLS)
    blended = image.resize((image.width * cell, image.height * cell), pil.Resampling.BILINEAR)
    first = WINDOW * cell
    return np.asarray(blended)[first : first + shape[0], first : first + shape[1]].astype(np.int64)


def _fitted(ink: np.ndarray) -> np.ndarray:
    """The strokes' box scaled to 20x20 and centred by mass; nothing for an empty sheet."""
    from PIL import Image as pil

    paper, full = int(np.sort(ink, axis=None)[ink.size // 2]), int(ink.max())
    if full - paper < LEAST_CONTRAST:
        return np.zeros((SIDE, SIDE), dtype=np.uint8)
    least = paper + (full - paper) // 8  # what is left of shadows and grain is paler
    strokes = (np.maximum(ink.astype(np.int64) - least, 0) * 255 // (full - least)).astype(np.uint8)
    inked = strokes > 51
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    box = strokes[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(box.shape)
    size = (max(1, round(box.shape[1] * scale)), max(1, round(box.shape[0] * scale)))
    method = pil.Resampling.BOX if scale < 1 else pil.Resampling.BILINEAR
    return _centred(np.asarray(pil.fromarray(box).resize(size, method)))


def _centred(small: np.ndarray) -> np.ndarray:
    """Pixels with their centre of mass in the middle of 28x28, moved back where they would leave the image."""
    mass = max(int(small.astype(np.int64).sum()), 1)
    height, width = small.shape
    row = int((small.astype(np.int64).sum(axis=1) * (2 * np.arange(height) + 1)).sum())
    column = int((small.astype(np.int64).sum(axis=0) * (2 * np.arange(width) + 1)).sum())
    top = min(max((SIDE * mass - row + mass) // (2 * mass), 0), SIDE - height)
    left = min(max((SIDE * mass - column + mass) // (2 * mass), 0), SIDE - width)
    out = np.zeros((SIDE, SIDE), dtype=np.uint8)
    out[top : top + height, left : left + width] = small
    return out
