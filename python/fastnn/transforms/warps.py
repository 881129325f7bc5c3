"""Rotations and other maps of the plane, as functions of PIL images and Tensors (..., C, H, W).

A Tensor's pixels are found as PyTorch finds them: the map's float32 (or float64) matrix gives a place for each pixel,
whose neighbours are weighed (grid_sample with zeros outside, align_corners off).

Source: torchvision.transforms.functional, ._functional_tensor; grid_sample: ATen/native/cpu/GridSamplerKernel.cpp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.transforms.base import (
    InterpolationMode,
    as_tensor,
    check_pixels,
    check_sequence,
    is_number,
    mode_of,
    pair_of,
    pil_image,
    pil_mode,
    pixels_of,
)
from fastnn.transforms.geometry import Fill, fill_of

Interpolation = InterpolationMode | int | str
Center = Sequence[float] | None

_NEAREST, _BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR


class NoPerspective(ValueError):
    """Corners of which three lie on a line."""


def rotate(
    img: Any,
    angle: float,
    interpolation: Interpolation = _NEAREST,
    expand: bool = False,
    center: Center = None,
    fill: Fill = None,
) -> Any:
    """Turned counter-clockwise by ``angle`` degrees.

    Args:
        img: a PIL image, or a Tensor (..., C, H, W).
        angle: degrees.
        interpolation: nearest, bilinear or, of PIL images, bicubic.
        expand: make the image large enough to hold all of it.
        center: (x, y) about which it turns; None for the middle. Without effect on the middle of what ``expand`` makes.
        fill: the colour outside: one number, or one a channel; None for black.

    Raises:
        TypeError, ValueError: arguments of another kind.
    """
    mode = mode_of(interpolation, "rotate")
    if not is_number(angle):
        raise TypeError(f"rotate: angle should be a number of degrees, got {angle!r}")
    if center is not None:
        check_sequence(center, "rotate: center")
    if not isinstance(img, Tensor):
        return pil_image(img, "rotate").rotate(
            angle, pil_mode(mode), expand, center, fillcolor=fill_of(fill, img, "rotate")
        )
    pixels = _checked(img, mode, fill, "rotate")
    matrix = inverse_matrix(_from_middle(center, pixels), -angle, (0.0, 0.0), 1.0, (0.0, 0.0))
    size = _turned_size(matrix, pixels) if expand else pixels.shape[-2:]
    check_pixels(size[1], size[0], "rotate")
    return _sampled(pixels, _affine_places(matrix, size, pixels), mode, fill)


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Interpolation = _NEAREST,
    fill: Fill = None,
    center: Center = None,
) -> Any:
    """Sheared, turned, resized and moved, the middle staying in its place; the size stays.

    Args:
        img: a PIL image, or a Tensor (..., C, H, W).
        angle: degrees, clockwise.
        translate: (right, down) in pixels.
        scale: a factor above zero.
        shear: degrees along x, or (along x, along y).
        interpolation, fill, center: as :func:`rotate` has them.

    Raises:
        TypeError, ValueError: arguments of another kind.
    """
    mode = mode_of(interpolation, "affine")
    if not is_number(angle) or not is_number(scale):
        raise TypeError(f"affine: angle and scale should be numbers, got {angle!r} and {scale!r}")
    check_sequence(translate, "affine: translate")
    if scale <= 0:
        raise ValueError(f"affine: scale should be positive, got {scale!r}")
    slant: Any = (shear, 0.0) if is_number(shear) else pair_of(shear, "affine: shear")
    if center is not None:
        check_sequence(center, "affine: center")
    if not isinstance(img, Tensor):
        middle = (pil_image(img, "affine").width * 0.5, img.height * 0.5) if center is None else center
        return _transformed(img, "AFFINE", inverse_matrix(middle, angle, translate, scale, slant), mode, fill, "affine")
    pixels = _checked(img, mode, fill, "affine")
    matrix = inverse_matrix(_from_middle(center, pixels), angle, translate, scale, slant)
    return _sampled(pixels, _affine_places(matrix, pixels.shape[-2:], pixels), mode, fill)


def perspective(
    img: Any,
    startpoints: Sequence[Sequence[float]],
    endpoints: Sequence[Sequence[float]],
    interpolation: Interpolation = _BILINEAR,
    fill: Fill = None,
) -> Any:
    """The image as seen from elsewhere: four corners (x, y) come to lie at four others. fill, interpolation: as
    :func:`rotate` has them."""
    mode = mode_of(interpolation, "perspective")
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(f"perspective: expected four corners each, got {len(startpoints)} and {len(endpoints)}")
    factors = _perspective_factors(startpoints, endpoints)
    if not isinstance(img, Tensor):
        return _transformed(img, "PERSPECTIVE", factors, mode, fill, "perspective")
    pixels = _checked(img, mode, fill, "perspective")
    kind = _kind(pixels)
    height, width = pixels.shape[-2:]
    corners = _centres(width, height, kind, 0.5, 0.5)
    above = np.array(factors[:6], kind).reshape(2, 3).T / np.array([0.5 * width, 0.5 * height], kind)
    below = np.repeat(np.array([[*factors[6:], 1.0]], kind), 2, axis=0).T
    places = _product(corners, above) / _product(corners, below) - kind(1)
    return _sampled(pixels, places.reshape(height, width, 2), mode, fill)


def inverse_matrix(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> list[float]:
    """The six numbers of the map from a place in the result to one in the image: the inverse of T C R S C^-1, with T
    the translation, C the centre, R the rotation with shear and S the scale."""
    turn, x, y = (math.radians(each) for each in (angle, *shear))
    a = math.cos(turn - y) / math.cos(y)
    b = -math.cos(turn - y) * math.tan(x) / math.cos(y) - math.sin(turn)
    c = math.sin(turn - y) / math.cos(y)
    d = -math.sin(turn - y) * math.tan(x) / math.cos(y) + math.cos(turn)
    matrix = [value / scale for value in (d, -b, 0.0, -c, a, 0.0)]
    for row, middle in ((0, center[0]), (3, center[1])):
        matrix[row + 2] += matrix[row] * (-center[0] - translate[0]) + matrix[row + 1] * (-center[1] - translate[1])
        matrix[row + 2] += middle
    return matrix


def _transformed(img: Any, method: str, data: Sequence[float], mode: InterpolationMode, fill: Fill, name: str) -> Any:
    from PIL import Image

    colour = fill_of(fill, img, name)
    return img.transform(img.size, Image.Transform[method], data, pil_mode(mode), fillcolor=colour)


def _perspective_factors(start: Sequence[Sequence[float]], end: Sequence[Sequence[float]]) -> list[float]:
    """The eight numbers of the map from the end to the start, in float32: u = (a x + b y + c) / (g x + h y + 1), ...

    Solved by elimination in float64, the same on every machine.
    """
    rows = []
    for (x, y), (u, v) in zip(end, start, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    system = np.array(rows, np.float64)
    for column in range(8):
        pivot = column + int(np.abs(system[column:, column]).argmax())
        if system[pivot, column] == 0:
            raise NoPerspective(f"perspective: three of the corners {[list(corner) for corner in end]} lie on a line")
        system[[column, pivot]] = system[[pivot, column]]
        system[column] /= system[column, column]
        others = np.arange(8) != column
        system[others] -= system[others, column, None] * system[column]
    return system[:, 8].astype(np.float32).tolist()


def _checked(img: Tensor, mode: InterpolationMode, fill: Fill, name: str) -> np.ndarray:
    """The pixels of a Tensor that can be sampled like this."""
    pixels = pixels_of(img, name)
    if mode not in (_NEAREST, _BILINEAR):
        raise ValueError(
            f"{name}: Tensors are sampled by nearest or bilinear, not {mode.value}; use it before ToTensor(), "
            "on the PIL image"
        )
    channels = 1 if pixels.ndim == 2 else pixels.shape[-3]
    if isinstance(fill, Sequence) and len(fill) not in (1, channels):
        raise ValueError(f"{name}: fill has {len(fill)} numbers, the image has {channels} channel(s)")
    return pixels


def _kind(pixels: np.ndarray) -> Any:
    """What places are computed in."""
    return np.float64 if pixels.dtype == np.float64 else np.float32


def _from_middle(center: Center, pixels: np.ndarray) -> tuple[float, float]:
    height, width = pixels.shape[-2:]
    return (0.0, 0.0) if center is None else (center[0] - width * 0.5, center[1] - height * 0.5)


def _turned_size(matrix: list[float], pixels: np.ndarray) -> tuple[int, int]:
    """(height, width) that holds the whole of what a map makes; in float32 as torchvision has it."""
    height, width = pixels.shape[-2:]
    corners = np.array([[x * width, y * height, 1] for x, y in ((-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5))])
    places = _product(corners.astype(np.float32), np.array(matrix, np.float32).reshape(2, 3).T)
    middle, step = np.array([width * 0.5, height * 0.5], np.float32), np.float32(1e-4)
    low, high = (np.trunc((each + middle) / step) * step for each in (places.min(0), places.max(0)))
    wide, high_ = np.ceil(high) - np.floor(low)
    return int(high_), int(wide)


def _centres(width: int, height: int, kind: type, x: float, y: float) -> np.ndarray:
    """(height * width, 3): the places of pixels from (x, y) on, row by row, and a one each."""
    out = np.ones((height, width, 3), kind)
    out[..., 0] = np.arange(width) + x
    out[..., 1] = (np.arange(height) + y)[:, None]
    return out.reshape(-1, 3)


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (Tensor(np.ascontiguousarray(a)) @ Tensor(np.ascontiguousarray(b))).numpy()


def _affine_places(matrix: list[float], size: tuple[int, ...], pixels: np.ndarray) -> np.ndarray:
    """(height, width, 2): where each pixel of a result of this size lies in the image, whose edges are -1 and 1."""
    kind = _kind(pixels)
    height, width = size
    map_ = np.array(matrix, kind).reshape(2, 3).T / np.array([0.5 * pixels.shape[-1], 0.5 * pixels.shape[-2]], kind)
    return _product(_centres(width, height, kind, 0.5 - width * 0.5, 0.5 - height * 0.5), map_).reshape(
        height, width, 2
    )


def _sampled(pixels: np.ndarray, places: np.ndarray, mode: InterpolationMode, fill: Fill) -> Tensor:
    """The pixels at places in -1..1; where there are none, ``fill``, or zeros for None."""
    kind = places.dtype
    x = pixels.astype(kind, copy=False)
    at = [
        (places[..., axis] + kind.type(1)) * kind.type(size / 2) - kind.type(0.5)
        for axis, size in ((0, x.shape[-1]), (1, x.shape[-2]))
    ]
    pick = _nearest if mode is _NEAREST else _bilinear
    out, inside = pick(x, *at)
    if fill is not None:
        colour = np.array([fill] if is_number(fill) else fill, kind)
        colour = colour.reshape(-1, 1, 1) if x.ndim > 2 else colour.reshape(-1, 1)
        out = np.where(inside < 0.5, colour, out) if mode is _NEAREST else out * inside + (1 - inside) * colour
    return as_tensor((np.rint(out) if pixels.dtype.kind in "iu" else out).astype(pixels.dtype, copy=False))


def _nearest(x: np.ndarray, across: np.ndarray, down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(pixels, how much of each lies inside)."""
    return _taken(x, np.rint(across), np.rint(down))


def _bilinear(x: np.ndarray, across: np.ndarray, down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    left, top = np.floor(across), np.floor(down)
    from_left, from_top = across - left, down - top
    out: Any = 0.0
    inside: Any = 0.0
    for below, high in ((0, 1 - from_top), (1, from_top)):
        for right, wide in ((0, 1 - from_left), (1, from_left)):
            value, there = _taken(x, left + right, top + below)
            out, inside = out + value * (high * wide), inside + there * (high * wide)
    return out, inside


def _taken(x: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x[..., rows, columns], 1 where there are such pixels), zeros elsewhere."""
    height, width = x.shape[-2:]
    there = ((columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)).astype(x.dtype)
    row, column = (np.clip(at, 0, most - 1).astype(np.intp) for at, most in ((rows, height), (columns, width)))
    return x[..., row, column] * there, there
