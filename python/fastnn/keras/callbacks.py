"""Callbacks: what hears of a fit's epochs and batches, and may change its course. Keras' rules and messages."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.keras import metrics
from fastnn.keras.progress import show
from fastnn.training.history import History as _History

if TYPE_CHECKING:
    from fastnn.keras.models import Sequential

Logs = dict[str, float]


class Callback:
    """Base of the callbacks: override what you need. ``self.model`` is the model, ``self.params`` has ``epochs``,
    ``steps`` and ``verbose``.

    Logs are the metrics so far. Overriding a hook of batches makes every batch a call of its own: training is slower.
    """

    def __init__(self) -> None:
        self.model: Sequential = None  # type: ignore[assignment]
        self.params: dict[str, Any] = {}

    def set_model(self, model: Sequential) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last one."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch, counted from 0 in its epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of on_train_batch_begin."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of on_train_batch_end."""

    def hears_batches(self) -> bool:
        """Whether a hook of batches was overridden."""
        return any(
            getattr(type(self), name) is not getattr(Callback, name)
            for name in ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
        )


class History(Callback, _History):
    """What fit returns: ``history.history["val_accuracy"]`` is a value an epoch; ``history.plot()`` draws them."""

    def __init__(self) -> None:
        Callback.__init__(self)
        _History.__init__(self)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.append(epoch, dict(logs or {}))


class LambdaCallback(Callback):
    """Functions in the places of the hooks: ``LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch))``."""

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        self.__dict__.update({name: function for name, function in given.items() if function is not None})

    def hears_batches(self) -> bool:
        return "on_train_batch_begin" in self.__dict__ or "on_train_batch_end" in self.__dict__


class LearningRateScheduler(Callback):
    """``schedule(epoch, lr)`` (or ``schedule(epoch)``) gives each epoch's learning rate."""

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        try:
            rate = self.schedule(epoch, self.model.optimizer.learning_rate)
        except TypeError:
            rate = self.schedule(epoch)
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            show(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.learning_rate


class _Watch(Callback):
    """Base of those that watch one metric.

    monitor: its name in the logs. mode: ``min``, ``max``, or ``auto``: the metric itself tells (``larger_is_better``),
    of a loss the smallest is best. One that does not tell is refused.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{type(self).__name__}: mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.monitor = monitor
        self.min_delta = abs(min_delta)
        self._mode = mode
        self.best = math.nan

    # Whether this one compares values at all.
    compares = True

    def set_model(self, model: Sequential) -> None:
        super().set_model(model)
        if self.compares and self.monitor.removeprefix("val_") in self._metrics():
            self.larger_is_better()  # what cannot be told is refused before the first epoch

    def _metrics(self) -> dict[str, bool | None]:
        """Whether larger is better of the model's metrics, by name."""
        return {metric.name: metric.larger_is_better for metric in self.model.metrics} if self.model else {}

    def larger_is_better(self) -> bool:
        """Whether the metric is to grow.

        Raises:
            ValueError: it does not tell.
        """
        if self._mode != "auto":
            return self._mode == "max"
        name = self.monitor.removeprefix("val_")
        larger = False if name == "loss" else self._metrics().get(name, metrics.larger_is_better(name))
        if larger is None:
            raise ValueError(
                f"{type(self).__name__}(monitor={self.monitor!r}): nothing tells whether more or less of it is better. "
                "Pass mode='max' or mode='min'"
            )
        return larger

    def is_better(self, value: float, than: float) -> bool:
        """By more than min_delta; anything is better than nothing (NaN)."""
        if math.isnan(than):
            return not math.isnan(value)
        return value - self.min_delta > than if self.larger_is_better() else value + self.min_delta < than

    def value_of(self, logs: Logs | None) -> float | None:
        """The metric's present value; None, with a warning, where there is no such metric: training goes on, as in
        Keras.
        """
        if logs is not None and self.monitor in logs:
            return logs[self.monitor]
        warnings.warn(
            f"{type(self).__name__} watches {self.monitor!r}, which this fit does not have, and so does nothing. "
            f"It has: {', '.join(logs or {})}",
            stacklevel=2,
        )
        return None


class EarlyStopping(_Watch):
    """Stops when a metric has not improved for ``patience`` epochs.

    min_delta: a smaller change is no improvement. baseline: to be better than. restore_best_weights: whether the model
    ends with the weights of the best epoch. start_from_epoch: epochs before that are not counted.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best = math.nan
        self.best_epoch = self.wait = self.stopped_epoch = 0
        self.best_weights: list[np.ndarray] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self.value_of(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.is_better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.is_better(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            show(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                show(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(_Watch):
    """Multiplies the learning rate by ``factor`` when a metric has not improved for ``patience`` epochs.

    cooldown: epochs after a reduction that are not counted. min_lr: where it ends.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: factor is {factor}; it must be less than 1")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best = math.nan
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value, optimizer = self.value_of(logs), self.model.optimizer
        if value is None:
            return
        logs["learning_rate"] = optimizer.learning_rate  # type: ignore[index]
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter == 0:
            self.wait += 1
            if self.wait >= self.patience and optimizer.learning_rate > self.min_lr:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        rate = max(self.model.optimizer.learning_rate * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = rate
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            show(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")


class ModelCheckpoint(_Watch):
    """Saves the model after each epoch, or after those that improved a metric (save_best_only).

    filepath: may have ``{epoch:02d}`` (from 1) and metrics such as ``{val_loss:.2f}``. save_weights_only: without the
    architecture.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = self.compares = save_best_only
        self.save_weights_only = save_weights_only

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        path = self._path(epoch, logs or {})
        if not self.save_best_only:
            self._save(path, f"Epoch {epoch + 1}: saving model to {path}")
            return
        value, best = self.value_of(logs), self.best
        if value is None:
            return
        if not self.is_better(value, best):
            if self.verbose:
                show(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {best:.5f}")
            return
        before = "None" if math.isnan(best) else f"{best:.5f}"
        text = f"Epoch {epoch + 1}: {self.monitor} improved from {before} to {value:.5f}, saving model to {path}"
        self.best = value
        self._save(path, text)

    def _path(self, epoch: int, logs: Logs) -> str:
        try:
            return self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            raise ValueError(
                f"ModelCheckpoint: {self.filepath!r} names {error}, which this fit does not have. "
                f"It has: {', '.join(['epoch', *logs])}"
            ) from None

    def _save(self, path: str, text: str) -> None:
        if self.verbose:
            show("\n" + text)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)


class TensorBoard(Callback):
    """Writes each epoch's metrics as TensorBoard event files: ``log_dir/train`` and ``log_dir/validation``.

    histogram_freq: every so many epochs, the distribution of each weight too (0: never).
    """

    def __init__(self, log_dir: str | os.PathLike[str] = "logs", histogram_freq: int = 0) -> None:
        super().__init__()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._writers: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        for name, value in (logs or {}).items():
            kind, metric = ("validation", name[4:]) if name.startswith("val_") else ("train", name)
            self._writer(kind).add_scalar(f"epoch_{metric}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            weights = [(layer.name, *named) for layer in self.model.layers for named in layer.named_weights()]
            for layer, name, values in weights:
                self._writer("train").add_histogram(f"{layer}/{name}", values, epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        for writer in self._writers.values():
            writer.close()

    def _writer(self, kind: str) -> Any:
        from fastnn.io.event_files import SummaryWriter

        if kind not in self._writers:
            self._writers[kind] = SummaryWriter(os.path.join(self.log_dir, kind))
        return self._writers[kind]


class CallbackList:
    """All callbacks of a fit as one."""

    def __init__(self, callbacks: Sequence[Callback], model: Sequential, params: dict[str, Any]) -> None:
        for callback in callbacks:
            if not isinstance(callback, Callback):
                kind = callback.__name__ if isinstance(callback, type) else type(callback).__name__
                raise TypeError(f"callbacks must be Callback objects of fastnn.keras.callbacks, got {kind}")
            callback.set_model(model)
            callback.set_params(params)
        self.callbacks = list(callbacks)
        self.hears_batches = any(callback.hears_batches() for callback in callbacks)

    def call(self, hook: str, *args: Any) -> None:
        """The same hook of each, in order."""
        for callback in self.callbacks:
            getattr(callback, hook)(*args)
