"""Affine maps of images, bilinear between their pixels, as Keras has SciPy's ``ndimage.affine_transform`` make them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

FILL_MODES = ("constant", "nearest", "reflect", "wrap")
_PIXELS = 2**14  # that are mapped at once: what they need stays in the cache


def matrix(height: int, width: int, parameters: Mapping[str, Any]) -> np.ndarray | None:
    """float64 (2, 3): from an output pixel (row, column, 1) to its place in the image; None: just there.

    parameters: ``theta`` and ``shear`` in degrees, ``tx`` and ``ty`` in pixels, ``zx`` and ``zy``, of columns (x) and
    rows (y): rotation, shift, shear and zoom one after the other, about the image's centre.
    """
    theta, tx, ty, shear = (float(parameters.get(name, 0)) for name in ("theta", "tx", "ty", "shear"))
    zx, zy = (float(parameters.get(name, 1)) for name in ("zx", "zy"))
    if (theta, tx, ty, shear, zx, zy) == (0, 0, 0, 0, 1, 1):
        return None
    cos, sin = math.cos(math.radians(theta)), math.sin(math.radians(theta))
    upright, aslant = math.cos(math.radians(shear)), math.sin(math.radians(shear))
    xx, xy = cos * zx, -(cos * aslant + sin * upright) * zy
    yx, yy = sin * zx, (cos * upright - sin * aslant) * zy
    x, y = width / 2 - 0.5, height / 2 - 0.5  # the centre
    right, down = cos * tx - sin * ty + x - xx * x - xy * y, sin * tx + cos * ty + y - yx * x - yy * y
    return np.array([[yy, yx, down], [xy, xx, right]])


def warp(images: np.ndarray, maps: np.ndarray, fill_mode: str, cval: float, order: int) -> np.ndarray:
    """Images (N, H, W, C), each through its :func:`matrix` of maps (N, 2, 3).

    fill_mode: what lies outside an image. "nearest": its outermost pixels, "reflect": its mirror images, "wrap": itself
    again, the last pixel upon the first (as SciPy has it), "constant": cval. order: 1, bilinear, or 0, the nearest
    pixel. Integers are rounded.
    """
    whole = images.dtype.kind in "iub"
    out = np.empty(images.shape, np.float64 if images.dtype == np.float64 else np.float32)
    step = max(1, _PIXELS // max(1, images.shape[1] * images.shape[2]))
    for first in range(0, len(images), step):
        some = slice(first, first + step)
        _warp(images[some], maps[some], fill_mode, cval, order, out[some])
    return np.floor(out + 0.5).astype(images.dtype) if whole else out.astype(images.dtype, copy=False)


def _warp(images: np.ndarray, maps: np.ndarray, fill_mode: str, cval: float, order: int, out: np.ndarray) -> None:
    count, height, width, channels = images.shape
    down = maps[:, :, :1] * np.arange(height) + maps[:, :, 2:]  # (N, 2, H), the columns' share (N, 2, W)
    across = maps[:, :, 1:2] * np.arange(width)
    rows, columns = np.moveaxis(down[..., None] + across[..., None, :], 1, 0)
    sizes = ((rows, height), (columns, width))
    outside = [(at < 0) | (at > size - 1) for at, size in sizes] if fill_mode == "constant" else None
    (top, below), (left, right) = (_taps(at, size, fill_mode, order, out.dtype) for at, size in sizes)
    at = (top * width + left + (np.arange(count) * (height * width))[:, None, None]).ravel()
    planes = np.ascontiguousarray(images.reshape(-1, channels).T, dtype=out.dtype)
    mapped = np.empty((channels, at.size), out.dtype)
    for plane, values in zip(planes, mapped, strict=True):
        _between(plane, at, right, values)
        if order:
            under = np.empty_like(values)
            _between(plane[width:] if height > 1 else plane, at, right, under)
            under -= values
            under *= below
            values += under
    if outside is not None:
        mapped[:, (outside[0] | outside[1]).ravel()] = cval
    out.reshape(-1, channels)[:] = mapped.T


def _between(plane: np.ndarray, at: np.ndarray, share: np.ndarray | None, out: np.ndarray) -> None:
    """Values of pixels, and by a share those of the next ones."""
    plane.take(at, out=out, mode="clip")
    if share is not None and plane.size > 1:
        following = plane[1:].take(at, mode="clip")
        following -= out
        following *= share
        out += following


def _taps(
    at: np.ndarray, size: int, fill_mode: str, order: int, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray | None]:
    """The pixel (intp) before each place along an axis, and the share (N,) of the one after it."""
    last = size - 1
    if fill_mode == "reflect":
        at = np.mod(at + 0.5, 2 * size)
        at = np.minimum(at, 2 * size - at) - 0.5
    elif fill_mode == "wrap" and last:
        before = at + last * (np.floor(-at / last) + 1)
        at = np.where(at < 0, before, np.where(at > last, np.mod(at, last), at))
    at = np.clip(at, 0, last)
    if not order:
        return np.floor(at + 0.5).astype(np.intp), None
    pixel = at.astype(np.intp)
    np.minimum(pixel, max(size - 2, 0), out=pixel)
    return pixel, (at - pixel).astype(dtype).ravel()
