"""Samples to batches. PyTorch's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.errors import told


def default_collate(batch: Sequence[Any]) -> Any:
    """One batch out of a list of samples, by the type of the first.

    Tensors and arrays are stacked along a new first dimension; numbers become a Tensor (int64, float64 for
    Python's float, bool); text stays a list; mappings, tuples and lists are treated part by part, a tuple
    becoming a list. PIL images, which PyTorch refuses, become what ``ToTensor`` makes of them.

    Raises:
        TypeError: samples of another type.
        ValueError: Tensors of different shapes or lists of different lengths.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return Tensor._wrap(_stack([sample._data for sample in batch]))
    if isinstance(first, np.ndarray | np.generic):
        if first.dtype.kind not in "biuf":
            raise TypeError(_refusal(first.dtype))
        return Tensor(_stack([np.asarray(sample) for sample in batch]))
    if isinstance(first, bool | int | float):
        return Tensor(np.array(batch, _number_type(batch)))
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, Sequence):
        return _collate_sequences(batch)
    if type(first).__module__.startswith("PIL."):
        from fastnn.transforms import ToTensor

        return default_collate([ToTensor()(sample) for sample in batch])
    raise TypeError(_refusal(type(first)))


def default_convert(sample: Any) -> Any:
    """A single sample as a batch would hold it: arrays become Tensors, everything else stays."""
    if isinstance(sample, np.ndarray | np.generic) and sample.dtype.kind in "biuf":
        return Tensor(np.asarray(sample))
    if isinstance(sample, Mapping):
        return _like(sample, {key: default_convert(value) for key, value in sample.items()})
    if isinstance(sample, tuple) and hasattr(sample, "_fields"):
        return type(sample)(*map(default_convert, sample))
    if isinstance(sample, Sequence) and not isinstance(sample, str | bytes):
        return [default_convert(part) for part in sample]
    return sample


def _number_type(batch: Sequence[Any]) -> type:
    """What PyTorch makes of Python numbers: the first decides, unless a float hides behind integers."""
    if isinstance(batch[0], float):
        return np.float64
    if any(isinstance(value, float) for value in batch):
        return np.float32
    return np.bool_ if all(isinstance(value, bool) for value in batch) else np.int64


def _collate_sequences(batch: Sequence[Any]) -> Any:
    first = batch[0]
    for place, sample in enumerate(batch):
        if len(sample) != len(first):
            raise ValueError(
                "each element in list of batch should be of equal size: "
                f"{len(first)}, but {len(sample)} at entry {place}"
            )
    parts = [default_collate(part) for part in zip(*batch, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else parts  # a named tuple stays one


def _stack(arrays: list[np.ndarray]) -> np.ndarray:
    shape = arrays[0].shape
    for place, array in enumerate(arrays):
        if array.shape != shape:
            text = (
                f"samples of a batch must have one shape: {shape}, but {array.shape} at entry {place}. "
                "Images of different sizes need a Resize"
            )
            raise told(ValueError(text), "batch.shapes", first=shape, shape=array.shape, place=place)
    out = np.empty((len(arrays), *shape), np.result_type(*arrays))  # np.stack takes 25 us for eight numbers
    for place, array in enumerate(arrays):
        out[place] = array
    return out


def _like(first: Mapping, values: dict) -> Any:
    """``values`` as a mapping of the same type, if that can be made of a dict."""
    try:
        return type(first)(values)
    except TypeError:
        return values


def _refusal(found: Any) -> str:
    return f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {found}"
