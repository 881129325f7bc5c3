"""What of TensorFlow stands beside ``tf.keras`` in scripts: ``import fastnn.keras.tensorflow as tf``.

``keras``, ``data`` (:class:`~fastnn.keras.data.Dataset`), ``nn`` (activations), ``random``, ``config``, types, and a
few functions of tensors. ``fastnn run`` has it as ``tensorflow``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import fastnn.keras as keras
from fastnn._core import __version__ as _version
from fastnn.eager import dtypes
from fastnn.eager.dtypes import bool_ as bool
from fastnn.eager.dtypes import dtype, float32, float64, int32, int64, uint8
from fastnn.eager.tensor import Tensor
from fastnn.keras import activations as nn
from fastnn.keras import data
from fastnn.keras.backend import max as reduce_max
from fastnn.keras.backend import mean as reduce_mean
from fastnn.keras.backend import sum as reduce_sum
from fastnn.keras.data.structure import TensorSpec
from fastnn.keras.data.structure import arrays_of as _arrays_of
from fastnn.keras.tensorflow import random

__version__ = f"fastnn {_version}"

__all__ = [
    "Tensor",
    "TensorSpec",
    "argmax",
    "bool",
    "cast",
    "config",
    "constant",
    "convert_to_tensor",
    "data",
    "dtype",
    "expand_dims",
    "float32",
    "float64",
    "int32",
    "int64",
    "keras",
    "newaxis",
    "nn",
    "one_hot",
    "random",
    "reduce_max",
    "reduce_mean",
    "reduce_sum",
    "reshape",
    "squeeze",
    "uint8",
]

newaxis = None


def convert_to_tensor(value: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """A tensor of numbers; Python's are float32 and int32, if no dtype says otherwise."""
    if isinstance(value, Tensor):
        return value if dtype is None else cast(value, dtype)
    array = _arrays_of(value)
    return Tensor(np.array(array if dtype is None else array.astype(_numpy(dtype))))


def constant(value: Any, dtype: Any = None, shape: Sequence[int] | None = None, name: str | None = None) -> Tensor:
    """The same, in a shape: a single number fills it."""
    made = convert_to_tensor(value, dtype)
    if shape is None:
        return made
    return made.expand(*shape).clone() if made.numel() == 1 else made.reshape(*shape)


def cast(x: Any, dtype: Any, name: str | None = None) -> Tensor:
    """x in another type."""
    return convert_to_tensor(x).to(dtypes.from_numpy(_numpy(dtype)))


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Tensor:
    """The same numbers in another shape."""
    return convert_to_tensor(tensor).reshape(*(int(size) for size in shape))


def expand_dims(input: Any, axis: int, name: str | None = None) -> Tensor:
    """With an axis of one more: ``expand_dims(image, 0)`` is a batch of one."""
    return convert_to_tensor(input).unsqueeze(axis)


def squeeze(input: Any, axis: int | None = None, name: str | None = None) -> Tensor:
    """Without an axis of one, or all of them."""
    return convert_to_tensor(input).squeeze(*(() if axis is None else (axis,)))


def argmax(input: Any, axis: int = 0, name: str | None = None) -> Tensor:
    """Where the largest is along an axis, int64."""
    return convert_to_tensor(input).argmax(axis)


def one_hot(indices: Any, depth: int, dtype: Any = float32, name: str | None = None) -> Tensor:
    """Rows with a 1 where a class number says, float32; of a number outside of 0..depth-1 all are 0."""
    numbers = convert_to_tensor(indices).detach().numpy()
    return Tensor((numbers[..., None] == np.arange(depth)).astype(_numpy(dtype)))


class config:
    """``tf.config``: there are no GPUs."""

    @staticmethod
    def list_physical_devices(device_type: str = "CPU") -> list[str]:
        """The CPU alone."""
        return ["CPU"] * (device_type == "CPU")


def _numpy(kind: Any) -> np.dtype:
    return kind.numpy if isinstance(kind, dtype) else np.dtype(kind)
