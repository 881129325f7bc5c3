"""Callbacks: what hears of a fit's epochs and batches, and may change its course. Keras' rules and messages."""

from __future__ import annotations

import contextlib
import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.keras import metrics
from fastnn.keras.file_names import check_ending
from fastnn.keras.named import check_named
from fastnn.keras.progress import show
from fastnn.text import kind_of
from fastnn.training.callbacks import LiveCurve as _LiveCurve
from fastnn.training.history import History as _History

if TYPE_CHECKING:
    from fastnn.keras.models import Sequential

Logs = dict[str, float]


class Callback:
    """Base of the callbacks: override what you need. ``self.model`` is the model, ``self.params`` has ``epochs``,
    ``steps`` and ``verbose``.

    Logs are the metrics so far. Overriding a hook of batches makes every batch a call of its own: training is slower.
    """

    def __new__(cls, *_: Any, **given: Any) -> Any:
        check_named(cls, given)
        return super().__new__(cls)

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

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before evaluate, or the validation of a fit."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After it."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of it."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of it."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before predict."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After it."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of it."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of it; logs have its ``outputs``."""

    def hears(self, kind: str) -> bool:
        """Whether a hook of batches was overridden (or assigned): of ``train_batch``, ``test_batch`` or
        ``predict_batch``.
        """
        return self._overrides(kind, Callback)

    def _overrides(self, kind: str, base: type[Callback]) -> bool:
        """The same, of the hooks that a base has."""
        names = [f"on_{kind}_begin", f"on_{kind}_end"]
        names += ["on_batch_begin", "on_batch_end"] if kind == "train_batch" else []
        return any(name in self.__dict__ or getattr(type(self), name) is not getattr(base, name) for name in names)

    def hears_batches(self) -> bool:
        """Whether a hook of training batches was overridden."""
        return self.hears("train_batch")


class History(Callback, _History):
    """What fit returns: ``history.history["val_accuracy"]`` is a value an epoch; ``history.plot()`` draws them."""

    def __init__(self) -> None:
        Callback.__init__(self)
        _History.__init__(self)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.append(epoch, dict(logs or {}))


class LiveCurve(Callback):
    """Draws the curves of all metrics in the running cell of a notebook, anew after each epoch (not in Keras). Warns
    elsewhere, where nothing is drawn.
    """

    def __init__(self) -> None:
        super().__init__()
        self._curve = _LiveCurve()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._curve = _LiveCurve()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._curve.update(**(logs or {}))


class LambdaCallback(Callback):
    """Functions in the places of the hooks: ``LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch))``."""

    def __init__(self, **hooks: Callable | None) -> None:
        super().__init__()
        known = [name for name in dir(Callback) if name.startswith("on_")]
        for name, function in hooks.items():
            if name not in known:
                raise TypeError(f"LambdaCallback: there is no hook {name!r}. There are: {', '.join(known)}")
            if function is not None:
                setattr(self, name, function)


class LearningRateScheduler(Callback):
    """``schedule(epoch, lr)`` (or ``schedule(epoch)``) gives each epoch's learning rate."""

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        try:
            rate = self.schedule(epoch, float(self.model.optimizer.learning_rate))
        except TypeError:
            rate = self.schedule(epoch)
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            show(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


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
        return {metric.name: metric.larger_is_better for metric in self.model.all_metrics} if self.model else {}

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
        logs["learning_rate"] = float(optimizer.learning_rate)  # type: ignore[index]
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
        rate = max(float(self.model.optimizer.learning_rate) * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = rate
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            show(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")


class ModelCheckpoint(_Watch):
    """Saves the model after each epoch, or after those that improved a metric (save_best_only).

    filepath: may have ``{epoch:02d}`` (from 1) and metrics such as ``{val_loss:.2f}``. save_weights_only: without the
    architecture. save_freq: ``epoch``, or a number of batches. period: after every so many epochs.
    initial_value_threshold: what is to be improved first.

    Raises:
        ValueError: a filepath that says another format (but .h5), or another save_freq.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        period: int = 1,
    ) -> None:
        super().__init__(monitor, mode)
        if not save_weights_only:
            check_ending(filepath, architecture=True)
        if save_freq != "epoch" and (isinstance(save_freq, str) or save_freq < 1):
            raise ValueError(f"ModelCheckpoint: save_freq is {save_freq!r}; it must be 'epoch' or a number of batches")
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = self.compares = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.period = period
        self.best = math.nan if initial_value_threshold is None else initial_value_threshold
        self._batches = self._epoch = 0

    def hears(self, kind: str) -> bool:
        """Of training batches, where save_freq counts these."""
        counts = kind == "train_batch" and self.save_freq != "epoch"
        return counts or self._overrides(kind, ModelCheckpoint)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self.save_freq != "epoch" and self._batches % int(self.save_freq) == 0:
            self._consider(self._epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch" and (epoch + 1) % self.period == 0:
            self._consider(epoch, logs)

    def _consider(self, epoch: int, logs: Logs | None) -> None:
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

    histogram_freq: every so many epochs, the distribution of each weight too (0: never). write_images: at those, the
    kernels as pictures. write_graph: the layers, as the text ``keras``. update_freq: ``epoch``, or ``batch`` or a
    number of batches: the training metrics so far, too. profile_batch, batch_size: change nothing.

    Raises:
        ValueError: embeddings or gradients, which there are none of, or another update_freq.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
        batch_size: int | None = None,
        write_grads: bool = False,
    ) -> None:
        super().__init__()
        if embeddings_freq or embeddings_metadata:
            raise ValueError("TensorBoard: there are no embeddings to write: leave embeddings_freq at 0")
        if write_grads:
            raise ValueError("TensorBoard: gradients are not kept: histogram_freq writes the weights")
        if update_freq not in ("epoch", "batch") and (isinstance(update_freq, str) or update_freq < 1):
            raise ValueError(f"TensorBoard: update_freq is {update_freq!r}; it must be 'epoch', 'batch' or a number")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = update_freq
        self._step = 0

    def hears(self, kind: str) -> bool:
        """Of training batches, where update_freq asks for these."""
        counts = kind == "train_batch" and self.update_freq != "epoch"
        return counts or self._overrides(kind, TensorBoard)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self.update_freq == "epoch":
            return
        every = 1 if self.update_freq == "batch" else int(self.update_freq)
        self._step += 1
        if self._step % every == 0:
            for name, value in (logs or {}).items():
                self._writer("train").add_scalar(f"batch_{name}", value, self._step)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._began = time.perf_counter()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._writers: dict[str, Any] = {}
        if self.write_graph:
            with contextlib.suppress(ValueError):  # a layer with a function of the user's has no description
                self._writer("train").add_text("keras", self.model.to_json(), 0)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        for name, value in (logs or {}).items():
            kind, metric = ("validation", name[4:]) if name.startswith("val_") else ("train", name)
            self._writer(kind).add_scalar(f"epoch_{metric}", value, epoch)
        if self.write_steps_per_second:
            pace = self.params["steps"] / max(time.perf_counter() - self._began, 1e-9)
            self._writer("train").add_scalar("epoch_steps_per_second", pace, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            weights = [(layer.name, *named) for layer in self.model.layers for named in layer.named_weights()]
            for layer, name, values in weights:
                self._writer("train").add_histogram(f"{layer}/{name}", values, epoch)
                if self.write_images and values.ndim == 2:
                    self._writer("train").add_image(f"{layer}/{name}", _as_picture(values), epoch)
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


class TerminateOnNaN(Callback):
    """Where the loss becomes NaN or infinite, training ends with a line instead of an error."""


class CSVLogger(Callback):
    """Writes each epoch's metrics as a line of a CSV file: ``epoch`` and the names in alphabetical order.

    append: go on with a file that is there. A line that cannot be written (a full disk) is said once; training goes on.
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._names: list[str] = []
        self._failed = False
        if self.append and os.path.exists(self.filename):
            with open(self.filename, encoding="utf-8") as file:
                self._names = file.readline().strip().split(self.separator)[1:]
        else:
            open(self.filename, "w", encoding="utf-8").close()
        self.append = True  # a second fit goes on

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        values = logs or {}
        cells: list[Any] = []
        if not self._names or self._names == [""]:
            self._names = sorted(values)
            cells = [["epoch", *self._names]]
        cells.append([epoch, *(values.get(name, "NA") for name in self._names)])
        text = "".join(self.separator.join(map(str, row)) + "\n" for row in cells)
        try:
            with open(self.filename, "a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            if not self._failed:
                warnings.warn(f"{self.filename}: cannot be written ({error}); training goes on", stacklevel=2)
            self._failed = True


class CallbackList:
    """All callbacks of a fit as one."""

    def __init__(self, callbacks: Sequence[Callback], model: Sequential, params: dict[str, Any]) -> None:
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(
                    f"callbacks must be Callback objects of fastnn.keras.callbacks, got {kind_of(callback)}"
                )
            callback.set_model(model)
            callback.set_params(params)
        self.callbacks = list(callbacks)

    def hears(self, kind: str) -> bool:
        """Whether any has a hook of such batches."""
        return any(callback.hears(kind) for callback in self.callbacks)

    def call(self, hook: str, *args: Any) -> None:
        """The same hook of each, in order."""
        for callback in self.callbacks:
            getattr(callback, hook)(*args)


def _as_picture(values: np.ndarray) -> np.ndarray:
    """A matrix as a grey picture (1, height, width), from its lowest to its highest number."""
    low, high = float(values.min()), float(values.max())
    return ((values - low) / (high - low or 1))[None].astype(np.float32)
