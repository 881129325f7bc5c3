"""Making tensors, and functions of tensors that are also methods (``fastnn.relu(x)``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import random
from fastnn.arrays import is_integer
from fastnn.eager import dtypes, ops
from fastnn.eager.linalg import matmul
from fastnn.eager.support import promoted, result, shape_of
from fastnn.eager.tensor import Tensor
from fastnn.errors import told


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of the data. Python floats give float32, integers int64, as in PyTorch."""
    if isinstance(data, Tensor):
        data = data._data
    array = np.array(data)
    if dtype is not None:
        array = array.astype(dtypes.to_numpy(dtype))
    elif array.dtype == np.float64 and not isinstance(data, np.ndarray | np.generic):
        array = array.astype(np.float32)
    elif array.dtype.kind == "u" and array.dtype != np.uint8:
        array = array.astype(np.int64)
    return Tensor(array, requires_grad)


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """A tensor that shares memory with an array where it can."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray):
        return Tensor(data) if dtype is None else Tensor(data).to(dtype)
    return tensor(data, dtype)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares the array's memory."""
    if not isinstance(array, np.ndarray):
        got = type(array).__name__
        raise told(TypeError(f"from_numpy: expected a NumPy array, got {got}"), "array.expected", got=got)
    return Tensor(array)


def _filled(shape: tuple[Any, ...], value: float, dtype: Any, requires_grad: bool) -> Tensor:
    kind = np.dtype(np.float32) if dtype is None else dtypes.to_numpy(dtype)
    return Tensor(np.full(shape_of(shape), value, dtype=kind), requires_grad)


def zeros(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """All zeros, float32 unless told otherwise."""
    return _filled(shape, 0, dtype, requires_grad)


def ones(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """All ones, float32 unless told otherwise."""
    return _filled(shape, 1, dtype, requires_grad)


def full(shape: Sequence[int], value: float, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """One value everywhere."""
    return _filled((tuple(shape),), value, dtype, requires_grad)


def zeros_like(x: Tensor) -> Tensor:
    return Tensor(np.zeros_like(x._data))


def ones_like(x: Tensor) -> Tensor:
    return Tensor(np.ones_like(x._data))


def arange(start: float, end: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """start, start + step, ... below end; arange(n) starts at 0. Integers give int64."""
    if end is None:
        start, end = 0, start
    array = np.arange(*[int(number) if is_integer(number) else number for number in (start, end, step)])
    kind = dtypes.to_numpy(dtype) if dtype is not None else np.int64 if array.dtype.kind == "i" else np.float32
    return Tensor(array.astype(kind))


def linspace(start: float, end: float, steps: int) -> Tensor:
    """``steps`` evenly spaced float32 values from start to end."""
    return Tensor(np.linspace(start, end, steps, dtype=np.float32))


def eye(n: int) -> Tensor:
    """The identity matrix (n, n)."""
    return Tensor(np.eye(n, dtype=np.float32))


def rand(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform in [0, 1), from the stream of user draws."""
    kind = np.float32 if dtype is None else dtypes.to_numpy(dtype).type
    position = random.state.advance("draws")
    return Tensor(
        random.uniform(shape_of(shape), 0.0, 1.0, purpose=random.USER, position=position, dtype=kind), requires_grad
    )


def randn(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Normal with mean 0 and deviation 1, from the stream of user draws."""
    kind = np.float32 if dtype is None else dtypes.to_numpy(dtype).type
    position = random.state.advance("draws")
    return Tensor(random.normal(shape_of(shape), purpose=random.USER, position=position).astype(kind), requires_grad)


def randint(low: int, high: int | Sequence[int], size: Sequence[int] | None = None, dtype: Any = None) -> Tensor:
    """Whole numbers in [low, high), or in [0, low): ``randint(10, (2, 3))``; int64 unless told otherwise.

    Raises:
        ValueError: high is not above low, or they are more than 2**53 apart.
    """
    if size is None:
        low, high, size = 0, low, high
    low, high = int(low), int(high)  # type: ignore[arg-type]
    if not low < high <= low + 2**53:
        raise ValueError(f"randint: high is {high}; it must be above low = {low}, by at most 2**53")
    position = random.state.advance("draws")
    share = random.uniform(size, 0.0, 1.0, purpose=random.USER, position=position, dtype=np.float64)
    kind = np.int64 if dtype is None else dtypes.to_numpy(dtype)
    return Tensor((low + np.minimum(np.floor(share * (high - low)), high - low - 1)).astype(kind))


def randperm(n: int) -> Tensor:
    """A random order of 0..n-1, int64 (n,)."""
    return Tensor(random.permutation(n))


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors one after the other along dim."""
    parts = list(tensors)
    if not parts:
        raise ValueError("cat: expected at least one tensor")
    for i in range(1, len(parts)):
        parts[0], parts[i] = promoted(parts[0], parts[i])
    parts = [promoted(part, parts[0])[0] for part in parts]
    arrays = [part._data for part in parts]
    cuts = np.cumsum([array.shape[dim] for array in arrays])[:-1]
    return result(ops.concatenate(arrays, dim), tuple(parts), lambda g: tuple(np.split(g, cuts, axis=dim)), "Cat")


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new dimension."""
    return cat([part.unsqueeze(dim) for part in tensors], dim)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    return x.flatten(start_dim, end_dim)


def relu(x: Tensor) -> Tensor:
    return x.relu()


def sigmoid(x: Tensor) -> Tensor:
    return x.sigmoid()


def tanh(x: Tensor) -> Tensor:
    return x.tanh()


def exp(x: Tensor) -> Tensor:
    return x.exp()


def log(x: Tensor) -> Tensor:
    return x.log()


def sqrt(x: Tensor) -> Tensor:
    return x.sqrt()


def pow(x: Tensor, exponent: Any) -> Tensor:
    return x**exponent


def softmax(x: Tensor, dim: int) -> Tensor:
    return x.softmax(dim)


def log_softmax(x: Tensor, dim: int) -> Tensor:
    return x.log_softmax(dim)


def sum(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return x.sum(dim, keepdim)


def mean(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return x.mean(dim, keepdim)


def max(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    return x.max(dim, keepdim)


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    return x.argmax(dim, keepdim)


def mm(a: Tensor, b: Tensor) -> Tensor:
    return matmul(a, b)


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    return x.unsqueeze(dim)


def squeeze(x: Tensor, dim: int | None = None) -> Tensor:
    return x.squeeze(dim)


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    return x.transpose(dim0, dim1)


def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    return x.reshape(tuple(shape))


def is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)
