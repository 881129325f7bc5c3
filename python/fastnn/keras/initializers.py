"""Where weights start: Keras' distributions, from fastnn's own random stream (the same numbers on every machine)."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from fastnn import random
from fastnn.keras.named import resolve

Shape = tuple[int, ...]


class Initializer:
    """Makes the first values of a weight of a shape (..., inputs, outputs) or (outputs,)."""

    def __call__(self, shape: Shape) -> np.ndarray:
        raise NotImplementedError

    def uniform(self, shape: Shape, low: float, high: float) -> np.ndarray:
        """float32 in [low, high), from the next position of the stream of first values."""
        position = random.state.advance("parameters")
        return random.uniform(shape, low, high, purpose=random.INIT, position=position)


def _fans(shape: Shape) -> tuple[int, int]:
    """Inputs and outputs of one weight; those of a kernel (height, width, inputs, outputs) at each of its places."""
    places = prod(shape[:-2])
    return places * shape[-2 if len(shape) > 1 else 0], places * shape[-1]


class Zeros(Initializer):
    """All zero."""

    def __call__(self, shape: Shape) -> np.ndarray:
        return np.zeros(shape, dtype=np.float32)


class Ones(Initializer):
    """All one."""

    def __call__(self, shape: Shape) -> np.ndarray:
        return np.ones(shape, dtype=np.float32)


class GlorotUniform(Initializer):
    """Uniform in +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio, 2010)."""

    def __call__(self, shape: Shape) -> np.ndarray:
        bound = (6 / sum(_fans(shape))) ** 0.5
        return self.uniform(shape, -bound, bound)


class HeUniform(Initializer):
    """Uniform in +-sqrt(6 / inputs) (He et al., 2015)."""

    def __call__(self, shape: Shape) -> np.ndarray:
        bound = (6 / _fans(shape)[0]) ** 0.5
        return self.uniform(shape, -bound, bound)


class LecunUniform(Initializer):
    """Uniform in +-sqrt(3 / inputs) (LeCun et al., 1998)."""

    def __call__(self, shape: Shape) -> np.ndarray:
        bound = (3 / _fans(shape)[0]) ** 0.5
        return self.uniform(shape, -bound, bound)


class RandomUniform(Initializer):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05) -> None:
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Shape) -> np.ndarray:
        return self.uniform(shape, self.minval, self.maxval)


class RandomNormal(Initializer):
    """Normal with a mean and a standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05) -> None:
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Shape) -> np.ndarray:
        drawn = random.normal(shape, purpose=random.INIT, position=random.state.advance("parameters"))
        return (self.mean + self.stddev * drawn).astype(np.float32)


_KNOWN = {
    "glorot_uniform": GlorotUniform,
    "he_uniform": HeUniform,
    "lecun_uniform": LecunUniform,
    "random_uniform": RandomUniform,
    "random_normal": RandomNormal,
    "uniform": RandomUniform,
    "normal": RandomNormal,
    "zeros": Zeros,
    "ones": Ones,
}


def get(given: Any) -> Initializer:
    """The initialiser of a name, a class or an object.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    return resolve("initializer", given, _KNOWN, Initializer)
