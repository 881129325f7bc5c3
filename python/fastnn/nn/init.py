"""Initialisers. The distributions are PyTorch's; the numbers are our own stream (one position a parameter)."""

from __future__ import annotations

import numpy as np

from fastnn import random
from fastnn.eager import autograd
from fastnn.eager.tensor import Tensor


def uniform(shape: tuple[int, ...], bound: float) -> np.ndarray:
    """float32 in [-bound, bound), drawn from the next position of the INIT stream, C order."""
    position = random.state.advance("parameters")
    return random.uniform(shape, -bound, bound, purpose=random.INIT, position=position)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Fills in place with uniform numbers in [a, b)."""
    position = random.state.advance("parameters")
    kind = tensor._data.dtype.type
    return _filled(tensor, random.uniform(tensor._data.shape, a, b, purpose=random.INIT, position=position, dtype=kind))


def _filled(tensor: Tensor, values: np.ndarray | float) -> Tensor:
    """tensor, with these values in its memory: also where it requires grad."""
    tensor._data[...] = values
    autograd.mark_changed(tensor)
    return tensor


def constant_(tensor: Tensor, value: float) -> Tensor:
    """Fills in place with one value."""
    return _filled(tensor, value)


def zeros_(tensor: Tensor) -> Tensor:
    """Fills in place with zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fills in place with ones."""
    return constant_(tensor, 1.0)


def _fans(tensor: Tensor) -> tuple[int, int]:
    """Inputs and outputs of one weight (out, in, ...)."""
    shape = tensor._data.shape
    if len(shape) < 2:
        raise ValueError(f"fan in and fan out need a tensor of at least 2 dimensions, got shape {shape}")
    receptive = 1
    for extent in shape[2:]:
        receptive *= extent
    return shape[1] * receptive, shape[0] * receptive


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Glorot and Bengio, 2010: bound = gain sqrt(6 / (fan_in + fan_out))."""
    fan_in, fan_out = _fans(tensor)
    bound = gain * (6.0 / (fan_in + fan_out)) ** 0.5
    return uniform_(tensor, -bound, bound)


def kaiming_uniform_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """He et al., 2015: bound = gain sqrt(3 / fan), gain = sqrt(2 / (1 + a^2)) for (leaky) ReLU."""
    if nonlinearity not in ("relu", "leaky_relu"):
        raise ValueError(f"nonlinearity must be 'relu' or 'leaky_relu', got {nonlinearity!r}")
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    slope = a if nonlinearity == "leaky_relu" else 0.0
    fan = _fans(tensor)[0 if mode == "fan_in" else 1]
    bound = (2.0 / (1.0 + slope * slope)) ** 0.5 * (3.0 / fan) ** 0.5
    return uniform_(tensor, -bound, bound)
