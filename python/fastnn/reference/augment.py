"""Augmentation of uint8 images: what cpp/data/augment.h says, in NumPy's and Python's whole numbers."""

from __future__ import annotations

from math import isqrt

import numpy as np

from fastnn.reference.random import words

AUGMENTATION = 3  # Purpose in cpp/core/philox.h
ONE = 2**16  # of shares


class Draws:
    """The random numbers of one sample: four blocks of the stream of a seed and an epoch."""

    def __init__(self, seed: int, epoch: int, row: int) -> None:
        self._words = iter(words(16, seed, AUGMENTATION, epoch, first_block=4 * row).tolist())

    def between(self, least: int, most: int) -> int:
        """A whole number in least..most."""
        return least + (next(self._words) * (most - least + 1) >> 32)


def augmented(images: np.ndarray, index: np.ndarray, name: str, seed: int, epoch: int) -> np.ndarray:
    """images uint8 (R, C, H, W), index int64 (N,), name "light" or "strong": uint8 (N, C, H, W)."""
    one = {"light": light, "strong": strong}[name]
    made = np.empty((len(index), *images.shape[1:]), np.uint8)
    for place, row in enumerate(index.tolist() if made.size else ()):
        made[place] = one(images[row], Draws(seed, epoch, row))
    return made


def light(image: np.ndarray, draws: Draws) -> np.ndarray:
    """Flipped or not, moved by up to an eighth of each side; the image goes on reflected."""
    flip = draws.between(0, 1)
    most_down, most_right = (side // 8 for side in image.shape[1:])
    down, right = draws.between(-most_down, most_down), draws.between(-most_right, most_right)
    around = ((0, 0), (most_down, most_down), (most_right, most_right))
    padded = np.pad(image, around, mode="reflect") if max(most_down, most_right) else image
    top, left = most_down + down, most_right + right
    moved = padded[:, top : top + image.shape[1], left : left + image.shape[2]]
    return moved[:, :, ::-1] if flip else moved


def strong(image: np.ndarray, draws: Draws) -> np.ndarray:
    """A turned window, enlarged; a rectangle of the mean colour; other colours."""
    window = sample(image.astype(np.int64), draws)
    means = window.sum(axis=(1, 2)), window[0].size
    return recolour(erase(window, *means, draws), *means, draws).astype(np.uint8)


def sample(image: np.ndarray, draws: Draws) -> np.ndarray:
    """The window, bilinear: places in 2^-33 of a pixel, weights in 2^-8."""
    _, height, width = image.shape
    flip = draws.between(0, 1)
    area, ratio = draws.between(ONE // 2, ONE), draws.between(ONE, ONE * 4 // 3)
    longer, shorter = min(ONE, isqrt(area * ratio)), isqrt(area * ONE // ratio * ONE)
    across, along = (longer, shorter) if draws.between(0, 1) else (shorter, longer)
    x_centre, y_centre = (
        (side * part + 2 * draws.between(0, side * (ONE - part))) * ONE
        for side, part in ((width, across), (height, along))
    )
    half_tangent = draws.between(-8628, 8628)  # of at most 7.5 degrees
    square = half_tangent**2
    cosine = (ONE**2 - square) * ONE // (ONE**2 + square)
    sine = 2 * abs(half_tangent) * ONE**2 // (ONE**2 + square) * (1 if half_tangent >= 0 else -1)
    to_right = (1 - 2 * flip) * (2 * np.arange(width, dtype=np.int64) + 1 - width)
    down = 2 * np.arange(height, dtype=np.int64)[:, None] + 1 - height
    x = x_centre + across * cosine * to_right - along * sine * down
    y = y_centre + across * sine * to_right + along * cosine * down
    (left, right, x_part), (top, bottom, y_part) = between(x, width), between(y, height)
    upper = image[:, top, left] * (256 - x_part) + image[:, top, right] * x_part
    lower = image[:, bottom, left] * (256 - x_part) + image[:, bottom, right] * x_part
    return (upper * (256 - y_part) + lower * y_part + ONE // 2) >> 16


def between(place: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels to both sides of places from an image's edge on, reflected at the outermost centres; the part of the
    way from the first to the second.
    """
    place, last = place - 2**32, (side - 1) << 33
    inside = np.maximum(last - np.abs(last - np.abs(place)), 0)
    first = inside >> 33
    return first, np.minimum(first + 1, side - 1), (inside >> 25) & 255


def erase(image: np.ndarray, sums: np.ndarray, pixels: int, draws: Draws) -> np.ndarray:
    """In one image of four a rectangle, its sides an eighth to a half of the image's."""
    if draws.between(0, 3):
        return image
    (height, width), image = (draws.between(side // 8, side // 2) for side in image.shape[1:]), image.copy()
    top, left = draws.between(0, image.shape[1] - height), draws.between(0, image.shape[2] - width)
    image[:, top : top + height, left : left + width] = ((sums + pixels // 2) // pixels)[:, None, None]
    return image


def recolour(image: np.ndarray, sums: np.ndarray, pixels: int, draws: Draws) -> np.ndarray:
    """Brightness, contrast and, of three channels, saturation, in 2^-8, clipped once."""
    coloured = len(image) == 3
    brightness, contrast = 256 + draws.between(-77, 77), 256 + draws.between(-77, 77)
    saturation = 256 + draws.between(-77, 77) if coloured else 256
    luma = np.array([77, 150, 29])
    mean = int(luma @ sums) // pixels if coloured else 256 * int(sums.sum()) // (len(image) * pixels)
    grey = (np.tensordot(luma, image, 1) + 128) // 256 if coloured else np.zeros_like(image[0])
    own = saturation * contrast * brightness >> 8
    common = (256 - saturation) * contrast * brightness >> 8
    shift = ((256 - contrast) * brightness * mean >> 8) + ONE // 2
    return np.clip((own * image + common * grey + shift) >> 16, 0, 255)
