"""Pixels between pixels: images of another size, turned, zoomed or shifted. Arrays (..., rows, columns, channels)."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import numpy as np

Size = tuple[int, int]

# -- another size ------------------------------------------------------------------------------------------------------


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - x)


def _cubic(x: np.ndarray) -> np.ndarray:
    """R. Keys, Cubic convolution interpolation for digital image processing, 1981: a = -1/2."""
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


# A kernel's reach, and its weight at a distance.
KERNELS: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "bilinear": (1, _triangle),
    "bicubic": (2, _cubic),
    "lanczos3": (3, _lanczos(3)),
    "lanczos5": (5, _lanczos(5)),
}
INTERPOLATIONS = ("nearest", *KERNELS)


def resized(images: np.ndarray, size: Size, interpolation: str = "bilinear", antialias: bool = False) -> np.ndarray:
    """Images in another size (rows, columns), float32: as ``jax.image.resize`` has it, and ``tf.image.resize``; pixels
    are areas, whose centres are sampled, without antialiasing if not asked for.
    """
    for axis, count in zip((-3, -2), size, strict=True):
        if images.shape[axis] != count:
            images = _along(images, axis, count, interpolation, antialias)
    return images.astype(np.float32, copy=False)


def _along(images: np.ndarray, axis: int, count: int, interpolation: str, antialias: bool) -> np.ndarray:
    there = images.shape[axis]
    scale = there / count
    centres = (np.arange(count) + 0.5) * scale - 0.5
    if interpolation == "nearest":
        places = np.minimum(np.floor(centres + 0.5), there - 1)
        return np.take(images, places.astype(np.int64), axis)
    radius, kernel = KERNELS[interpolation]
    widened = max(scale, 1.0) if antialias else 1.0
    first = np.floor(centres - radius * widened) + 1
    places = first[:, None] + np.arange(ceil(2 * radius * widened))
    weights = kernel(np.abs(places - centres[:, None]) / widened) * ((places >= 0) & (places < there))
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    places = places.clip(0, there - 1).astype(np.int64)
    shape = (count,) + (1,) * (-axis - 1)
    out = np.zeros((), np.float32)
    for weight, place in zip(weights.T, places.T, strict=True):
        out = out + np.take(images, place, axis) * weight.reshape(shape)
    return out


def cropped(images: np.ndarray, size: Size) -> np.ndarray:
    """The largest part about the middle that has the proportions of a size (Keras' ``smart_resize``)."""
    rows, columns = images.shape[-3:-1]
    height, width = size
    tall = max(min(rows, int(columns * height / width)), 1)
    wide = max(min(columns, int(rows * width / height)), 1)
    above, left = (rows - tall) // 2, (columns - wide) // 2
    return images[..., above : above + tall, left : left + wide, :]


def padded(images: np.ndarray, size: Size, value: float = 0.0) -> np.ndarray:
    """The images with pixels of a value at two sides, so that they have the proportions of a size."""
    rows, columns = images.shape[-3:-1]
    height, width = size
    tall, wide = max(rows, int(columns * height / width)), max(columns, int(rows * width / height))
    above, left = (tall - rows) // 2, (wide - columns) // 2
    sides = [(above, tall - rows - above), (left, wide - columns - left)]
    return np.pad(images, [*((0, 0),) * (images.ndim - 3), *sides, (0, 0)], constant_values=value)


# -- turned, zoomed, shifted -------------------------------------------------------------------------------------------

FILL_MODES = ("reflect", "wrap", "constant", "nearest")


def transformed(
    images: np.ndarray, matrices: np.ndarray, fill_mode: str, fill_value: float, interpolation: str
) -> np.ndarray:
    """Images (N, rows, columns, channels), float32, each with its pixels from elsewhere.

    matrices: (N, 2, 3), from (x, y, 1) of a pixel to (x, y) of where it comes from: ``keras.ops.image.
    affine_transform``. What lies outside is filled: ``reflect`` (d c b a | a b c d | d c b a), ``wrap``, ``nearest``,
    or ``constant`` with fill_value.
    """
    count, rows, columns, channels = images.shape
    y, x = np.meshgrid(np.arange(rows, dtype=np.float32), np.arange(columns, dtype=np.float32), indexing="ij")
    places = np.stack([x.ravel(), y.ravel(), np.ones(x.size, np.float32)])
    found = matrices.astype(np.float32) @ places  # (N, 2, rows columns)
    pixels = np.ascontiguousarray(images).reshape(-1, channels)
    start = np.arange(count)[:, None] * (rows * columns)
    across, down = (_corners(found[:, axis], size, fill_mode, interpolation) for axis, size in ((0, columns), (1, rows)))
    out = np.zeros((count, rows * columns, channels), np.float32)
    for row, row_weight, row_there in down:
        for column, column_weight, column_there in across:
            values = np.take(pixels, start + row * columns + column, axis=0)
            if fill_mode == "constant":
                values[~(row_there & column_there)] = fill_value
            values *= (row_weight * column_weight)[..., None]
            out += values
    return out.reshape(images.shape)


def _corners(
    places: np.ndarray, size: int, fill_mode: str, interpolation: str
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The pixels that places along an axis lie between: numbers, weights, and whether they are in the image."""
    if interpolation == "nearest":
        nearest = np.floor(places + np.float32(0.5))
        pairs = [(nearest, np.ones_like(places))]
    else:
        below = np.floor(places)
        rest = places - below
        pairs = [(below, 1 - rest), (below + 1, rest)]
    return [(_inside(at.astype(np.int64), size, fill_mode), w, (at >= 0) & (at < size)) for at, w in pairs]


def _inside(places: np.ndarray, size: int, fill_mode: str) -> np.ndarray:
    if fill_mode == "reflect":
        places = places % (2 * size)
        return np.minimum(places, 2 * size - 1 - places)
    return places % size if fill_mode == "wrap" else places.clip(0, size - 1)
