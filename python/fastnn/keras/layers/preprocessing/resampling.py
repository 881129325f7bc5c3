"""Pixels between pixels: images of another size, turned, zoomed or shifted. Arrays (..., rows, columns, channels)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
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
    if interpolation == "nearest":
        centres = (np.arange(count) + 0.5) * (there / count)
        return np.take(images, np.minimum(np.floor(centres), there - 1).astype(np.int64), axis)
    (place, weight), *others = _taps(there, count, interpolation, antialias)
    shape = (count,) + (1,) * (-axis - 1)
    out = np.take(images, place, axis) * weight.reshape(shape)
    for place, weight in others:
        out += np.take(images, place, axis) * weight.reshape(shape)
    return out


@lru_cache(maxsize=1024)  # photographs have some hundred sizes
def _taps(there: int, count: int, interpolation: str, antialias: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pixels that each of so many is made of: their numbers int64 (count,), and their weights float32."""
    radius, kernel = KERNELS[interpolation]
    scale = there / count
    centres = (np.arange(count) + 0.5) * scale - 0.5
    widened = max(scale, 1.0) if antialias else 1.0
    first = np.floor(centres - radius * widened) + 1
    places = first[:, None] + np.arange(ceil(2 * radius * widened))
    weights = kernel(np.abs(places - centres[:, None]) / widened) * ((places >= 0) & (places < there))
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    places = places.clip(0, there - 1).astype(np.int64)
    return list(zip(places.T, weights.T, strict=True))


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
    sides = [((tall - rows) // 2,) * 2, ((wide - columns) // 2,) * 2]  # alike, where that leaves a pixel too
    return np.pad(images, [*((0, 0),) * (images.ndim - 3), *sides, (0, 0)], constant_values=value)


# -- turned, zoomed, shifted -------------------------------------------------------------------------------------------

# What lies beside the images of a mode, for NumPy to put there, and how many pixels of it before and behind them.
_BESIDE = {"reflect": ("edge", 0, 0), "wrap": ("wrap", 0, 1), "constant": ("constant", 1, 1), "nearest": ("edge", 0, 0)}
FILL_MODES = tuple(_BESIDE)
_PIXELS = 2**14  # that are made at once: what they need, some 10 arrays of 4 or 8 bytes, stays in a cache of 1 MB


def transformed(
    images: np.ndarray, matrices: np.ndarray, fill_mode: str, fill_value: float, interpolation: str
) -> np.ndarray:
    """Images (N, rows, columns, channels), float32, each with its pixels from elsewhere.

    matrices: float32 (N, 2, 3), from (x, y, 1) of a pixel to (x, y) of where it comes from, as of ``keras.ops.image.
    affine_transform``. What lies outside is filled: ``reflect`` (d c b a | a b c d | d c b a), ``wrap``, ``nearest``,
    or ``constant`` with fill_value.
    """
    out = np.empty(images.shape, np.float32)
    step = max(1, _PIXELS // (images.shape[1] * images.shape[2]))
    for first in range(0, len(images), step):
        some = slice(first, first + step)
        _transform(images[some], matrices[some], fill_mode, fill_value, interpolation == "bilinear", out[some])
    return out


def _transform(
    images: np.ndarray, matrices: np.ndarray, fill_mode: str, fill_value: float, between: bool, out: np.ndarray
) -> None:
    count, rows, columns, channels = images.shape
    planes = _with_sides(images.transpose(3, 0, 1, 2), fill_mode, fill_value)
    height, width = planes.shape[2:]
    x, y = np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32)
    (column, across), (row, down) = (
        _folded(_places(matrices[:, axis, :, None], x, y), size, fill_mode, between, out.shape[:3])
        for axis, size in ((0, columns), (1, rows))
    )
    start = (np.arange(count) * (height * width))[:, None, None]
    first = (start + row * width + column).ravel()
    for channel, plane in enumerate(planes.reshape(channels, -1)):
        found = plane.take(first, mode="clip")  # the fastest way
        if between:
            found = _mixed(found, plane[1:].take(first, mode="clip"), across)
            below, behind = (plane[width + more :].take(first, mode="clip") for more in (0, 1))
            found = _mixed(found, _mixed(below, behind, across), down)
        out[..., channel] = found.reshape(count, rows, columns)


def _with_sides(planes: np.ndarray, fill_mode: str, fill_value: float) -> np.ndarray:
    """Planes (C, N, rows, columns) with what lies beside them; of two rows and columns at least."""
    beside, before, behind = _BESIDE[fill_mode]
    sides = [(before, max(behind, 2 - before - size)) for size in planes.shape[2:]]
    if not np.any(sides):
        return np.ascontiguousarray(planes)
    value = {"constant_values": fill_value} if beside == "constant" else {}
    return np.pad(planes, ((0, 0), (0, 0), *sides), beside, **value)


def _mixed(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """a, and of the way to b such a share; b is written over."""
    b -= a
    b *= share
    b += a
    return b


def _places(line: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """a x + b y + c (N, rows, columns) for a line (N, 3, 1) of matrices; of one row or column where all are alike."""
    a, b, c = (line[:, number] for number in range(3))
    if not b.any():
        return (a * x + c)[:, None]
    down = (b * y + c)[..., None]
    return (a * x)[:, None] + down if a.any() else down


def _folded(
    places: np.ndarray, size: int, fill_mode: str, between: bool, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Places along an axis within the image and what is beside it: the pixel before each, and the share of the next,
    for all of a shape.
    """
    turn, half = np.float32(2 * size if fill_mode == "reflect" else size), np.float32(0.5)
    if fill_mode == "reflect":
        places = places + half
        places = places - turn * np.floor(places / turn)
        places = np.minimum(places, turn - places) - half
    if fill_mode == "wrap":
        places = places - turn * np.floor(places / turn)
    elif fill_mode == "constant":
        places = places.clip(-1, size) + 1
    else:
        places = places.clip(0, size - 1)
    if not between:
        places = places + half
    pixels = places.astype(np.intp)  # the last has a share of 0 of whatever is taken for the next
    return pixels, np.broadcast_to((places - pixels).astype(np.float32), shape).ravel()
