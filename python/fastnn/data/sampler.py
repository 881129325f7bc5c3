"""Samplers: in which order a loader visits the samples. PyTorch's names and rules.

``iter(sampler)`` draws its order at once, not when the first sample is asked for: the position of a run's random state
is the number of ``iter`` calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from fastnn.arrays import is_integer, to_array
from fastnn.data.order import choices, permutation, weighted
from fastnn.eager.tensor import Tensor
from fastnn.errors import told

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

T = TypeVar("T", covariant=True)


class Sampler(Generic[T]):
    """Subclasses have ``__iter__()``, which gives indices, and usually ``__len__()``."""

    def __init__(self, data_source: Sized | None = None) -> None: ...

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(f"{type(self).__name__} needs a method __iter__(self)")


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ..."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def order(self) -> np.ndarray:
        """All indices, int64."""
        return np.arange(len(self.data_source))

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """A new random order for each ``iter``.

    Args:
        data_source: anything with a length.
        replacement: draw each sample from all.
        num_samples: how many to draw, None for as many as there are.
        generator: None for fastnn's random state; a :class:`fastnn.Generator`, whose state moves on with each order;
            or an object with ``initial_seed()``: then the orders depend on that and on how many this sampler has drawn.

    Raises:
        TypeError: replacement is not a bool.
        ValueError: nothing to draw.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        self._drawn = 0
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        if not is_count(self.num_samples) or not len(data_source):
            text = f"num_samples should be a positive integer value, but got num_samples={self.num_samples}"
            if len(data_source):
                raise ValueError(text)
            raise told(ValueError(f"{text} (the data set is empty)"), "data.empty")

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else int(self._num_samples)

    def order(self) -> np.ndarray:
        """The indices of the next pass, int64 (num_samples,)."""
        n, count = len(self.data_source), self.num_samples
        if self.replacement:
            return choices(n, count, self.generator, self._next())
        passes = [permutation(n, self.generator, self._next()) for _ in range(-(-count // n))]
        return passes[0][:count] if len(passes) == 1 else np.concatenate(passes)[:count]

    def _next(self) -> int:
        self._drawn += 1
        return self._drawn - 1

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """These indices, in a new random order for each ``iter``.

    Args:
        indices: a sequence, an array or a Tensor.
        generator: as :class:`RandomSampler` has it.
    """

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator
        self._drawn = 0

    def __iter__(self) -> Iterator[int]:
        order = permutation(len(self.indices), self.generator, self._drawn).tolist()
        self._drawn += 1
        indices = self.indices.tolist() if hasattr(self.indices, "tolist") else self.indices
        return iter([indices[place] for place in order])

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """``num_samples`` of the indices 0..len(weights)-1, each as likely as its weight, drawn anew for each ``iter``.

    Args:
        weights: one an index, at least 0; they need not add up to 1.
        num_samples: how many to draw.
        replacement: draw each from all; else none comes twice.
        generator: as :class:`RandomSampler` has it.

    Raises:
        ValueError: num_samples is no whole number of at least 1, replacement not a bool; weights that are not one row
            of finite numbers of at least 0, or too few above 0 to draw so many.
    """

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator: Any = None
    ) -> None:
        if not is_count(num_samples):
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}")
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        array = to_array(weights).astype(np.float64)
        if array.ndim != 1:
            raise ValueError(f"weights should be a 1d sequence but given weights have shape {array.shape}")
        likely = np.count_nonzero(array)
        if not np.isfinite(array.sum()) or (array < 0).any() or likely < (1 if replacement else num_samples):
            raise ValueError(
                f"weights must be finite and at least 0, with {1 if replacement else num_samples} or more above 0; "
                f"got {len(array)} weights, {likely} of them not 0, the smallest {array.min(initial=np.inf):g}"
            )
        self.weights = Tensor(array)
        self.num_samples = int(num_samples)
        self.replacement = replacement
        self.generator = generator
        self._drawn = 0

    def __iter__(self) -> Iterator[int]:
        weights = self.weights.numpy()
        drawn = weighted(weights, self.num_samples, self.replacement, self.generator, self._drawn)
        self._drawn += 1
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of ``batch_size`` indices of another sampler; the last may be shorter, or is left out with
    ``drop_last``.

    Raises:
        ValueError: batch_size is not a whole number of at least 1, or drop_last not a bool.
    """

    def __init__(self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not is_count(batch_size):
            text = f"batch_size is {batch_size!r}; it must be a whole number >= 1"
            raise told(ValueError(text), "count.range", name="batch_size", value=repr(batch_size), least=1)
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = int(batch_size)
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        return self._batches(iter(self.sampler))

    def _batches(self, indices: Iterator[int]) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in indices:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


def is_count(value: Any) -> bool:
    """Whether a value is a whole number of at least 1, NumPy's included."""
    return is_integer(value) and value > 0
