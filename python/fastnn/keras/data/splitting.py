"""``split_dataset``: a data set, or arrays, as two."""

from __future__ import annotations

from random import Random
from typing import Any

from fastnn.arrays import is_integer
from fastnn.keras.data.dataset import Dataset
from fastnn.keras.data.structure import count_of, drawn_seed, stacked

Size = int | float | None


def split_dataset(
    dataset: Any, left_size: Size = None, right_size: Size = None, shuffle: bool = False, seed: int | None = None
) -> tuple[Dataset, Dataset]:
    """The first and the other elements of a :class:`Dataset` (of batches: samples, in batches again), of an array or of
    a tuple of arrays.

    left_size, right_size: a share of 0 to 1, or how many; one of them is enough, and elements in between are left out.
    shuffle: in a random order before (Keras' own for a seed). All elements are held in memory.

    Raises:
        ValueError: no size, or more elements than there are.
    """
    source = dataset if isinstance(dataset, Dataset) else Dataset.from_tensor_slices(dataset)
    elements = list(source.as_numpy_iterator())
    size = count_of(elements[0]) if source.is_batched and elements else None
    if size is not None:
        elements = list(source.unbatch().as_numpy_iterator())
    if shuffle:
        Random(drawn_seed() if seed is None else seed).shuffle(elements)
    left, right = (_counted(name, size, len(elements)) for name, size in (("left", left_size), ("right", right_size)))
    if left is None and right is None:
        raise ValueError("split_dataset: give left_size, right_size or both")
    left = len(elements) - right if left is None else left
    right = len(elements) - left if right is None else right
    if min(left, right) < 1 or left + right > len(elements):
        raise ValueError(f"split_dataset: {left} and {right} of {len(elements)} elements; each part needs one at least")
    parts = elements[:left], elements[len(elements) - right :]
    first, second = (Dataset.from_tensor_slices(stacked(part)) for part in parts)
    return (first, second) if size is None else (first.batch(size), second.batch(size))


def _counted(name: str, size: Size, count: int) -> int | None:
    if size is None or is_integer(size):
        return size
    if not 0 < size < 1:
        raise ValueError(f"split_dataset: {name}_size is {size}; it must be a share between 0 and 1, or a whole number")
    return round(size * count)
