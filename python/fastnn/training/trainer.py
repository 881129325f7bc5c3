"""The training loop: epochs of steps on an engine, with validation, callbacks and a position to resume from."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Criterion, RecordingError
from fastnn.nn.losses import CrossEntropyLoss
from fastnn.nn.module import Module
from fastnn.optim.optimizer import Optimizer
from fastnn.training.engines import Chunk, Pass, PlanEngine, batch_counts, make_engine
from fastnn.training.feed import Feed, as_array, as_feed, convert
from fastnn.training.history import History
from fastnn.training.metrics import RunningAccuracy


class NonFiniteLossError(ArithmeticError):
    """The loss or a parameter became NaN or infinite; the message says where."""


@dataclass
class Position:
    """Where a run stands: ``step`` batches of epoch ``epoch`` (from 0) are done; ``order`` is that epoch's shuffle
    number.
    """

    epoch: int = 0
    step: int = 0
    order: int = 0


class Callback:
    """Hears what a trainer does; override what you need."""

    # A checkpoint is due after every so many steps of the run (0: never): chunks end there.
    every = 0

    def on_train_begin(self, trainer: Trainer) -> None:
        """Before the first step."""

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        """Before the first step of an epoch (also when resumed inside it)."""

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """After some steps; ``trainer.position`` is just behind them."""

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        """After an epoch and its validation."""

    def on_train_end(self, trainer: Trainer) -> None:
        """After the last epoch."""


class Trainer:
    """Trains a model with a criterion and an optimizer.

    engine: ``plan`` (compiled; a model that cannot be recorded falls back to eager, said by ``engine_note``) or
    ``eager``. outputs: whether chunks bring the model's outputs; the history then has the ``accuracy`` of the training
    batches too, each as it was before its step.
    """

    def __init__(
        self,
        model: Module,
        criterion: Criterion,
        optimizer: Optimizer,
        *,
        engine: str = "plan",
        outputs: bool = False,
    ) -> None:
        _check_optimizer(optimizer, model)
        self.model = model
        self.criterion = criterion
        self.optimizer = optimizer
        self.engine = make_engine(engine, model, criterion, optimizer)
        self.engine_note = ""
        self.history = History()
        self.position = Position()
        self.epochs = 0
        self.steps_per_epoch = 0
        self.samples = 0
        self.outputs = outputs
        self.epoch_losses: list[float] = []
        self.epoch_seconds: list[float] = []
        self.stop_training = False

    def fit(
        self,
        train: Any,
        val: Any = None,
        *,
        epochs: int = 10,
        batch_size: int = 64,
        shuffle: bool = True,
        drop_last: bool = False,
        callbacks: Sequence[Callback] = (),
    ) -> History:
        """Trains from :attr:`position` up to ``epochs`` epochs.

        train, val: a data set, a DataLoader (which brings its own batch size and order) or a tuple of arrays (x, y).

        Raises:
            ValueError: batch_size or epochs out of range, data that does not fit the model.
            TypeError: data or callbacks of a wrong kind.
            NonFiniteLossError: the loss became NaN or infinite.
        """
        check_count("batch_size", batch_size, 1)
        check_count("epochs", epochs, 0)
        _check_callbacks(callbacks)
        loader = train if hasattr(train, "batch_sampler") else None
        feed = None if loader is not None else self._feed(train)
        if feed is None and loader is None:
            loader = _loader_of(train, batch_size, shuffle, drop_last)
        self.epochs = epochs
        self.samples = len(feed) if feed is not None else len(loader.dataset)
        self.steps_per_epoch = len(loader) if feed is None else _steps(feed, batch_size, drop_last)
        validation = None if val is None else self._validation_feed(val)
        if feed is not None:
            self._check_recordable(feed, batch_size)
        for callback in callbacks:
            callback.on_train_begin(self)
        while self.position.epoch < epochs and not self.stop_training:
            self._epoch(feed, loader, batch_size, shuffle, drop_last, validation, callbacks)
        self.check_parameters()  # no loss tells of the last update
        for callback in callbacks:
            callback.on_train_end(self)
        return self.history

    def check_parameters(self) -> None:
        """Refuses parameters that are not finite.

        Raises:
            NonFiniteLossError: the first such parameter, and where training stands.
        """
        for name, param in self.model.named_parameters():
            bad = int(np.count_nonzero(~np.isfinite(param._data)))
            if bad:
                where = f"epoch {self.position.epoch + 1} step {self.position.step}"
                raise NonFiniteLossError(
                    f"parameter '{name}' has {bad:,} non-finite values at {where}: training stopped. "
                    f"Try a lower learning rate than {self.optimizer.param_groups[0]['lr']:g}"
                )

    def evaluate(self, data: Any) -> dict[str, float]:
        """Loss (mean over all samples) and, for classes, accuracy."""
        feed = self._validation_feed(data)
        outputs = self.outputs_of(feed)
        accuracy = RunningAccuracy()
        accuracy.add(outputs, feed.y)
        return {"loss": float(self.criterion(Tensor(outputs), Tensor(feed.y)).item()), **accuracy.metrics()}

    # -- one epoch ---------------------------------------------------------------------------------------------------

    def _epoch(
        self,
        feed: Feed | None,
        loader: Any,
        batch_size: int,
        shuffle: bool,
        drop_last: bool,
        validation: Feed | None,
        callbacks: Sequence[Callback],
    ) -> None:
        epoch, started = self.position.epoch, time.perf_counter()
        if self.position.step == 0:
            self.epoch_losses = []
        accuracy = RunningAccuracy()
        for callback in callbacks:
            callback.on_epoch_begin(self, epoch)
        if feed is not None:
            order = self._order(len(feed), shuffle)
            first, limit = self.position.step, self._limit(callbacks)
            chunks = self.engine.epoch(Pass(feed, order, batch_size, first, limit, drop_last, self.outputs))
        else:
            order = None
            chunks = self._loader_chunks(loader)
        for chunk in chunks:
            self.epoch_losses += chunk.losses.tolist()
            if chunk.outputs is not None:
                accuracy.add(chunk.outputs, chunk.targets)
            self._check_loss(chunk, order, batch_size)
            self.position.step = chunk.first + len(chunk.losses)
            for callback in callbacks:
                callback.on_chunk(self, chunk)
            if self.stop_training:  # within an epoch, which ends here
                break
        self.position = Position(epoch + 1, 0, self.position.order)
        metrics = {"loss": _mean(self.epoch_losses), **accuracy.metrics()}
        if validation is not None:
            metrics |= {f"val_{name}": value for name, value in self.evaluate(validation).items()}
        self.history.append(epoch, metrics)
        self.epoch_seconds.append(time.perf_counter() - started)
        for callback in callbacks:
            callback.on_epoch_end(self, epoch, metrics)

    def _order(self, samples: int, shuffle: bool) -> np.ndarray:
        """This epoch's order: a new shuffle at its start, the same one again where a run resumes inside it."""
        if not shuffle:
            return np.arange(samples, dtype=np.int64)
        if self.position.step == 0:
            self.position.order = random.state.orders
        else:
            random.state.orders = self.position.order
        return random.permutation(samples)

    def _limit(self, callbacks: Sequence[Callback]) -> Any:
        """The step at which the chunk that starts at a step must end: the next checkpoint of any callback."""
        periods = [callback.every for callback in callbacks if callback.every > 0]
        before = self.position.epoch * self.steps_per_epoch
        return lambda step: min(
            (step + period - (before + step) % period for period in periods), default=self.steps_per_epoch
        )

    def _loader_chunks(self, loader: Iterable[Any]) -> Iterable[Chunk]:
        for step, batch in enumerate(loader):
            if step >= self.position.step:
                yield self._chunk(step, *self._pair(batch))

    def _chunk(self, step: int, x: np.ndarray, y: np.ndarray) -> Chunk:
        try:
            return self.engine.chunk(step, x, y, self.outputs)
        except RecordingError as error:
            self._fall_back(error)
            return self.engine.chunk(step, x, y, self.outputs)

    def outputs_of(self, feed: Feed) -> np.ndarray:
        """The model's outputs for every row of a feed, in evaluation mode."""
        try:
            return self.engine.outputs(feed)
        except RecordingError as error:
            self._fall_back(error)
            return self.engine.outputs(feed)

    def _feed(self, data: Any) -> Feed | None:
        feed = as_feed(data)
        return feed and feed.converted(self._dtype)

    def _pair(self, batch: Any) -> tuple[np.ndarray, np.ndarray]:
        """x and y of a loader's batch, floating-point numbers as the model has them."""
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise TypeError(f"a batch must be a pair (x, y), got {type(batch).__name__}: {str(batch)[:60]}")
        x, y = (as_array(part, name) for part, name in zip(batch, "xy", strict=True))
        return convert("input", x, self._dtype), convert("target", y, self._dtype)

    @property
    def _dtype(self) -> np.dtype:
        """Of the model's numbers."""
        return next((p._data.dtype for p in self.model.parameters()), np.dtype(np.float32))

    def _check_recordable(self, feed: Feed, batch_size: int) -> None:
        """Records the plan now, so that a model that stays eager, or labels that do not fit, are known before the
        first step.
        """
        x, y = feed.batch(np.arange(min(batch_size, len(feed)), dtype=np.int64))
        shape: tuple[int, ...] = ()
        if isinstance(self.engine, PlanEngine):
            try:
                shape = self.engine.plan.train_program(x, y).output_shape
            except RecordingError as error:
                self._fall_back(error)
        if isinstance(self.criterion, CrossEntropyLoss):
            shape = shape or self.outputs_of(Feed(x[:1], y[:1])).shape
            _check_labels(shape[-1], feed.y)

    def _fall_back(self, error: RecordingError) -> None:
        self.engine_note = str(error)
        self.engine = make_engine("eager", self.model, self.criterion, self.optimizer)

    def _check_loss(self, chunk: Chunk, order: np.ndarray | None, batch_size: int) -> None:
        bad = next((i for i, loss in enumerate(chunk.losses) if not math.isfinite(loss)), None)
        if bad is None:
            return
        step = chunk.first + bad
        where = f"epoch {self.position.epoch + 1} step {step}"
        if order is not None:
            ids = order[step * batch_size : (step + 1) * batch_size].tolist()
            where += f" (batch: sample ids {', '.join(map(str, ids[:5]))}{', ...' if len(ids) > 5 else ''})"
        lr = self.optimizer.param_groups[0]["lr"]
        raise NonFiniteLossError(
            f"loss became {chunk.losses[bad]:g} at {where}: training stopped. Try a lower learning rate than {lr:g}, "
            f"or look at these samples"
        )

    def _validation_feed(self, data: Any) -> Feed:
        feed = self._feed(data)
        if feed is not None:
            return feed
        loader = data if hasattr(data, "batch_sampler") else _loader_of(data, 1000, False, False)
        batches = [self._pair(batch) for batch in loader]
        if not batches:
            raise ValueError("the data set is empty: there is nothing to evaluate")
        return Feed(np.concatenate([x for x, _ in batches]), np.concatenate([y for _, y in batches]))


def check_count(name: str, value: Any, least: int) -> None:
    """An integer of at least ``least``; TypeError or ValueError that names it otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name} is {value}; it must be >= {least}")


def _steps(feed: Feed, batch_size: int, drop_last: bool) -> int:
    full, rest = batch_counts(len(feed), batch_size, drop_last)
    if full == 0 and rest == 0:
        raise ValueError(
            f"data set has {len(feed)} samples, batch_size is {batch_size} and drop_last is on: no batch would be "
            f"trained"
        )
    return full + (rest > 0)


def _check_optimizer(optimizer: Any, model: Module) -> None:
    if not isinstance(optimizer, Optimizer):
        kind = optimizer.__name__ if isinstance(optimizer, type) else type(optimizer).__name__
        raise TypeError(f"optimizer must be an optimizer of the model's parameters, such as Adam(...), got {kind}")
    own = {id(param) for param in model.parameters()}
    if own.isdisjoint(id(param) for group in optimizer.param_groups for param in group["params"]):
        raise ValueError("the optimizer has none of this model's parameters: make it with model.parameters()")


def _check_callbacks(callbacks: Sequence[Any]) -> None:
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks must be fastnn.trainer.Callback objects, got {type(callback).__name__}")


def _loader_of(dataset: Any, batch_size: int, shuffle: bool, drop_last: bool) -> Any:
    if isinstance(dataset, np.ndarray | Tensor | str) or not hasattr(dataset, "__getitem__"):
        kind = type(dataset).__name__
        raise TypeError(f"expected a data set, a DataLoader or a tuple (x, y) of arrays, got {kind}")
    from fastnn.data.loader import DataLoader

    return DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last)


def _check_labels(classes: int, y: np.ndarray) -> None:
    """Class numbers of a whole set, once: a wrong one is named before training starts."""
    wrong = np.flatnonzero((y < 0) | (y >= classes))
    if len(wrong):
        raise ValueError(
            f"label {y[wrong[0]]} at sample {wrong[0]} is outside 0..{classes - 1}: the last layer has {classes} "
            f"outputs"
        )


def _mean(values: Sequence[float]) -> float:
    """The mean as Python adds: exactly rounded (math.fsum), the same everywhere."""
    return math.fsum(values) / len(values) if values else math.nan
