"""Making tensors: of numbers, of others, of random draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import random
from fastnn.arrays import is_integer
from fastnn.eager import draws, dtypes, ops
from fastnn.eager.device import check_device
from fastnn.eager.spelling import spelled
from fastnn.eager.support import array_of, contiguous, promoted, result, shape_of
from fastnn.eager.tensor import Tensor
from fastnn.errors import told


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False, *, device: Any = None) -> Tensor:
    """A tensor with a copy of the data. Python floats give float32, integers int64, as in PyTorch."""
    _check_place(device)
    if isinstance(data, Tensor):
        data = data._read("tensor()")
    array = np.array(array_of(data))
    if dtype is not None:
        array = array.astype(dtypes.to_numpy(dtype))
    elif array.dtype == np.float64 and not isinstance(data, np.ndarray | np.generic):
        array = array.astype(np.float32)
    elif array.dtype.kind == "u" and array.dtype != np.uint8:
        array = array.astype(np.int64)
    return Tensor(array, requires_grad)


def _check_place(device: Any) -> None:
    if device is not None:
        check_device(device)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor that shares memory with an array where it can."""
    _check_place(device)
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


def _kind(dtype: Any, default: type = np.float32) -> Any:
    return np.dtype(default) if dtype is None else dtypes.to_numpy(dtype)


def _filled(shape: Any, value: float, dtype: Any, requires_grad: bool, device: Any, size: Any = None) -> Tensor:
    _check_place(device)
    return Tensor(np.full(_sizes(shape, size), value, dtype=_kind(dtype)), requires_grad)


def _sizes(shape: tuple[Any, ...], size: Any) -> tuple[int, ...]:
    """The shape, given as arguments or by its name."""
    if size is not None and shape:
        raise TypeError(f"the size was given twice: {shape} and size={size}")
    return shape_of(shape if size is None else (size,))


def zeros(*shape: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """All zeros, float32 unless told otherwise."""
    return _filled(shape, 0, dtype, requires_grad, device, size)


def ones(*shape: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """All ones, float32 unless told otherwise."""
    return _filled(shape, 1, dtype, requires_grad, device, size)


empty = zeros  # memory without values would differ from run to run


def full(
    size: Sequence[int], fill_value: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """One value everywhere; of its own dtype: float32, int64 or bool."""
    fill_value = int(fill_value) if is_integer(fill_value) else fill_value
    dtype = tensor(fill_value).dtype if dtype is None else dtype
    return _filled((tuple(size),), fill_value, dtype, requires_grad, device)


def full_like(
    input: Tensor, fill_value: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """One value everywhere, in the shape and dtype of a tensor."""
    return _filled((input.shape,), fill_value, input.dtype if dtype is None else dtype, requires_grad, device)


def zeros_like(input: Tensor, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """All zeros, in the shape and dtype of a tensor."""
    return full_like(input, 0, dtype, requires_grad, device)


def ones_like(input: Tensor, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """All ones, in the shape and dtype of a tensor."""
    return full_like(input, 1, dtype, requires_grad, device)


empty_like = zeros_like


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    dtype: Any = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """start, start + step, ... below end; arange(n) starts at 0. Integers give int64."""
    _check_place(device)
    if end is None:
        start, end = 0, start
    array = np.arange(*[int(number) if is_integer(number) else number for number in (start, end, step)])
    return Tensor(array.astype(_kind(dtype, np.int64 if array.dtype.kind == "i" else np.float32)), requires_grad)


def linspace(
    start: float, end: float, steps: int, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """``steps`` evenly spaced values from start to end, float32 unless told otherwise."""
    _check_place(device)
    return Tensor(np.linspace(start, end, steps, dtype=_kind(dtype)), requires_grad)


def eye(n: int, m: int | None = None, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """The identity matrix (n, n), or the first rows or columns of it (n, m)."""
    _check_place(device)
    return Tensor(np.eye(n, m, dtype=_kind(dtype)), requires_grad)


def rand(
    *shape: Any,
    size: Any = None,
    generator: random.Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Uniform in [0, 1), from the stream of user draws or a generator's."""
    _check_place(device)
    return Tensor(draws.uniform(_sizes(shape, size), 0.0, 1.0, _kind(dtype).type, generator), requires_grad)


def randn(
    *shape: Any,
    size: Any = None,
    generator: random.Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Normal with mean 0 and deviation 1, from the stream of user draws or a generator's."""
    _check_place(device)
    return Tensor(draws.normal(_sizes(shape, size), generator).astype(_kind(dtype)), requires_grad)


def rand_like(input: Tensor, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """:func:`rand`, in the shape and dtype of a tensor."""
    return rand(*input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, device=device)


def randn_like(input: Tensor, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """:func:`randn`, in the shape and dtype of a tensor."""
    return randn(*input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, device=device)


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: random.Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Normal numbers; mean and std may be tensors, which give the shape."""
    _check_place(device)
    both = [value._read("normal()") if isinstance(value, Tensor) else np.asarray(value) for value in (mean, std)]
    if (both[1] < 0).any():
        raise ValueError(f"normal: std is {both[1].min()}; it must not be negative")
    shape = np.broadcast_shapes(*(array.shape for array in both)) if size is None else shape_of((tuple(size),))
    return Tensor((both[0] + both[1] * draws.normal(shape, generator)).astype(_kind(dtype)), requires_grad)


def randint(
    low: int,
    high: int | Sequence[int] | None = None,
    size: Sequence[int] | None = None,
    dtype: Any = None,
    *,
    generator: random.Generator | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Whole numbers in [low, high), or in [0, low): ``randint(10, (2, 3))``; int64 unless told otherwise.

    Raises:
        ValueError: high is not above low, or they are more than 2**53 apart.
    """
    _check_place(device)
    if high is None or size is None:
        low, high, size = 0, low, high if size is None else size
    low, high = int(low), int(high)  # type: ignore[arg-type]
    if not low < high <= low + 2**53:
        raise ValueError(f"randint: high is {high}; it must be above low = {low}, by at most 2**53")
    share = draws.uniform(size, 0.0, 1.0, np.float64, generator)
    whole = low + np.minimum(np.floor(share * (high - low)), high - low - 1)
    return Tensor(whole.astype(_kind(dtype, np.int64)), requires_grad)


def randperm(n: int, *, generator: random.Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """A random order of 0..n-1, int64 (n,)."""
    _check_place(device)
    draws.source_of(generator)
    return Tensor(random.permutation(n, generator).astype(_kind(dtype, np.int64), copy=False))


@spelled
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
    try:
        joined = _joined(arrays, dim, cuts)
    except ValueError:
        _check_alike([array.shape for array in arrays], dim)
        raise
    return result(joined, tuple(parts), lambda g: tuple(np.split(g, cuts, axis=dim)), "Cat")


def _check_alike(shapes: list[tuple[int, ...]], dim: int) -> None:
    """Refuses shapes that differ elsewhere than in dim."""
    first = shapes[0]
    place = dim % len(first)
    for number, shape in enumerate(shapes):
        if (shape[:place], shape[place + 1 :]) != (first[:place], first[place + 1 :]):
            text = f"[cat] tensor {number} has shape {shape}, tensor 0 {first}: only dimension {dim} may differ"
            raise told(ValueError(text), "cat.shapes", number=number, shape=shape, first=first, dim=dim)


def _joined(arrays: list[np.ndarray], dim: int, cuts: np.ndarray) -> np.ndarray:
    """Arrays one after the other; in a recording by ops that plans have, which fill memory without gaps: there the
    axis is the first one at first.
    """
    recorder = ops.recorder
    if recorder is None or recorder.joins or not recorder.is_here() or arrays[0].dtype.kind != "f":
        return ops.concatenate(arrays, dim)
    turned = [np.moveaxis(array, dim, 0) for array in arrays]
    out = np.empty((sum(map(len, turned)), *turned[0].shape[1:]), turned[0].dtype)
    for place, array in zip(np.split(out, cuts), turned, strict=True):
        ops.assign(place, array)
    return contiguous(np.moveaxis(out, 0, dim))


@spelled
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new dimension."""
    return cat([part.unsqueeze(dim) for part in tensors], dim)


def is_tensor(value: Any) -> bool:
    """Whether it is a Tensor."""
    return isinstance(value, Tensor)


def is_floating_point(x: Tensor) -> bool:
    """Whether a tensor holds floating point numbers."""
    return x.dtype.is_floating_point


def numel(x: Tensor) -> int:
    """How many elements a tensor has."""
    return x.numel()
