"""What a fit trains on: rows in memory, in an order drawn for each epoch, or the batches that a loader brings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import random
from fastnn.errors import told
from fastnn.training.engines import EVALUATION_BATCH, Chunk, Engine, Pass, StepLimit, batch_counts
from fastnn.training.feed import Feed, as_array, as_feed, convert

if TYPE_CHECKING:
    from fastnn.data.augment import Augment


@dataclass
class Position:
    """Where a run stands: ``step`` batches of epoch ``epoch`` (from 0) are done; ``order`` is that epoch's shuffle
    number.
    """

    epoch: int = 0
    step: int = 0
    order: int = 0


class Batches:
    """The batches of every epoch: ``samples`` in ``steps`` of them."""

    samples: int
    steps: int

    def chunks(self, engine: Engine, position: Position, limit: StepLimit, outputs: bool) -> Iterable[Chunk]:
        """Trains from a position to the end of its epoch; limit and outputs as :class:`Pass` has them."""
        raise NotImplementedError

    def augment(self, how: Augment) -> None:
        """From here on images are changed in each epoch.

        Raises:
            ValueError: these are no images in memory.
        """
        raise ValueError(
            f"augment={how.name!r} needs uint8 images of a data set in memory; these batches come from a loader, or "
            "from a data set that makes its samples one by one: put random transforms there (RandomHorizontalFlip, ...)"
        )

    def sample_ids(self, step: int) -> list[int]:
        """The samples of a step of the epoch at hand, where they have numbers."""
        return []


class FeedBatches(Batches):
    """Rows of a feed.

    Raises:
        ValueError: there is no batch in it.
    """

    def __init__(self, feed: Feed, batch_size: int, shuffle: bool, drop_last: bool) -> None:
        full, rest = batch_counts(len(feed), batch_size, drop_last)
        if full == 0 and rest == 0:
            text = (
                f"data set has {len(feed)} samples, batch_size is {batch_size} and drop_last is on: "
                "no batch would be trained"
            )
            raise told(ValueError(text), "batch.none", samples=len(feed), batch_size=batch_size)
        self.feed = feed
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.samples, self.steps = len(feed), full + (rest > 0)

    def chunks(self, engine: Engine, position: Position, limit: StepLimit, outputs: bool) -> Iterable[Chunk]:
        self._order = self._order_at(position)
        return engine.epoch(
            Pass(self.feed, self._order, self.batch_size, position.step, limit, self.drop_last, outputs, position.epoch)
        )

    def augment(self, how: Augment) -> None:
        self.feed = replace(self.feed, augment=how)

    def sample_ids(self, step: int) -> list[int]:
        return self._order[step * self.batch_size : (step + 1) * self.batch_size].tolist()

    def _order_at(self, position: Position) -> np.ndarray:
        """An epoch's order: a new shuffle at its start, the same one again where a run resumes inside it."""
        if not self.shuffle:
            return np.arange(self.samples, dtype=np.int64)
        if position.step == 0:
            position.order = random.state.orders
        else:
            random.state.orders = position.order
        return random.permutation(self.samples)


class LoaderBatches(Batches):
    """What a loader brings, with floating-point numbers in the dtype of a model."""

    def __init__(self, loader: Any, dtype: np.dtype) -> None:
        self.loader = loader
        self.dtype = dtype
        self.samples, self.steps = len(loader.dataset), len(loader)

    def chunks(self, engine: Engine, position: Position, limit: StepLimit, outputs: bool) -> Iterable[Chunk]:
        for step, batch in enumerate(self.loader):
            if step >= position.step:
                yield engine.chunk(step, *_pair(batch, self.dtype), outputs)


def batches_of(data: Any, dtype: np.dtype, batch_size: int, shuffle: bool, drop_last: bool) -> Batches:
    """What to train a model of a dtype on: of a data set, a DataLoader (which brings its own batch size and order) or
    a tuple of arrays (x, y).

    Raises:
        ValueError: data that does not fit, or no batch of it.
        TypeError: data of another kind.
    """
    feed = None if _is_loader(data) else as_feed(data)
    if feed is not None:
        return FeedBatches(feed.converted(dtype), batch_size, shuffle, drop_last)
    return LoaderBatches(_loader_of(data, batch_size, shuffle, drop_last), dtype)


def whole_feed(data: Any, dtype: np.dtype) -> Feed:
    """All samples of the same kinds of data in one feed.

    Raises:
        ValueError: data that does not fit, or none.
        TypeError: data of another kind.
    """
    feed = as_feed(data)
    if feed is not None:
        return feed.converted(dtype)
    pairs = [_pair(batch, dtype) for batch in _loader_of(data, EVALUATION_BATCH, shuffle=False, drop_last=False)]
    if not pairs:
        raise told(ValueError("the data set is empty: there is nothing to evaluate"), "data.empty")
    return Feed(np.concatenate([x for x, _ in pairs]), np.concatenate([y for _, y in pairs]))


def _is_loader(data: Any) -> bool:
    return hasattr(data, "batch_sampler")


def _loader_of(data: Any, batch_size: int, shuffle: bool, drop_last: bool) -> Any:
    """A loader itself, or one of a data set."""
    if _is_loader(data):
        return data
    several = isinstance(data, tuple | list) and all(hasattr(each, "__array__") for each in data)
    if several or isinstance(data, str) or hasattr(data, "__array__") or not hasattr(data, "__getitem__"):
        kind = f"{len(data)} arrays" if several else type(data).__name__
        raise TypeError(f"expected a data set, a DataLoader or a tuple (x, y) of arrays (or x and y), got {kind}")
    from fastnn.data.loader import DataLoader

    return DataLoader(data, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last)


def _pair(batch: Any, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """x and y of a loader's batch, floating-point numbers as the model has them."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise TypeError(f"a batch must be a pair (x, y), got {type(batch).__name__}: {str(batch)[:60]}")
    x, y = (as_array(part, name) for part, name in zip(batch, "xy", strict=True))
    x = x if x.dtype.kind == "f" else x.astype(dtype)
    return convert("input", x, dtype), convert("target", y, dtype)
