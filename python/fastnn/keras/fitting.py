"""How a Keras-style fit runs on :class:`fastnn.training.trainer.Trainer`: epochs as logs, lines and callbacks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.html import notebook
from fastnn.keras.callbacks import CallbackList, Logs
from fastnn.keras.losses import Criterion, Loss
from fastnn.keras.metrics import Metric
from fastnn.keras.progress import Progress
from fastnn.training.callbacks import Callback
from fastnn.training.engines import Chunk
from fastnn.training.feed import Feed
from fastnn.training.trainer import Trainer

if TYPE_CHECKING:
    from fastnn.keras.models import Sequential
    from fastnn.keras.samples import Stream

Outputs = Callable[[Feed], np.ndarray]


def packed(rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Targets (N, ...) and weights (N,) as one array (N, numbers + 1), which a feed carries as its targets."""
    flat = rows.reshape(len(rows), -1)
    return np.concatenate([flat, weight[:, None].astype(flat.dtype)], axis=1)


def weighted(loss: Loss, logits: bool) -> Criterion:
    """The criterion of :func:`packed` targets: each sample's loss times its weight, and the mean over all samples."""
    values = loss.values(logits)

    def criterion(p: Tensor, t: Tensor) -> Tensor:
        found = values(p, t[:, :-1].reshape(p.shape))
        weight = t[:, -1:]
        return loss.reduced(found * (weight if found.dim() > 1 else weight.reshape(-1)))

    return criterion


class Meter:
    """The loss and the metrics over what was seen so far: means over samples."""

    def __init__(self, model: Sequential, weights: bool = False, reset: bool = True) -> None:
        self.model = model
        self.weights = weights  # whether targets are packed with them
        self.loss, self.samples = 0.0, 0
        self.metrics: list[Metric] = model.all_metrics
        if reset:
            model.reset_metrics()

    def add(self, losses: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Batches of one size: a loss each, and the outputs and targets of all their samples."""
        size = len(outputs) // len(losses)
        self.loss += float(losses.sum(dtype=np.float64)) * size
        self.samples += len(outputs)
        if not self.metrics:
            return
        weight = None
        if self.weights:
            targets, weight = targets[:, :-1].reshape(outputs.shape), targets[:, -1]
        predictions = self.model.activated(outputs)
        given: np.ndarray | None = None  # in the form that the user has: made where it is asked for
        for metric in self.metrics:
            if metric.compact and targets.ndim == 1:
                y = targets
            else:
                y = given = self.model.loss.as_given(targets, outputs.shape) if given is None else given
            own = weight if metric in self.model.weighted_metrics else None
            step = size if metric.per_batch else len(outputs)
            for i in range(0, len(outputs), step):
                parts = (each[i : i + step] for each in (y, predictions))
                metric.update_state(*parts, *([] if own is None else [own[i : i + step]]))

    def logs(self) -> Logs:
        """By name, sorted as Keras sorts them."""
        values = {metric.name: _number(metric.result()) for metric in self.metrics}
        return dict(sorted({"loss": self.loss / max(self.samples, 1), **values}.items()))


def tested(
    model: Sequential,
    outputs_of: Outputs,
    criterion: Criterion,
    source: Feed | Stream,
    weights: bool,
    heard: CallbackList,
    size: int,
    progress: Progress | None = None,
) -> Logs:
    """Loss and metrics of a feed or of several, by name. A feed all at once, or batch by batch where a callback hears
    of these.
    """
    heard.call("on_test_begin", {})
    meter, logs = Meter(model, weights), {}
    hears = heard.hears("test_batch")
    for number, part in enumerate(
        _slices(source, size if hears else len(source)) if isinstance(source, Feed) else source
    ):
        if hears:
            heard.call("on_test_batch_begin", number, {})
        outputs = outputs_of(part)
        loss = criterion(Tensor(outputs), Tensor(part.y)).detach().numpy().reshape(1)
        meter.add(loss, outputs, part.y)
        logs = meter.logs()
        if hears:
            heard.call("on_test_batch_end", number, dict(logs))
        if progress is not None:
            progress.update(number + 1, logs)
    if not meter.samples:
        raise told(ValueError("the data brought no batch to measure with"), "data.empty")
    heard.call("on_test_end", dict(logs))
    return logs


def _slices(feed: Feed, size: int) -> Iterator[Feed]:
    return (Feed(feed.x[at : at + size], feed.y[at : at + size]) for at in range(0, len(feed), size))


class Fitting(Callback):
    """A trainer's callback that tells Keras' callbacks.

    validate: gives the validation's logs; None: there is none.
    """

    def __init__(
        self,
        model: Sequential,
        callbacks: CallbackList,
        verbose: int,
        weights: bool,
        validate: Callable[[], Logs] | None,
        validation_freq: int,
    ) -> None:
        self.model = model
        self.callbacks = callbacks
        self.verbose = verbose
        self.weights = weights
        self.validate = validate
        self.validation_freq = validation_freq
        self.hears = callbacks.hears("train_batch")
        self.every = 1 if self.hears or model.optimizer.schedule is not None else 0
        self.logs: Logs = {}
        self.output = notebook.renewed(sys.stdout)

    def on_train_begin(self, trainer: Trainer) -> None:
        self.callbacks.call("on_train_begin", {})

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        self.callbacks.call("on_epoch_begin", epoch, {})
        head = f"Epoch {epoch + 1}/{trainer.epochs}" if trainer.epochs > 1 else ""
        self.meter = Meter(self.model, self.weights)
        self.progress = Progress(trainer.steps_per_epoch, self.verbose, head, self.output)
        self._batch_begins(0)

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        self.model.optimizer.stepped(len(chunk.losses))
        self.meter.add(chunk.losses, chunk.outputs, chunk.targets)
        logs = self.meter.logs()
        self.progress.update(trainer.position.step, logs)
        if self.hears:
            self.callbacks.call("on_train_batch_end", chunk.first, dict(logs))
            if chunk.first + 1 < trainer.steps_per_epoch and not self.model.stop_training:
                self._batch_begins(chunk.first + 1)
        trainer.stop_training = self.model.stop_training

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        self.logs = self.meter.logs()
        if self.validate is not None and (epoch + 1) % self.validation_freq == 0:
            self.logs |= {f"val_{name}": value for name, value in self.validate().items()}
        self.callbacks.call("on_epoch_end", epoch, self.logs)
        self.progress.finish(self.logs)
        trainer.stop_training = self.model.stop_training

    def on_train_end(self, trainer: Trainer) -> None:
        self.callbacks.call("on_train_end", self.logs)

    def _batch_begins(self, batch: int) -> None:
        if self.hears:
            self.callbacks.call("on_train_batch_begin", batch, {})


def _number(value: object) -> float:
    """Of what a metric gives: a float, an array, a tensor or a variable."""
    return float(value.detach().numpy() if isinstance(value, Tensor) else value)  # type: ignore[arg-type]
