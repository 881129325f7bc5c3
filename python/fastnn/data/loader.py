"""DataLoader: batches of a data set. PyTorch's arguments; no processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from fastnn.data.collate import default_collate, default_convert
from fastnn.data.dataset import IterableDataset, Subset, TensorDataset
from fastnn.data.order import seed_of
from fastnn.data.resident import Resident
from fastnn.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler
from fastnn.data.vision import VisionDataset
from fastnn.eager.tensor import Tensor
from fastnn.errors import told

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

Rows = np.ndarray | None  # int64: which rows of a store are the samples of a data set, None for all in order


class DataLoader:
    """Gives the batches of a data set, a list [x, y] each for samples (x, y).

    ``ImageFolder`` and ``MNIST`` with transforms of :mod:`fastnn.transforms` (and subsets of them) are decoded once,
    when the first batch is asked for, and their batches are made in C++; the numbers are the same as those of the
    samples one by one. Where other steps are among the transforms, such as random ones, these run in the calling thread
    on images that are decoded once (see :mod:`fastnn.data.prepared`). Any other data set's ``__getitem__``, or
    ``__getitems__`` of a batch, runs there too.

    Args:
        dataset: has ``__getitem__(index)`` and ``__len__()``.
        batch_size: samples a batch; None gives the samples themselves.
        shuffle: a new order for each pass, drawn from fastnn's random state when ``iter`` is called.
        sampler: gives indices; instead of shuffle.
        batch_sampler: gives lists of indices; instead of batch_size, shuffle, sampler and drop_last.
        num_workers: threads that decode images; 0 for as many as fastnn computes with. Never processes.
        collate_fn: a list of samples to a batch; None for :func:`~fastnn.utils.data.default_collate`.
        drop_last: leave out a last batch that is not full.
        generator: what the orders are drawn from instead of fastnn's random state: a :class:`fastnn.Generator`, or an
            object with ``initial_seed()``.
        others: pin_memory, timeout, worker_init_fn, multiprocessing_context, prefetch_factor, persistent_workers,
            pin_memory_device and in_order are accepted for PyTorch's sake; without effect, as there are no worker
            processes and nothing to pin.

    Raises:
        ValueError, TypeError: arguments that do not fit, as PyTorch refuses them; no batch would be full with
            drop_last.

    >>> from fastnn.utils.data import DataLoader, TensorDataset
    >>> import fastnn
    >>> data = TensorDataset(fastnn.arange(5))
    >>> [x.tolist() for x, in DataLoader(data, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler | Iterable | None = None,
        batch_sampler: Sampler[list] | Iterable[list] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_dataset(dataset, needs_length=sampler is None and batch_sampler is None)
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.generator = generator
        if batch_sampler is None:
            self.sampler = _sampler(dataset, shuffle, sampler, generator)
            self.batch_sampler = _batch_sampler(self.sampler, batch_size, drop_last)
        else:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("batch_sampler excludes batch_size, shuffle, sampler and drop_last")
            self.sampler = SequentialSampler(dataset)
            self.batch_sampler, batch_size = batch_sampler, None
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.collate_fn = collate_fn or (default_convert if self.batch_sampler is None else default_collate)

    def __len__(self) -> int:
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        fetch = self._fetcher()
        return map(fetch, iter(self.sampler) if self.batch_sampler is None else self._index_batches())

    def resident(self) -> Resident | None:
        """The data set in memory, decoded now if it was not before.

        None if its samples can only be had one by one, or if a pass of this loader is not exactly all of them, collated
        as usual.
        """
        method = getattr(self.dataset, "resident", None)
        sampler = self.sampler
        everything = type(sampler) is SequentialSampler or (
            type(sampler) is RandomSampler and not sampler.replacement and len(sampler) == len(self.dataset)
        )
        plain = type(self.batch_sampler) is BatchSampler and not self.drop_last
        return method() if everything and plain and self._collates_as_usual() and callable(method) else None

    def _index_batches(self) -> Iterator[Any]:
        """The indices of each batch, as arrays where the samplers are ours."""
        plain = type(self.batch_sampler) is BatchSampler
        if not plain or type(self.batch_sampler.sampler) not in (RandomSampler, SequentialSampler):
            return iter(self.batch_sampler)  # type: ignore[arg-type]
        order, size = self.batch_sampler.sampler.order(), self.batch_sampler.batch_size
        stop = len(self.batch_sampler) * size
        return (order[start : start + size] for start in range(0, min(stop, len(order)), size))

    def _fetcher(self) -> Callable[[Any], Any]:
        """What makes a batch of its indices."""
        if self.batch_sampler is None:
            return lambda index: self.collate_fn(self.dataset[index])
        dataset, rows = without_subsets(self.dataset)
        if self._collates_as_usual() and isinstance(dataset, VisionDataset):
            resident = dataset.resident(threads=self.num_workers or None)
            if resident is not None:
                return lambda batch: [Tensor(array) for array in resident.batch(_picked(rows, batch))]
            prepared = dataset.prepared(threads=self.num_workers or None)
            if prepared is not None:
                return lambda batch: prepared.batch(_picked(rows, batch))
        if self._collates_as_usual() and type(dataset) is TensorDataset and not _on_tape(dataset):
            arrays = [tensor.numpy() for tensor in dataset.tensors]
            return lambda batch: [Tensor(array.take(_picked(rows, batch), axis=0)) for array in arrays]
        return lambda batch: self.collate_fn(_samples(self.dataset, _plain(batch)))

    def _collates_as_usual(self) -> bool:
        return self.collate_fn is default_collate


def get_worker_info() -> None:
    """None, as in PyTorch's main process: there are no worker processes."""


def _on_tape(dataset: TensorDataset) -> bool:
    return any(tensor.requires_grad for tensor in dataset.tensors)


def without_subsets(dataset: Any) -> tuple[Any, Rows]:
    """The data set beneath nested Subsets, and which of its samples they leave."""
    rows: Rows = None
    while type(dataset) is Subset:
        indices = np.asarray(dataset.indices, np.int64)
        rows = indices if rows is None else indices[rows]
        dataset = dataset.dataset
    return dataset, rows


def _picked(rows: Rows, batch: Any) -> np.ndarray:
    index = np.asarray(batch, np.int64)
    return index if rows is None else rows[index]


def _plain(batch: Any) -> Iterable[Any]:
    """Indices as a user's ``__getitem__`` expects them."""
    return batch.tolist() if isinstance(batch, np.ndarray) else batch


def _samples(dataset: Any, indices: Iterable[Any]) -> Any:
    """A batch's samples: from a data set's ``__getitems__(list)``, as PyTorch asks for them, where it has one."""
    if type(dataset) is Subset:
        return _samples(dataset.dataset, [dataset.indices[index] for index in indices])
    together = getattr(dataset, "__getitems__", None)
    return [dataset[index] for index in indices] if together is None else together(list(indices))


def _sampler(dataset: Any, shuffle: bool | None, sampler: Any, generator: Any) -> Any:
    if generator is not None:
        seed_of(generator)  # so that a wrong one is told now
    if sampler is not None:
        if shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        return sampler
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


def _batch_sampler(sampler: Any, batch_size: int | None, drop_last: bool) -> BatchSampler | None:
    if batch_size is None:
        if drop_last:
            raise ValueError("batch_size=None gives single samples and is mutually exclusive with drop_last")
        return None
    batches = BatchSampler(sampler, batch_size, drop_last)
    if drop_last and hasattr(sampler, "__len__") and len(sampler) < batch_size:
        text = (
            f"data set has {len(sampler)} samples, batch_size is {batch_size} and drop_last is on: "
            "no batch would be trained"
        )
        raise told(ValueError(text), "batch.none", samples=len(sampler), batch_size=batch_size)
    return batches


def _check_dataset(dataset: Any, needs_length: bool) -> None:
    if isinstance(dataset, IterableDataset):
        raise TypeError(
            "DataLoader: an IterableDataset is not supported, because orders and resuming need an index. "
            "Write a Dataset with __getitem__ and __len__"
        )
    for method in ("__getitem__", "__len__") if needs_length else ("__getitem__",):
        if not hasattr(dataset, method):
            raise TypeError(f"DataLoader: the data set, a {type(dataset).__name__}, has no method {method}")


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    if num_workers < 0:
        raise ValueError(f"num_workers option should be non-negative, got {num_workers}")
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, got {timeout}")
    if prefetch_factor is not None and (num_workers == 0 or prefetch_factor < 0):
        raise ValueError("prefetch_factor option needs num_workers > 0 and should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")
