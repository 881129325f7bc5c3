"""What the layers of this folder share: they change arrays of images, without a gradient, and draw numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn import nn, random
from fastnn.eager import draws
from fastnn.eager.tensor import Tensor
from fastnn.keras.layers.layer import Shape
from fastnn.keras.layers.symbol import symbols_in
from fastnn.keras.layers.windows import Images


class Changed(nn.Module):
    """The module of such a layer."""

    def __init__(self, layer: Pictures) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        if not self.layer.changes(self.training):
            return x
        if x.requires_grad:
            raise ValueError(
                f"{self.layer.label(vars(self.layer))} has no gradient: put it before the layers that learn"
            )
        return Tensor(np.ascontiguousarray(self.layer.changed(x.numpy(), self.training), dtype=np.float32))


def wake(net: nn.Module) -> None:
    """Has such layers of a model change images as in training."""
    for module in net.modules():
        if isinstance(module, Changed):
            module.train()


class Pictures(Images):
    """Base: ``changed`` gives what comes of images (N, rows, columns, channels), or of one without the first axis.

    Called by itself, such a layer takes images of any size, and changes them as in training if ``training=False`` does
    not say otherwise; within a model, what random layers do is left out by evaluate and predict.
    """

    always = False  # whether it does something where nothing is trained too

    def changes(self, training: bool) -> bool:
        """Whether it does something."""
        return self.always or training

    def changed(self, images: np.ndarray, training: bool) -> np.ndarray:
        """What comes of images, float32."""
        raise NotImplementedError

    @classmethod
    def shapes(cls, config: Mapping[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        return [], shape

    def compute(self, shape: Shape, weights: list[Shape]) -> None:
        self.modules = [Changed(self)]

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """What comes of images, as a tensor."""
        if symbols_in(x):
            return super().__call__(x)
        images = x._data if isinstance(x, Tensor) else np.asarray(x)
        if images.ndim not in (3, 4):
            raise ValueError(f"{self.label(vars(self))} takes images (N, rows, columns, channels), got {images.shape}")
        images = images.astype(np.float32, copy=False)
        single = images[None] if images.ndim == 3 else images
        if self.changes(training is not False):
            single = self.changed(single, training is not False)
        return Tensor(np.array(single if images.ndim == 4 else single[0], dtype=np.float32))


class Random(Pictures):
    """Base of those that draw numbers.

    seed: the numbers then depend on it and on how often the layer drew; None: on :func:`fastnn.manual_seed` and on how
    often anything drew.

    Raises:
        ValueError: a seed that is no integer.
    """

    def __init__(self, seed: int | None = None, data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        if seed is not None and not isinstance(seed, int | np.integer):
            raise ValueError(f"{type(self).__name__}: seed is {seed!r}; it must be an integer")
        self.seed = None if seed is None else int(seed)
        self._draws = 0

    def drawn(self, count: int, low: float, high: float) -> np.ndarray:
        """Numbers (count,) in [low, high)."""
        if self.seed is None:
            purpose, position = random.USER, draws.source_of(None).advance("draws")
        else:
            purpose, position = random.AUGMENTATION, self._draws
            self._draws += 1
        return random.uniform((count,), low, high, purpose=purpose, position=position, seed=self.seed)


def factor_of(kind: str, name: str, given: Any, least: float, most: float) -> tuple[float, float]:
    """The least and the most of a number f (from -f to f, as far as it may be) or of a pair.

    Raises:
        ValueError: something else, or numbers out of range.
    """
    pair = tuple(given) if isinstance(given, list | tuple) else None
    numbers = (given,) if pair is None else pair
    is_number = all(isinstance(each, int | float) and not isinstance(each, bool) for each in numbers)
    if not is_number or (pair is not None and len(pair) != 2) or not all(least <= each <= most for each in numbers):
        raise ValueError(f"{kind}: {name} is {given!r}; it must be a number from {least:g} to {most:g}, or two of them")
    low, high = sorted(pair) if pair else (max(-abs(given), least), abs(given))
    return float(low), float(high)
