"""Images in other sizes, each pixel the nearest one's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.arrays import is_integer
from fastnn.eager.indexing import picked
from fastnn.eager.support import check_memory
from fastnn.eager.tensor import Tensor
from fastnn.nn.module import Module

Sizes = int | Sequence[int] | None
Factors = float | Sequence[float] | None


def interpolate(
    input: Tensor,
    size: Sizes = None,
    scale_factor: Factors = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """(N, C, W), (N, C, H, W) or (N, C, D, H, W) in another size: size, or scale_factor times as large (rounded down).

    Element i of a dimension is number floor(i times old size / new size) of the input (with a scale_factor: i over
    that); mode "nearest-exact": the one in which the middle of i lies.

    Raises:
        ValueError: another mode, both or neither of size and scale_factor, other numbers of them than dimensions, a
            size below 1, or an input of another number of dimensions.
    """
    if mode not in ("nearest", "nearest-exact"):
        raise ValueError(f"[interpolate] mode {mode!r} is not supported, only 'nearest' and 'nearest-exact'")
    if align_corners is not None or antialias:
        raise ValueError("[interpolate] align_corners and antialias are for other modes than 'nearest': leave them out")
    shape = tuple(input.shape)
    if not 3 <= len(shape) <= 5:
        raise ValueError(f"[interpolate] expected (N, C, W), (N, C, H, W) or (N, C, D, H, W), got shape {shape}")
    steps, sizes = _steps(shape[2:], size, scale_factor, bool(recompute_scale_factor))
    check_memory("interpolate", (*shape[:2], *sizes))
    middle = 0.5 if mode == "nearest-exact" else 0.0
    places = [
        np.minimum(np.floor((np.arange(new, dtype=np.float32) + np.float32(middle)) * step), old - 1).astype(np.int64)
        for new, old, step in zip(sizes, shape[2:], steps, strict=True)
    ]
    return picked(input, places)


def _steps(
    old: tuple[int, ...], size: Sizes, scale_factor: Factors, recompute: bool
) -> tuple[list[np.float32], list[int]]:
    """How far apart in the input the elements of the output are, and how many there are, by dimension."""
    if (size is None) == (scale_factor is None):
        raise ValueError("[interpolate] give either size or scale_factor")
    given = size if scale_factor is None else scale_factor
    values = list(given) if isinstance(given, Sequence) else [given] * len(old)
    if len(values) != len(old):
        raise ValueError(f"[interpolate] {given} has {len(values)} numbers for {len(old)} dimensions")
    if not all(map(math.isfinite, values)):
        raise ValueError(f"[interpolate] {given} is not finite")
    sizes = [int(v) if scale_factor is None else int(extent * v) for v, extent in zip(values, old, strict=True)]
    if min(sizes) < 1 or (scale_factor is None and not all(map(is_integer, values))):
        raise ValueError(f"[interpolate] {given} makes sizes {sizes} of {list(old)}; they must be integers, 1 at least")
    if scale_factor is None or recompute:
        return [np.float32(o) / np.float32(n) for o, n in zip(old, sizes, strict=True)], sizes
    return [np.float32(1 / value) for value in values], sizes


class Upsample(Module):
    """Images in another size, see :func:`fastnn.nn.functional.interpolate`.

    Raises:
        ValueError: another mode than "nearest" and "nearest-exact".
    """

    def __init__(
        self,
        size: Sizes = None,
        scale_factor: Factors = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        if mode not in ("nearest", "nearest-exact"):
            raise ValueError(f"Upsample: mode {mode!r} is not supported, only 'nearest' and 'nearest-exact'")
        self.size = size if size is None or is_integer(size) else tuple(size)
        self.scale_factor: Any = None
        if scale_factor is not None:
            several = isinstance(scale_factor, Sequence)
            self.scale_factor = tuple(map(float, scale_factor)) if several else float(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, x: Tensor) -> Tensor:
        how = (self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor)
        return interpolate(x, *how)

    def extra_repr(self) -> str:
        name = "size" if self.scale_factor is None else "scale_factor"
        return f"{name}={getattr(self, name)}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """:class:`Upsample` of images (N, C, H, W)."""

    def __init__(self, size: Sizes = None, scale_factor: Factors = None) -> None:
        super().__init__(size, scale_factor)
