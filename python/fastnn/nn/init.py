"""Initialisers. The distributions are PyTorch's; the numbers are our own stream (one position a parameter)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import ceil, prod

import numpy as np

from fastnn import random
from fastnn.eager import autograd
from fastnn.eager.error_function import erf
from fastnn.eager.tensor import Tensor

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

# How many numbers modules may yet be made of; None: any number, with values.
_allowed: ContextVar[int | None] = ContextVar("allowed", default=None)


@contextmanager
def without_values(most: int) -> Iterator[None]:
    """Inside, modules are made of at most so many numbers, and none is drawn: for whoever has values for them, and has
    their sizes from a file.

    Raises (what makes a larger one, before it allocates):
        ValueError: it is more.
    """
    token = _allowed.set(most)
    try:
        yield
    finally:
        _allowed.reset(token)


def _without_values(shape: tuple[int, ...]) -> bool:
    """Whether values do not matter now; counts a new array, if so."""
    allowed = _allowed.get()
    if allowed is None:
        return False
    if prod(shape) > allowed:
        raise ValueError(f"a tensor of shape {shape} is larger than all that the file holds")
    _allowed.set(allowed - prod(shape))
    return True


def constant(shape: tuple[int, ...], value: float) -> np.ndarray:
    """float32, one value everywhere."""
    return np.full(shape, 0 if _without_values(shape) else value, np.float32)


def uniform(shape: tuple[int, ...], bound: float) -> np.ndarray:
    """float32 in [-bound, bound), drawn from the next position of the INIT stream, C order."""
    if _without_values(shape):
        return np.zeros(shape, np.float32)
    position = random.state.advance("parameters")
    return random.uniform(shape, -bound, bound, purpose=random.INIT, position=position)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Fills in place with uniform numbers in [a, b)."""
    position = random.state.advance("parameters")
    kind = tensor._data.dtype.type
    return _filled(tensor, random.uniform(tensor._data.shape, a, b, purpose=random.INIT, position=position, dtype=kind))


def normal(shape: tuple[int, ...]) -> np.ndarray:
    """float32, normal numbers from the next position of the INIT stream, C order."""
    if _without_values(shape):
        return np.zeros(shape, np.float32)
    position = random.state.advance("parameters")
    return random.normal(shape, purpose=random.INIT, position=position).astype(np.float32)


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


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Fills in place with normal numbers."""
    if _allowed.get() is not None:
        return tensor
    position = random.state.advance("parameters")
    return _filled(tensor, mean + std * random.normal(tensor._data.shape, purpose=random.INIT, position=position))


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    """Fills in place with normal numbers, of which only those within [a, b] are drawn.

    Raises:
        ValueError: [a, b] is empty, or so far from the mean that hardly any number lies there.
    """
    ends = (np.array([a, b], np.float64) - mean) / std
    low, high = (1 + erf(ends / 2**0.5)) / 2
    if not low < high:
        raise ValueError(f"trunc_normal_: hardly any number of mean {mean} and deviation {std} lies in {a}..{b}")
    position = random.state.advance("parameters")
    shape = tensor._data.shape
    share = random.uniform(shape, low, high, purpose=random.INIT, position=position, dtype=np.float64)
    return _filled(tensor, np.clip(mean + std * random.normal_at(share), a, b))


def eye_(tensor: Tensor) -> Tensor:
    """Fills a matrix in place with the identity."""
    if tensor.dim() != 2:
        raise ValueError(f"eye_: expected 2 dimensions, got shape {tuple(tensor.shape)}")
    return _filled(tensor, np.eye(*tensor.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fills a convolution's weight in place with kernels that let their input's channels through: in each group output
    i is input i, as far as there is one.

    Raises:
        ValueError: fewer than 3 or more than 5 dimensions, or groups that do not divide the outputs.
    """
    shape = tensor._data.shape
    if not 3 <= len(shape) <= 5:
        raise ValueError(f"dirac_: expected 3 to 5 dimensions (out, in, ...), got shape {shape}")
    if groups < 1 or shape[0] % groups:
        raise ValueError(f"dirac_: {groups} groups do not divide {shape[0]} outputs")
    values = np.zeros(shape)
    middle = tuple(extent // 2 for extent in shape[2:])
    outputs = shape[0] // groups
    for channel in range(min(outputs, shape[1])):
        values[(slice(channel, None, outputs), channel, *middle)] = 1
    return _filled(tensor, values)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01) -> Tensor:
    """Martens, 2010: fills a matrix in place with normal numbers of deviation std; the share sparsity of each column,
    rounded up to whole rows, is zero.

    Raises:
        ValueError: other than 2 dimensions, or a share outside 0..1.
    """
    shape = tensor._data.shape
    if len(shape) != 2:
        raise ValueError(f"sparse_: expected 2 dimensions, got shape {shape}")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_: sparsity is {sparsity}; it must be from 0 to 1")
    position = random.state.advance("parameters")
    draws = random.uniform(shape, 0.0, 1.0, purpose=random.INIT, position=position)
    normal_(tensor, 0.0, std)
    order = np.argsort(draws, axis=0, kind="stable")[: ceil(sparsity * shape[0])]
    np.put_along_axis(tensor._data, order, 0.0, axis=0)
    return tensor


def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Saxe et al., 2013: fills in place with gain times a matrix of orthogonal rows or columns."""
    shape = tensor._data.shape
    if len(shape) < 2:
        raise ValueError(f"orthogonal_: expected at least 2 dimensions, got shape {shape}")
    position, wide = random.state.advance("parameters"), (shape[0], tensor.numel() // shape[0])
    draws = random.normal((max(wide), min(wide)), purpose=random.INIT, position=position)
    columns = _orthogonal(draws)
    return _filled(tensor, gain * (columns if wide[0] >= wide[1] else columns.T).reshape(shape))


def _orthogonal(columns: np.ndarray) -> np.ndarray:
    """Columns made orthogonal one after the other, each twice (Gram and Schmidt); sums in one order everywhere."""
    done = np.zeros_like(columns)
    for number in range(columns.shape[1]):
        column = columns[:, number]
        for _ in range(2):
            shares = np.add.accumulate(done[:, :number] * column[:, None], axis=0)[-1]
            column = column - np.add.accumulate(done[:, :number] * shares, axis=1)[:, -1] if number else column
        done[:, number] = column / np.sqrt(np.add.accumulate(column * column)[-1])
    return done


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much an activation's inputs are to be larger so that its outputs keep their size: PyTorch's table.

    Raises:
        ValueError: an unknown activation.
    """
    slope = 0.01 if param is None else param
    gains = {"tanh": 5 / 3, "relu": 2**0.5, "leaky_relu": (2 / (1 + slope**2)) ** 0.5, "selu": 0.75}
    plain = {f"{kind}{n}d": 1.0 for kind in ("conv", "conv_transpose") for n in (1, 2, 3)}
    gains |= plain | {"linear": 1.0, "sigmoid": 1.0}
    if nonlinearity not in gains:
        raise ValueError(f"nonlinearity must be one of {', '.join(sorted(gains))}, got {nonlinearity!r}")
    return gains[nonlinearity]


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


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Glorot and Bengio, 2010: deviation = gain sqrt(2 / (fan_in + fan_out))."""
    fan_in, fan_out = _fans(tensor)
    return normal_(tensor, 0.0, gain * (2.0 / (fan_in + fan_out)) ** 0.5)


def kaiming_uniform_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """He et al., 2015: bound = gain sqrt(3 / fan), gain = sqrt(2 / (1 + a^2)) for (leaky) ReLU."""
    bound = 3.0**0.5 * _deviation(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """He et al., 2015: deviation = gain / sqrt(fan), gain = sqrt(2 / (1 + a^2)) for (leaky) ReLU."""
    return normal_(tensor, 0.0, _deviation(tensor, a, mode, nonlinearity))


def _deviation(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return calculate_gain(nonlinearity, a) / _fans(tensor)[0 if mode == "fan_in" else 1] ** 0.5


__all__ = ["calculate_gain", *(name for name in dir() if name[0] != "_" and name.endswith("_"))]
