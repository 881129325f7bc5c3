"""Images turned, zoomed, shifted or mirrored."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastnn.keras.layers.preprocessing.pictures import Random, factor_of
from fastnn.keras.layers.preprocessing.resampling import FILL_MODES, transformed

_MODES = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (2, 1)}


class RandomFlip(Random):
    """Each image mirrored or not: mode "horizontal" (left and right), "vertical", or "horizontal_and_vertical", which
    Keras 3 does together.

    Raises:
        ValueError: another mode.
    """

    def __init__(
        self, mode: str = "horizontal_and_vertical", seed: int | None = None, data_format: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        if mode not in _MODES:
            raise ValueError(f"RandomFlip: mode is {mode!r}; it must be one of {', '.join(map(repr, _MODES))}")
        self.mode = mode

    def changed(self, images: np.ndarray, training: bool) -> np.ndarray:
        mirrored = self.drawn(len(images), 0, 1) <= 0.5
        out = np.array(images)
        out[mirrored] = np.flip(images[mirrored], _MODES[self.mode])
        return out


class _Moved(Random):
    """Base of those whose pixels come from elsewhere.

    fill_mode: what lies outside an image, "reflect" (d c b a | a b c d | d c b a), "wrap", "nearest" or "constant":
    fill_value. interpolation: "bilinear" or "nearest". These and seed, fill_value and data_format follow a layer's own
    arguments.
    """

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        known = {"fill_mode": (fill_mode, FILL_MODES), "interpolation": (interpolation, ("nearest", "bilinear"))}
        for name, (given, there) in known.items():
            if given not in there:
                raise ValueError(f"{type(self).__name__}: {name} is {given!r}; it must be one of {', '.join(there)}")
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, float(fill_value)

    def changed(self, images: np.ndarray, training: bool) -> np.ndarray:
        matrices = self.matrices(*images.shape[:3]).astype(np.float32)
        return transformed(images, matrices, self.fill_mode, self.fill_value, self.interpolation)

    def matrices(self, count: int, rows: int, columns: int) -> np.ndarray:
        """(N, 2, 3), from (x, y, 1) of a pixel to where it comes from."""
        raise NotImplementedError


def _about_the_middle(turned: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Matrices (N, 2, 2) with what keeps the middle of the image in its place."""
    middle = np.array([(columns - 1) / 2, (rows - 1) / 2])
    return np.concatenate([turned, middle[:, None] - (turned * middle).sum(axis=2, keepdims=True)], axis=2)


class RandomRotation(_Moved):
    """Each image turned about its middle by factor times a full turn at most, either way, or between two such numbers
    (positive: counter-clockwise).

    Then fill_mode, interpolation, seed, fill_value and data_format: see :class:`_Moved`.

    Raises:
        ValueError: a factor outside of -1 to 1.
    """

    def __init__(self, factor: Any, *how: Any, **named: Any) -> None:
        super().__init__(*how, **named)
        self.factor = factor_of("RandomRotation", "factor", factor, -1, 1)

    def matrices(self, count: int, rows: int, columns: int) -> np.ndarray:
        angles = [2 * math.pi * float(part) for part in self.drawn(count, *self.factor)]
        cos, sin = np.array([math.cos(angle) for angle in angles]), np.array([math.sin(angle) for angle in angles])
        return _about_the_middle(np.array([[cos, -sin], [sin, cos]]).transpose(2, 0, 1), rows, columns)


class RandomZoom(_Moved):
    """Each image zoomed about its middle: by up to height_factor, out (positive) or in (negative), or between two such
    numbers. width_factor None: as the height, so that proportions stay.

    Then fill_mode, interpolation, seed, fill_value and data_format: see :class:`_Moved`.

    Raises:
        ValueError: a factor outside of -1 to 1.
    """

    def __init__(self, height_factor: Any, width_factor: Any = None, *how: Any, **named: Any) -> None:
        super().__init__(*how, **named)
        self.height_factor = factor_of("RandomZoom", "height_factor", height_factor, -1, 1)
        self.width_factor = None
        if width_factor is not None:
            self.width_factor = factor_of("RandomZoom", "width_factor", width_factor, -1, 1)

    def matrices(self, count: int, rows: int, columns: int) -> np.ndarray:
        down = 1 + self.drawn(count, *self.height_factor)
        across = down if self.width_factor is None else 1 + self.drawn(count, *self.width_factor)
        none = np.zeros_like(down)
        return _about_the_middle(np.array([[across, none], [none, down]]).transpose(2, 0, 1), rows, columns)


class RandomTranslation(_Moved):
    """Each image shifted: down (positive) or up by up to height_factor of its height, to the right or left by
    width_factor of its width, or between two such numbers.

    Then fill_mode, interpolation, seed, fill_value and data_format: see :class:`_Moved`.

    Raises:
        ValueError: a factor outside of -1 to 1.
    """

    def __init__(self, height_factor: Any, width_factor: Any, *how: Any, **named: Any) -> None:
        super().__init__(*how, **named)
        self.height_factor = factor_of("RandomTranslation", "height_factor", height_factor, -1, 1)
        self.width_factor = factor_of("RandomTranslation", "width_factor", width_factor, -1, 1)

    def matrices(self, count: int, rows: int, columns: int) -> np.ndarray:
        down = rows * self.drawn(count, *self.height_factor)
        across = columns * self.drawn(count, *self.width_factor)
        one, none = np.ones_like(down), np.zeros_like(down)
        return np.array([[one, none, -across], [none, one, -down]]).transpose(2, 0, 1)
