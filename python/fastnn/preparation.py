"""From any image to what a network was trained on.

A photo of a digit is prepared as MNIST was (LeCun et al., 1998): grey, light strokes on dark, the stroke's box scaled to fit 20x20,
its centre of mass in the middle of 28x28. An image that is already 28x28 on dark is used as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastnn import _core
from fastnn.data.images import to_rgb
from fastnn.data.resident import Resident
from fastnn.network import Network
from fastnn.serialization import ModelInfo

if TYPE_CHECKING:
    from PIL.Image import Image

# MNIST's own numbers: digits in a 20x20 box, in an image of 28x28.
BOX, SIDE = 20, 28


@dataclass(frozen=True)
class InputSpec:
    """What a network takes: image shape (C, H, W), normalisation, and its classes' names."""

    shape: tuple[int, int, int]
    mean: np.ndarray | None
    std: np.ndarray | None
    classes: list[str]

    @property
    def digits(self) -> bool:
        """Whether this is a recogniser of MNIST-like digits."""
        return self.shape == (1, SIDE, SIDE) and self.classes == [str(digit) for digit in range(10)]

    def inputs(self, pixels: np.ndarray) -> np.ndarray:
        """float32 (N, C, H, W) of uint8 pixels."""
        order = np.arange(len(pixels), dtype=np.int64)
        return _core.gather_uint8(pixels, order, self.mean, self.std)


def spec_of(model: Network, info: ModelInfo) -> InputSpec:
    """What a loaded network takes; guessed from its first layer where the file does not say.

    Raises:
        ValueError: its input is no square grey or colour image.
    """
    classes = info.classes or [str(i) for i in range(model.sizes[-1])]
    shape = info.input_shape or _square(model.sizes[0])
    if len(shape) != 3 or shape[0] * shape[1] * shape[2] != model.sizes[0] or shape[0] not in (1, 3):
        raise ValueError(
            f"this network takes {model.sizes[0]} numbers, which are no image: predict() from Python works on arrays"
        )
    mean, std = (None if values is None else np.asarray(values, dtype=np.float64) for values in (info.mean, info.std))
    return InputSpec(shape, mean, std, classes)


def _square(features: int) -> tuple[int, ...]:
    for channels in (1, 3):
        side = int((features // channels) ** 0.5 + 0.5)
        if channels * side * side == features:
            return (channels, side, side)
    return ()


def prepare(image: Image, spec: InputSpec, raw: bool = False) -> np.ndarray:
    """uint8 pixels (C, H, W) of an image of any size and mode, as the network was trained on."""
    from PIL import Image as pil

    channels, height, width = spec.shape
    image = (
        to_rgb(image) if image.mode not in ("L", "LA", "RGBA", "PA", "P") else _on_white(image, spec.digits and not raw)
    )
    if channels == 1:
        image = image.convert("L")
    if spec.digits and not raw:
        return _as_mnist(np.asarray(image))[None]
    if image.size != (width, height):
        image = image.resize((width, height), pil.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _on_white(image: Image, blend: bool) -> Image:
    """Without transparency: over white paper for a digit, Pillow's plain conversion otherwise (as the training images)."""
    from PIL import Image as pil

    if image.mode == "L":
        return image
    if not blend or "A" not in image.convert("RGBA").getbands() or image.convert("RGBA").getextrema()[3][0] == 255:
        return to_rgb(image)
    paper = pil.new("RGBA", image.size, "white")
    return pil.alpha_composite(paper, image.convert("RGBA")).convert("RGB")


def _as_mnist(grey: np.ndarray) -> np.ndarray:
    """Light strokes on dark, in a 20x20 box, centred by mass: uint8 (28, 28)."""
    from PIL import Image as pil

    if _on_dark(grey) and grey.shape == (SIDE, SIDE):
        return grey
    strokes = grey if _on_dark(grey) else 255 - grey
    low, high = int(strokes.min()), int(strokes.max())
    if high - low < 16:  # an empty sheet
        return np.zeros((SIDE, SIDE), dtype=np.uint8)
    strokes = ((strokes.astype(np.int32) - low) * 255 // (high - low)).astype(np.uint8)
    paper = _paper_level(strokes)
    strokes = np.where(strokes > paper, (strokes.astype(np.int32) - paper) * 255 // (255 - paper), 0).astype(np.uint8)
    inked = strokes > 51  # a fifth of full ink: what is left of a photo's shadows is paler
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return np.zeros((SIDE, SIDE), dtype=np.uint8)
    box = strokes[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(box.shape)
    size = (max(1, round(box.shape[1] * scale)), max(1, round(box.shape[0] * scale)))
    small = np.asarray(pil.fromarray(box).resize(size, pil.Resampling.BOX if scale < 1 else pil.Resampling.BILINEAR))
    return _centred(small)


def _on_dark(grey: np.ndarray) -> bool:
    """Whether the border, where no stroke should be, is darker than the middle of the range."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return int(np.sort(border)[len(border) // 2]) < 128


def _paper_level(strokes: np.ndarray) -> int:
    """Grey below which a pixel is paper: halfway between the median of the border and a third of full ink."""
    border = np.concatenate([strokes[0], strokes[-1], strokes[:, 0], strokes[:, -1]])
    return min((int(np.sort(border)[len(border) // 2]) + 85) // 2, 127)


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


def resident_for(
    spec: str, model: Network, info: ModelInfo, on_bad: str, progress: Callable[[int, int], None]
) -> Resident:
    """The test half of a data set, as a loaded network wants it.

    Raises:
        ValueError: other classes than the network's.
    """
    from fastnn.data.decode import NotResident
    from fastnn.data.source import open_test

    wanted = spec_of(model, info)
    channels, height, width = wanted.shape

    def read(resize: tuple[int, int] | None) -> Resident:
        return open_test(spec, resize=resize, on_bad=on_bad, progress=progress, channels=channels)

    try:
        data = read(None)
    except NotResident:  # images of several sizes: all become the network's
        data = read((width, height))
    if data.shape != wanted.shape:
        data = read((width, height))
    _check_classes(wanted.classes, data.classes, bool(info.classes))
    data.mean, data.std = wanted.mean, wanted.std
    return data


def _check_classes(model: Sequence[str], data: Sequence[str], named: bool) -> None:
    if len(model) != len(data) or (named and list(model) != list(data)):
        raise ValueError(
            f"the network knows the classes {list(model)}, the data has {list(data)}: labels would be shifted"
        )
