"""Data sets: anything with ``__getitem__`` and ``__len__``. PyTorch's names and rules."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic

import numpy as np

from fastnn.arrays import is_integer
from fastnn.data.order import permutation
from fastnn.data.resident import Resident
from fastnn.eager.tensor import Tensor
from fastnn.io.memory import fits_memory

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", covariant=True, default=Any)
else:
    from typing import TypeVar

    T = TypeVar("T", covariant=True)


class Dataset(Generic[T]):
    """A data set with an index: subclasses have ``__getitem__(index)`` and ``__len__()``."""

    def __getitem__(self, index: Any) -> T:
        raise NotImplementedError(f"{type(self).__name__} needs a method __getitem__(self, index)")

    def __add__(self, other: Dataset[T]) -> ConcatDataset[T]:
        return ConcatDataset([self, other])

    def _shown(self, index: int) -> tuple[Any, Any]:
        """A sample's image and what to call it, for people."""
        image, label, *_ = self[index]
        return image, label

    def _repr_html_(self) -> str | None:
        """For a notebook's cell: a row of pictures; None where samples are none."""
        from fastnn.data.gallery import gallery

        return gallery(self)


def _shown_of(dataset: Dataset[Any], index: int) -> tuple[Any, Any]:
    """The same of whatever has an index: it need not be of our class."""
    return Dataset._shown(dataset, index) if not isinstance(dataset, Dataset) else dataset._shown(index)


class IterableDataset(Dataset[T]):
    """Known by name only: loaders refuse it, because orders, resuming and ``len`` need an index."""


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Samples that lie along the first dimension of Tensors or arrays; an item is a tuple with one Tensor of
    each.

    Raises:
        TypeError: an argument is no Tensor and no array.
        ValueError: no arguments, no dimension, or different lengths.
    """

    def __init__(self, *tensors: Tensor | np.ndarray) -> None:
        for tensor in tensors:
            if not isinstance(tensor, Tensor | np.ndarray):
                raise TypeError(f"TensorDataset: expected Tensors or arrays, got {type(tensor).__name__}")
        self.tensors = tuple(tensor if isinstance(tensor, Tensor) else Tensor(tensor) for tensor in tensors)
        shapes = [tuple(tensor.shape) for tensor in self.tensors]
        if not shapes or not all(shapes) or len({shape[0] for shape in shapes}) > 1:
            raise ValueError(f"TensorDataset: the first dimensions must be equal, got shapes {shapes}")

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset[T]):
    """The samples of ``dataset`` at ``indices``, in that order."""

    def __init__(self, dataset: Dataset[T], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)

    def _shown(self, index: int) -> tuple[Any, Any]:
        return _shown_of(self.dataset, self.indices[index])

    def resident(self, **options: Any) -> Resident | None:
        """These samples of a data set in memory, copied out of it; None where it has none or the copy does
        not fit.

        Args:
            options: for the ``resident`` of the data set, see :class:`~fastnn.data.vision.VisionDataset`.
        """
        method = getattr(self.dataset, "resident", None)
        whole = method(**options) if callable(method) and type(self) is Subset else None
        if whole is None or not fits_memory(len(self) * whole.images[:1].nbytes):
            return None
        rows = np.asarray(self.indices, np.int64)
        names = [whole.names[row] for row in rows]
        return Resident(whole.images[rows], whole.targets[rows], names, whole.classes, whole.mean, whole.std)


class ConcatDataset(Dataset[T]):
    """Several data sets one after the other.

    Raises:
        ValueError: there are none.
        TypeError: one of them is an IterableDataset.
    """

    def __init__(self, datasets: Iterable[Dataset[T]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise TypeError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = [sum(map(len, self.datasets[: i + 1])) for i in range(len(self.datasets))]

    def __getitem__(self, index: int) -> T:
        dataset, row = self._place(index)
        return dataset[row]

    def _shown(self, index: int) -> tuple[Any, Any]:
        return _shown_of(*self._place(index))

    def _place(self, index: int) -> tuple[Dataset[T], int]:
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"index {index} is outside a data set of {size} samples")
        index %= size
        which = int(np.searchsorted(self.cumulative_sizes, index, side="right"))
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which], index - before

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


def random_split(dataset: Dataset[T], lengths: Sequence[int | float], generator: Any = None) -> list[Subset[T]]:
    """Disjoint random parts of a data set.

    Args:
        dataset: what to split.
        lengths: sample counts, or fractions that add up to 1; what rounding leaves over goes to the first
            parts.
        generator: None for the next order of fastnn's random state, a :class:`fastnn.Generator` for the next of its
            own, or an object with ``initial_seed()``.

    Raises:
        ValueError: a fraction outside 0..1, or the lengths do not add up to the data set's.
    """
    total = len(dataset)
    lengths = [int(length) if is_integer(length) else length for length in lengths]
    if math.isclose(math.fsum(lengths), 1) and math.fsum(lengths) <= 1:
        if any(not 0 <= fraction <= 1 for fraction in lengths):
            raise ValueError(f"random_split: fractions must lie between 0 and 1, got {list(lengths)}")
        counts = [math.floor(total * fraction) for fraction in lengths]
        rest = total - sum(counts)
        lengths = [count + rest // len(counts) + (i < rest % len(counts)) for i, count in enumerate(counts)]
    if sum(lengths) != total or any(length < 0 for length in lengths):
        raise ValueError(f"random_split: lengths {list(lengths)} do not add up to the {total} samples of the data set")
    order = permutation(total, generator).tolist()
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    return [Subset(dataset, order[start : start + length]) for start, length in zip(starts, lengths, strict=True)]
