"""Digits as people photograph, scan and draw them: each function makes one of an image of light strokes on dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def enlarged(digit: np.ndarray, side: int, margin: int) -> np.ndarray:
    """How much ink there is, 0 to 1, in a square of ``side`` with a margin around it."""
    big = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC))
    return np.pad(big / 255, margin)


def grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def scan(digit: np.ndarray) -> Image.Image:
    return grey(255 * (1 - enlarged(digit, 200, 40)))


def coloured_paper(digit: np.ndarray) -> Image.Image:
    ink = enlarged(digit, 200, 30)[..., None]
    return grey(np.array([250, 230, 120]) * (1 - ink) + np.array([20, 30, 160]) * ink)


def drawn_on_nothing(digit: np.ndarray) -> Image.Image:
    """Black, opaque where there is ink."""
    layers = np.zeros((200, 200, 4), np.uint8)
    layers[..., 3] = 255 * enlarged(digit, 200, 0)
    return Image.fromarray(layers)


def white_on_nothing(digit: np.ndarray) -> Image.Image:
    layers = np.full((200, 200, 4), 255, np.uint8)
    layers[..., 3] = 255 * enlarged(digit, 200, 0)
    return Image.fromarray(layers)


def sixteen_bits(digit: np.ndarray) -> Image.Image:
    return Image.fromarray((65535 * (1 - enlarged(digit, 200, 20))).astype(np.uint16))


def palette(digit: np.ndarray) -> Image.Image:
    return scan(digit).convert("P", palette=Image.Palette.ADAPTIVE)


def black_and_white(digit: np.ndarray) -> Image.Image:
    return scan(digit).convert("1")


def printed(digit: np.ndarray) -> Image.Image:
    return scan(digit).convert("CMYK")


def shadow_from_the_side(digit: np.ndarray) -> Image.Image:
    ink = enlarged(digit, 280, 60)
    return grey(np.linspace(60, 250, ink.shape[1])[None] * (1 - 0.75 * ink))


def shadow_across(digit: np.ndarray) -> Image.Image:
    ink = enlarged(digit, 280, 60)
    ramp = np.linspace(45, 120, len(ink))
    grain = np.random.default_rng(digit.sum()).normal(0, 4, ink.shape)
    return grey((ramp[:, None] + ramp[None]) * (1 - 0.75 * ink) + grain)


def dark_in_the_corners(digit: np.ndarray) -> Image.Image:
    ink = enlarged(digit, 200, 70)
    rows, columns = np.indices(ink.shape) / len(ink)
    return grey(240 * (1 - 0.7 * ((rows - 0.5) ** 2 + (columns - 0.4) ** 2)) * (1 - 0.7 * ink))


def underexposed(digit: np.ndarray) -> Image.Image:
    return grey(90 - 60 * enlarged(digit, 200, 40))


def blackboard(digit: np.ndarray) -> Image.Image:
    ink = enlarged(digit, 200, 40)
    return grey(np.linspace(30, 110, len(ink))[:, None] * (1 - 0.8 * ink) + 185 * ink)


def in_a_corner(digit: np.ndarray) -> Image.Image:
    sheet = np.full((600, 800), 240.0)
    sheet[300:500, 520:720] -= 200 * enlarged(digit, 200, 0)
    return grey(sheet)


def large(digit: np.ndarray) -> Image.Image:
    return grey(255 * (1 - 0.8 * enlarged(digit, 700, 300)))


def small(digit: np.ndarray) -> Image.Image:
    return grey(255 - np.asarray(Image.fromarray(digit).resize((16, 16), Image.Resampling.BOX)))


def inverted(digit: np.ndarray) -> Image.Image:
    return grey(255 - digit)


# Each with the format that such files come in.
PHOTOS: dict[Callable[[np.ndarray], Image.Image], str] = {
    scan: "bmp",
    coloured_paper: "jpg",
    drawn_on_nothing: "png",
    white_on_nothing: "webp",
    sixteen_bits: "png",
    palette: "png",
    black_and_white: "png",
    printed: "jpg",
    shadow_from_the_side: "jpg",
    shadow_across: "jpg",
    dark_in_the_corners: "jpg",
    underexposed: "ppm",
    blackboard: "jpg",
    in_a_corner: "jpg",
    large: "jpg",
    small: "png",
    inverted: "png",
}


def write_photos(take: Callable[[np.ndarray], Image.Image], digits: np.ndarray, folder: Path) -> list[Path]:
    """A file for each digit."""
    paths = [folder / f"{number}.{PHOTOS[take]}" for number in range(len(digits))]
    for path, digit in zip(paths, digits, strict=True):
        take(digit).save(path, **({"lossless": True} if path.suffix == ".webp" else {}))
    return paths
