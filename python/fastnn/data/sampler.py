"""Samplers: in which order a loader visits the samples. PyTorch's names and rules.

``iter(sampler)`` draws its order at once, not when the first sample is asked for: the position of a run's random state
is the number of ``iter`` calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from fastnn.arrays import is_integer
from fastnn.data.order import choices, permutation
from fastnn.errors import told

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
        generator: None for fastnn's random state, or an object with ``initial_seed()``: then the orders
            depend on that seed and on how many this sampler has drawn.

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
        if not _is_count(self.num_samples) or not len(data_source):
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


class BatchSampler(Sampler[list[int]]):
    """Lists of ``batch_size`` indices of another sampler; the last may be shorter, or is left out with
    ``drop_last``.

    Raises:
        ValueError: batch_size is not a whole number of at least 1, or drop_last not a bool.
    """

    def __init__(self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not _is_count(batch_size):
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


def _is_count(value: Any) -> bool:
    return is_integer(value) and value > 0
