"""Rectangles of a Tensor replaced."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.transforms import draws
from fastnn.transforms.base import Transform, check_share, is_number, plain
from fastnn.transforms.random_geometry import check_ranges, random_ratio


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """A Tensor (..., C, H, W) with ``v`` (a number, or what fills (C, h, w)) in h x w pixels from (row i, column j) on.

    inplace: change the tensor itself.

    Raises:
        TypeError: not a Tensor.
    """
    pixels = _pixels(img)
    out = pixels if inplace else pixels.copy()
    out[..., i : i + h, j : j + w] = v.detach().numpy() if isinstance(v, Tensor) else v
    return img if inplace else Tensor(out)


class RandomErasing(Transform):
    """A random rectangle of a Tensor (..., C, H, W) replaced, with probability ``p``.

    Args:
        p: the probability.
        scale: the least and most share of the image's area.
        ratio: the least and most height / width.
        value: what it is replaced with: one number, one a channel, or "random" for normal numbers.
        inplace: change the tensor itself.

    Raises:
        TypeError, ValueError: arguments of another kind.
        TypeError: on a call, not a Tensor.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | Sequence[float] | str = 0,
        inplace: bool = False,
    ) -> None:
        check_share(p, "RandomErasing")
        check_ranges(scale, ratio, "RandomErasing")
        if max(scale) > 1:
            raise ValueError(f"RandomErasing: scale should be between 0 and 1, got {scale!r}")
        if not (is_number(value) or isinstance(value, str | tuple | list)):
            raise TypeError(f"RandomErasing: value should be a number, one a channel, or 'random', got {value!r}")
        if isinstance(value, str) and value != "random":
            raise ValueError(f"RandomErasing: If value is str, it should be 'random', got {value!r}")
        self.p = plain(p)
        self.scale = plain(scale)
        self.ratio = plain(ratio)
        self.value = plain(value)
        self.inplace = inplace

    @staticmethod
    def get_params(
        img: Tensor, scale: Sequence[float], ratio: Sequence[float], value: Sequence[float] | None = None
    ) -> tuple[int, int, int, int, Any]:
        """(row, column, height, width, what to put there); all of the image itself where ten draws do not fit."""
        channels, height, width = img.shape[-3:]
        for _ in range(10):
            area, shape = height * width * draws.uniform(scale[0], scale[1]), random_ratio(ratio)
            high, wide = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if high >= height or wide >= width:
                continue
            new = draws.normal((channels, high, wide)) if value is None else np.array(value, np.float32)[:, None, None]
            top, left = draws.integer(0, height - high + 1), draws.integer(0, width - wide + 1)
            return top, left, high, wide, Tensor(new)
        return 0, 0, height, width, img

    def forward(self, img: Tensor) -> Tensor:
        channels = _pixels(img).shape[-3]
        if not draws.chance(self.p):
            return img
        given: Any = self.value
        value = [float(given)] if is_number(given) else None if given == "random" else given
        if value is not None and len(value) not in (1, channels):
            raise ValueError(f"RandomErasing: value has {len(value)} numbers, the image has {channels} channel(s)")
        return erase(img, *self.get_params(img, self.scale, self.ratio, value), self.inplace)

    def __repr__(self) -> str:
        return (
            f"RandomErasing(p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, "
            f"inplace={self.inplace})"
        )


def _pixels(img: Tensor) -> np.ndarray:
    if not isinstance(img, Tensor):
        raise TypeError(f"RandomErasing: expected a Tensor, got {type(img).__name__}; put ToTensor() before it")
    if img.ndim < 3:
        raise ValueError(f"RandomErasing: expected a Tensor (..., C, H, W), got shape {tuple(img.shape)}")
    return img.detach().numpy()
