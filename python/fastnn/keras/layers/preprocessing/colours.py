"""Images of another brightness or contrast."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.keras.layers.preprocessing.pictures import Random, factor_of


class _Ranged(Random):
    least = 0.0

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, data_format: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        kind = type(self).__name__
        two = isinstance(factor, list | tuple) or self.least < 0
        self.factor = factor_of(kind, "factor", factor if two else (factor, factor), self.least, 1)
        if not isinstance(value_range, list | tuple) or len(value_range) != 2:
            raise ValueError(f"{kind}: value_range is {value_range!r}; it must be the least and the largest value")
        self.value_range = tuple(sorted(map(float, value_range)))


class RandomContrast(_Ranged):
    """(x - mean) f + mean of each channel of each image, clipped to value_range.

    factor: f lies between 1 - factor and 1 + factor, as Keras documents it (3.15 draws from 1 on); (lower, upper):
    between 1 - lower and 1 + upper.

    Raises:
        ValueError: a factor outside of 0 to 1, or a value_range that is no pair.
    """

    def changed(self, images: np.ndarray, training: bool) -> np.ndarray:
        low, high = self.factor
        factors = self.drawn(len(images), 1 - low, 1 + high)[:, None, None, None]
        mean = images.mean(axis=(1, 2), keepdims=True, dtype=np.float64).astype(np.float32)
        return ((images - mean) * factors + mean).clip(*self.value_range)


class RandomBrightness(_Ranged):
    """Each image with a number added, clipped to value_range.

    factor: the number lies between -factor and factor (or the two that are given) times the width of value_range.

    Raises:
        ValueError: a factor outside of -1 to 1, or a value_range that is no pair.
    """

    least = -1.0

    def changed(self, images: np.ndarray, training: bool) -> np.ndarray:
        low, high = self.value_range
        added = self.drawn(len(images), *self.factor)[:, None, None, None] * np.float32(high - low)
        return (images + added).clip(low, high)
