"""The training loop: epochs of steps on an engine, with validation, callbacks and a position to resume from."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.arrays import is_integer
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Criterion, Plan, check_parts
from fastnn.errors import NonFiniteLossError, told
from fastnn.nn import functional, losses
from fastnn.nn.convolution import Conv2d
from fastnn.nn.module import Module
from fastnn.optim.optimizer import Optimizer
from fastnn.text import kind_of
from fastnn.training.batches import Batches, FeedBatches, Position, batches_of, whole_feed
from fastnn.training.callbacks import Callback
from fastnn.training.engines import Chunk, EagerEngine, FallbackEngine, PlanEngine, StepLimit
from fastnn.training.feed import Feed, check_labels
from fastnn.training.history import History
from fastnn.training.input_range import range_of, warn_if_unlike
from fastnn.training.metrics import RunningMetrics

if TYPE_CHECKING:
    from fastnn.data.augment import Augment


class Trainer:
    """Trains a model with a criterion and an optimizer.

    engine: ``plan`` (compiled; a model that cannot be recorded falls back to eager, said by ``engine_note``) or
    ``eager``. outputs: whether chunks bring the model's outputs; the history then has the ``accuracy`` of the training
    batches too (of numbers ``r2``), each as it was before its step.

    >>> import fastnn, numpy as np
    >>> model, loss = fastnn.nn.Linear(3, 2), fastnn.nn.CrossEntropyLoss()
    >>> trainer = fastnn.Trainer(model, loss, fastnn.optim.SGD(model.parameters(), lr=0.1))
    >>> history = trainer.fit((np.eye(3, dtype="f4"), np.array([0, 1, 0])), epochs=2)
    >>> len(history.history["loss"])
    2
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
        check_parts(model, criterion, optimizer)
        self.model = model
        self.criterion = criterion
        self.optimizer = optimizer
        self._engine = FallbackEngine(engine, model, criterion, optimizer)
        self.history = History()
        self.position = Position()
        self.epochs = 0
        self.steps_per_epoch = 0
        self.samples = 0
        self.outputs = outputs
        self.epoch_losses: list[float] = []
        self.epoch_accuracy = self._new_metrics()
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
        augment: Augment | None = None,
    ) -> History:
        """Trains from :attr:`position` up to ``epochs`` epochs, those of fits before among them; warns where there is
        nothing to do. A callback ends it: ``trainer.stop_training = True``.

        train, val: a data set, a DataLoader (which brings its own batch size and order) or a tuple of arrays (x, y).
        augment: what becomes of the images of train, a data set's, in each epoch.

        Raises:
            ValueError: batch_size or epochs out of range, data that does not fit the model.
            TypeError: data or callbacks of a wrong kind.
            NonFiniteLossError: the loss became NaN or infinite.
        """
        batch_size, epochs = check_count("batch_size", batch_size, 1), check_count("epochs", epochs, 0)
        _check_callbacks(callbacks)
        batches = batches_of(train, self._dtype, batch_size, shuffle, drop_last)
        if augment is not None:
            batches.augment(augment)
        if self.epochs and 0 < epochs <= (done := self.position.epoch):
            text = f"epochs={epochs} counts the {done} that this trainer has made: nothing was trained"
            warnings.warn(f"{text}. epochs={done + epochs} goes on", stacklevel=2)
        self.epochs, self.stop_training = epochs, False
        self.samples, self.steps_per_epoch = batches.samples, batches.steps
        validation = None if val is None else whole_feed(val, self._dtype)
        if isinstance(batches, FeedBatches):
            if any(isinstance(module, Conv2d) for module in self.model.modules()):
                batches.feed = batches.feed.channels_last()
            self._check_recordable(batches.feed, batch_size)
        remember = getattr(self.model, "_remember", None)  # of a Network
        if remember is not None:
            remember(self.criterion, train, batches.feed if isinstance(batches, FeedBatches) else None)
        if validation is not None and isinstance(batches, FeedBatches):
            warn_if_unlike(range_of(batches.feed), validation, stacklevel=2)
        for callback in callbacks:
            callback.on_train_begin(self)
        while self.position.epoch < epochs and not self.stop_training:
            self._epoch(batches, validation, callbacks)
        self.check_parameters()  # no loss tells of the last update
        for callback in callbacks:
            callback.on_train_end(self)
        return self.history

    @property
    def engine(self) -> PlanEngine | EagerEngine:
        """What runs the steps now."""
        return self._engine.engine

    @property
    def engine_note(self) -> str:
        """Why a model that was to be compiled stays eager; empty where it does not."""
        return self._engine.note

    def hand_over(self) -> Plan | None:
        """The plan of its steps, for another trainer of the same model; None where it has none."""
        return self._engine.hand_over()

    def take_over(self, plan: Plan) -> None:
        """Goes on with a plan of the same model, where nothing would be recorded otherwise with this trainer's."""
        self._engine.take_over(plan)

    def is_current(self) -> bool:
        """Whether what was recorded of the model is how it is now, as far as that can be known."""
        return self._engine.is_current()

    def step(self, feed: Feed) -> Chunk:
        """One step on all rows of a feed, with the outputs before it; callbacks and history hear nothing of it."""
        return self._engine.chunk(0, *feed.batch(np.arange(len(feed), dtype=np.int64)), True)

    def outputs_of(self, feed: Feed) -> np.ndarray:
        """The model's outputs for every row of a feed, in evaluation mode."""
        return self._engine.outputs(feed)

    def check_parameters(self) -> None:
        """Refuses parameters that are not finite.

        Raises:
            NonFiniteLossError: the first such parameter, and where training stands.
        """
        for name, param in self.model.named_parameters():
            if param._is_finite():
                continue
            bad = int(np.count_nonzero(~np.isfinite(param._data)))
            where = f"epoch {self.position.epoch + 1} step {self.position.step}"
            text = (
                f"parameter '{name}' has {bad:,} non-finite values at {where}: training stopped. "
                f"Try a lower learning rate than {self.optimizer.param_groups[0]['lr']:g}"
            )
            raise told(NonFiniteLossError(text), "parameter.finite", name=name, count=bad)

    def evaluate(self, data: Any) -> dict[str, float]:
        """Loss (mean over all samples) and, for classes, accuracy; for numbers R2."""
        feed = whole_feed(data, self._dtype)
        outputs = self.outputs_of(feed)
        found = self._new_metrics()
        found.add(outputs, feed.y)
        return {"loss": float(self.criterion(Tensor(outputs), Tensor(feed.y)).item()), **found.metrics()}

    def _new_metrics(self) -> RunningMetrics:
        return RunningMetrics(predicts_numbers(self.criterion), _YES.get(loss_class(self.criterion)))

    # -- one epoch ---------------------------------------------------------------------------------------------------

    def _epoch(self, batches: Batches, validation: Feed | None, callbacks: Sequence[Callback]) -> None:
        epoch, started = self.position.epoch, time.perf_counter()
        if self.position.step == 0:
            self.epoch_losses, self.epoch_accuracy = [], self._new_metrics()
        for callback in callbacks:
            callback.on_epoch_begin(self, epoch)
        for chunk in batches.chunks(self._engine, self.position, self._limit(callbacks), self.outputs):
            self.epoch_losses += chunk.losses.tolist()
            if chunk.outputs is not None:
                self.epoch_accuracy.add(chunk.outputs, chunk.targets)
            self._check_loss(chunk, batches)
            self.position.step = chunk.first + len(chunk.losses)
            for callback in callbacks:
                callback.on_chunk(self, chunk)
            if self.stop_training:  # within an epoch, which ends here
                break
        self.epoch_seconds.append(time.perf_counter() - started)  # of training alone
        self.position = Position(epoch + 1, 0, self.position.order)
        metrics = {"loss": _mean(self.epoch_losses), **self.epoch_accuracy.metrics()}
        if validation is not None:
            metrics |= {f"val_{name}": value for name, value in self.evaluate(validation).items()}
        self.history.append(epoch, metrics)
        for callback in callbacks:
            callback.on_epoch_end(self, epoch, metrics)

    def _limit(self, callbacks: Sequence[Callback]) -> StepLimit:
        """The step at which the chunk that starts at a step must end: the next checkpoint of any callback."""
        periods = [callback.every for callback in callbacks if callback.every > 0]
        before = self.position.epoch * self.steps_per_epoch
        return lambda step: min(
            (step + period - (before + step) % period for period in periods), default=self.steps_per_epoch
        )

    @property
    def _dtype(self) -> np.dtype:
        """Of the model's numbers."""
        return next((p._storage.dtype for p in self.model.parameters()), np.dtype(np.float32))

    def _check_recordable(self, feed: Feed, batch_size: int) -> None:
        """Records the plan now, so that a model that stays eager, or labels that do not fit, are known before the
        first step.
        """
        shape = self._engine.prepare(feed, batch_size)
        if isinstance(self.criterion, losses.CrossEntropyLoss):
            shape = shape or self.outputs_of(feed.first(1)).shape
            check_labels(feed.y, shape[-1])

    def _check_loss(self, chunk: Chunk, batches: Batches) -> None:
        bad = next((i for i, loss in enumerate(chunk.losses) if not math.isfinite(loss)), None)
        if bad is None:
            return
        step = chunk.first + bad
        epoch = self.position.epoch + 1
        where = f"epoch {epoch} step {step}"
        ids = batches.sample_ids(step)
        if ids:
            where += f" (batch: sample ids {', '.join(map(str, ids[:5]))}{', ...' if len(ids) > 5 else ''})"
        loss, lr = float(chunk.losses[bad]), self.optimizer.param_groups[0]["lr"]
        text = (
            f"loss became {loss:g} at {where}: training stopped. "
            f"Try a lower learning rate than {lr:g}, or look at these samples"
        )
        raise told(NonFiniteLossError(text), "loss.finite", loss=loss, epoch=epoch, step=step, lr=lr)


# Above what an output says yes, by the loss: logits and probabilities.
_YES = {losses.BCEWithLogitsLoss: 0, losses.BCELoss: 0.5}

_OF_FUNCTIONS = {
    functional.cross_entropy: losses.CrossEntropyLoss,
    functional.nll_loss: losses.NLLLoss,
    functional.mse_loss: losses.MSELoss,
    functional.binary_cross_entropy_with_logits: losses.BCEWithLogitsLoss,
    functional.binary_cross_entropy: losses.BCELoss,
    functional.l1_loss: losses.L1Loss,
    functional.smooth_l1_loss: losses.SmoothL1Loss,
    functional.huber_loss: losses.HuberLoss,
    functional.kl_div: losses.KLDivLoss,
    functional.soft_margin_loss: losses.SoftMarginLoss,
    functional.poisson_nll_loss: losses.PoissonNLLLoss,
}


def loss_class(criterion: Criterion) -> Any:
    """A loss's class; of a function of :mod:`fastnn.nn.functional` the class that does the same."""
    return next((kind for function, kind in _OF_FUNCTIONS.items() if function is criterion), type(criterion))


def predicts_numbers(criterion: Criterion) -> bool:
    """Whether a loss says how far numbers are from others, for which there is R2."""
    return issubclass(loss_class(criterion), losses.MSELoss | losses.L1Loss | losses.SmoothL1Loss | losses.HuberLoss)


def check_count(name: str, value: Any, least: int) -> int:
    """An integer of at least ``least``; TypeError or ValueError that names it otherwise."""
    if not is_integer(value):
        raise TypeError(f"{name} must be an integer, got {value!r:.80}")
    if value < least:
        text = f"{name} is {value}; it must be >= {least}"
        raise told(ValueError(text), "count.range", name=name, value=str(value), least=least)
    return int(value)


def _check_callbacks(callbacks: Sequence[Any]) -> None:
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks must be fastnn.training.callbacks.Callback objects, got {kind_of(callback)}")


def _mean(values: Sequence[float]) -> float:
    """The mean as Python adds: exactly rounded (math.fsum), the same everywhere."""
    return math.fsum(values) / len(values) if values else math.nan
