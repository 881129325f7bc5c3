"""Elements of data sets: an array, or tuples and dicts of them; what users give as these, and what they are handed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import random
from fastnn.arrays import to_array
from fastnn.eager import dtypes
from fastnn.eager.tensor import Tensor

_NARROW = {np.dtype(np.float64): np.float32, np.dtype(np.int64): np.int32}  # what TensorFlow makes of Python's numbers


@dataclass(frozen=True)
class TensorSpec:
    """Shape (None: of any size) and NumPy dtype of an array of an element."""

    shape: tuple[int | None, ...]
    dtype: np.dtype
    name: str | None = None

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype=tf.{self.dtype.name}, name={self.name!r})"


def mapped(function: Callable[[Any], Any], element: Any) -> Any:
    """The same structure of what a function gives for each array."""
    if isinstance(element, tuple):
        return tuple(mapped(function, part) for part in element)
    if isinstance(element, dict):
        return {name: mapped(function, part) for name, part in element.items()}
    return function(element)


def leaves(element: Any) -> Iterator[Any]:
    """Its arrays."""
    if isinstance(element, tuple | dict):
        for part in element.values() if isinstance(element, dict) else element:
            yield from leaves(part)
    else:
        yield element


def arrays_of(given: Any) -> Any:
    """What a user's function or generator gives, as arrays: tuples and dicts stay, a list is an array. Python's numbers
    become float32 and int32, as TensorFlow has them; arrays keep their type.

    Raises:
        TypeError: something that is no array.
    """
    if isinstance(given, tuple):
        return tuple(arrays_of(part) for part in given)
    if isinstance(given, Mapping):
        return {name: arrays_of(part) for name, part in given.items()}
    if isinstance(given, list) and any(hasattr(each, "__array__") or isinstance(each, Tensor) for each in given):
        return np.stack([arrays_of(each) for each in given])
    array = to_array(given)
    if array.dtype.kind == "O":
        raise TypeError(f"an element of a Dataset is made of arrays, tuples and dicts; got {type(given).__name__}")
    is_array = hasattr(given, "dtype")
    return array if is_array else array.astype(_NARROW.get(array.dtype, array.dtype))


def tensors_of(element: Any) -> Any:
    """An element as users are handed it: of memory of its own, so that they may change it; words as they are."""
    return mapped(_tensor, element)


def _tensor(array: np.ndarray) -> Any:
    own = np.array(array)
    return Tensor(own) if dtypes.has(own.dtype) else own if own.ndim else own[()]


def stacked(elements: Sequence[Any]) -> Any:
    """Elements as one, each array with a row for each.

    Raises:
        ValueError: their shapes differ.
    """
    first = elements[0]
    if isinstance(first, tuple):
        return tuple(stacked(parts) for parts in zip(*elements, strict=True))
    if isinstance(first, dict):
        return {name: stacked([element[name] for element in elements]) for name in first}
    shapes = {np.shape(element) for element in elements}
    if len(shapes) > 1:
        shown = " and ".join(map(str, sorted(shapes)[:2]))
        raise ValueError(f"Dataset.batch: elements have different shapes, {shown}: make them alike with map()")
    return np.stack(elements)


def count_of(element: Any) -> int:
    """How many rows its arrays have.

    Raises:
        ValueError: numbers without rows, or of different counts.
    """
    counts = {len(leaf) if getattr(leaf, "ndim", 1) else -1 for leaf in leaves(element)}
    if counts == {-1} or len(counts) != 1:
        found = "single numbers" if -1 in counts else f"{sorted(counts)} rows"
        raise ValueError(f"Dataset.from_tensor_slices: all arrays need a row for each element, got {found}")
    return counts.pop()


def drawn_seed() -> int:
    """A seed where none is given, of fastnn's stream of orders; from 0 to a million, as Keras draws one."""
    position = random.state.advance("orders")
    return int(random.uniform((1,), 0, 10**6, purpose=random.ORDER, position=position)[0])
