"""Layers at the front of a model that change arrays, such as RandomFlip: they run on each batch; what is behind them is
compiled.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastnn import nn, random
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.keras.layers.normalization import Normalized
from fastnn.keras.layers.preprocessing.pictures import Changed
from fastnn.keras.layers.reshaping import Rescaled
from fastnn.training.engines import Chunk, FallbackEngine
from fastnn.training.feed import Feed
from fastnn.training.history import History
from fastnn.training.trainer import Trainer


class Front:
    """Modules that arrays go through, one after the other, without a gradient."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.modules = modules

    def __call__(self, x: np.ndarray, training: bool) -> np.ndarray:
        batch = Tensor(x)
        with no_grad():
            for module in self.modules:
                module.train(training)
                batch = module(batch)
                module.train(False)
        return batch._data

    def of(self, feed: Feed, training: bool) -> Feed:
        """A feed whose rows have gone through."""
        return replace(feed, x=self(feed.x, training))


def split(net: nn.Module) -> tuple[Front | None, nn.Module]:
    """The front of a model's modules, up to the last that changes arrays, and the rest; None and all where there is no
    such front, or nothing behind it.
    """
    steps = getattr(net, "steps", None) or [((name,), (number,)) for number, name in enumerate(net._modules)]
    cut, ready = 0, []
    for number, (names, sources) in enumerate(steps):
        modules = [net._modules[name] for name in names]
        if sources != (number,) or not all(isinstance(module, Changed | Rescaled | Normalized) for module in modules):
            break
        ready += modules
        if any(isinstance(module, Changed) for module in modules):
            cut, front = number + 1, list(ready)
    rest = steps[cut:]
    if not cut or not rest or any(source < cut for _, sources in rest for source in sources):
        return None, net
    behind = OrderedDict((name, net._modules[name]) for names, _ in rest for name in names)
    if isinstance(net, nn.Sequential):
        return Front(front), nn.Sequential(behind)
    moved = tuple((names, tuple(source - cut for source in sources)) for names, sources in rest)
    return Front(front), type(net)(behind, moved)  # type: ignore[call-arg]


class _Through:
    """A loader of batches that have gone through a front: of another, or of rows."""

    batch_sampler = None  # what tells a trainer that this is a loader

    def __init__(self, front: Front, source: Any, size: int, shuffle: bool) -> None:
        self.front, self.source, self.size, self.shuffle = front, source, size, shuffle
        self.dataset = source if isinstance(source, Feed) else source.dataset

    def __len__(self) -> int:
        return -(-len(self.source) // self.size) if isinstance(self.source, Feed) else len(self.source)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        batches = self._rows(self.source) if isinstance(self.source, Feed) else self.source
        return ((self.front(x, True), y) for x, y in batches)

    def _rows(self, feed: Feed) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = random.permutation(len(feed)) if self.shuffle else np.arange(len(feed), dtype=np.int64)
        return (feed.batch(order[start : start + self.size]) for start in range(0, len(feed), self.size))


class FrontTrainer(Trainer):
    """A trainer of what is behind a front."""

    def __init__(self, front: Front, *what: Any, **how: Any) -> None:
        super().__init__(*what, **how)
        self.front = front

    def fit(self, train: Any, val: Any = None, *, batch_size: int = 64, shuffle: bool = True, **how: Any) -> History:
        return super().fit(_Through(self.front, train, batch_size, shuffle), val, **how)

    def step(self, feed: Feed) -> Chunk:
        return super().step(self.front.of(feed, True))

    def outputs_of(self, feed: Feed) -> np.ndarray:
        return super().outputs_of(self.front.of(feed, False))


class FrontEngine(FallbackEngine):
    """An engine that gives the outputs of what is behind a front."""

    def __init__(self, front: Front, net: nn.Module) -> None:
        super().__init__("plan", net)
        self.front = front

    def outputs(self, feed: Feed) -> np.ndarray:
        return super().outputs(self.front.of(feed, False))


def trainer(net: nn.Module, *what: Any, **how: Any) -> Trainer:
    """The one that trains a model."""
    front, rest = split(net)
    return Trainer(rest, *what, **how) if front is None else FrontTrainer(front, rest, *what, **how)


def engine(net: nn.Module) -> FallbackEngine:
    """The one that gives a model's outputs."""
    front, rest = split(net)
    return FallbackEngine("plan", rest) if front is None else FrontEngine(front, rest)
