"""From what a user gives to what a trainer takes: feeds, streams of batches, what to validate with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import random
from fastnn.errors import fault_of, retold, told
from fastnn.keras import fitting, samples
from fastnn.keras.samples import Samples
from fastnn.training.feed import Feed, as_array, check_finite
from fastnn.training.input_range import range_of, warn_if_unlike

if TYPE_CHECKING:
    from fastnn.keras.callbacks import CallbackList, Logs
    from fastnn.keras.losses import Loss


class Sources:
    """The part of a model that turns data into feeds."""

    if TYPE_CHECKING:
        _layers: list[Any]
        _input: tuple[int, ...] | None
        seen: list[float] | None
        loss: Loss
        stop_training: bool
        built: bool
        input_shape: tuple[int | None, ...]
        output_shape: tuple[int | None, ...]
        build: Callable[..., None]
        _outputs_of: Callable[..., Any]
        _criterion: Callable[..., Any]
        _tested: Callable[..., Logs]

    def _training_data(
        self, x: Any, y: Any, weight: Any, class_weight: Any, share: float, held_out: Any
    ) -> tuple[Any, Any]:
        """What to train on, and to validate with (None: nothing)."""
        if samples.brings_batches(x):
            if share:
                raise ValueError("validation_split needs rows, not batches: give validation_data")
            return x, held_out
        data = Samples.of(x, y, weight)
        if held_out is None:
            data, held_out = samples.split(data, share)
        return data.by_class(class_weight), held_out

    def _source(self, data: Any, size: int, shuffle: bool, steps: int | None, class_weight: Any) -> tuple[Any, bool]:
        """What a trainer trains on, and whether its targets are packed with weights."""
        weights = class_weight is not None or (isinstance(data, Samples) and data.weight is not None)
        if isinstance(data, Samples):
            feed = self._feed(data, weights)
            self.seen = range_of(feed)
            if steps is None:
                return feed, weights
            return samples.Stream(lambda: _batches(feed, size, shuffle), steps, lambda pair: pair, self._stop), weights
        steps = samples.steps_in(data, "steps_per_epoch") if steps is None else steps
        once = hasattr(data, "__next__")
        first = next(iter(samples.batches_in(data)), None)
        if first is None:
            raise told(ValueError("the data set is empty: it brought no batch"), "data.empty")
        weights = weights or samples.parts_of(first)[2] is not None

        def packed(batch: Any) -> Any:
            rows = Samples.of(*samples.parts_of(batch), class_weight)
            feed = self._feed(rows, weights)
            return feed.x, feed.y

        self.seen = range_of(Feed(*packed(first)))  # and what does not fit is known before the first step
        passes = iter([chain([first], data)]) if once else iter(lambda: samples.batches_in(data), None)
        return samples.Stream(partial(next, passes, ()), steps, packed, self._stop), weights

    def _validation(self, data: Any, size: int, steps: int | None, heard: CallbackList) -> Any:
        """A function that measures; None where there is nothing to measure with."""
        if data is None:
            return None
        if samples.brings_batches(data):
            return lambda: self._tested(samples.gathered(data, steps, "validation_steps"), size, heard)
        rows = data if isinstance(data, Samples) else Samples.of(*_two_or_three(data))
        rows = rows.rows(slice(None if steps is None else steps * size))
        weights = rows.weight is not None
        feed, outputs_of, criterion = self._feed(rows, weights), self._outputs_of(weights), self._criterion(weights)
        warn_if_unlike(self.seen, feed, stacklevel=3)
        return lambda: fitting.tested(self, outputs_of, criterion, feed, weights, heard, size)

    def _stop(self) -> None:
        self.stop_training = True

    def _inputs(self, x: Any) -> np.ndarray:
        """x as the model takes it, float32; a model without a shape is built for it.

        Raises:
            ValueError: another shape, or values that are not finite.
        """
        array = as_array(x, "x")
        if array.ndim == 0:
            raise ValueError("x is a single number: it needs a row for each sample")
        if array.ndim == 1:
            array = array[:, None]  # Keras: a number is a sample of one feature
        if not self.built and self._input is None:
            self.build((None, *array.shape[1:]))
        array = _with_channels(array, self.input_shape)
        if (None, *array.shape[1:]) != self.input_shape:
            layer, kind = self._layers[0].name, type(self._layers[0]).__name__
            text = f"layer '{layer}' ({kind}) takes inputs of shape {self.input_shape}, x has shape {array.shape}"
            text += _advice(array.shape[1:], self.input_shape[1:])  # type: ignore[arg-type]
            error = ValueError(text)
            raise told(error, "layer.shape", layer=layer, kind=kind, wanted=self.input_shape, shape=array.shape)
        array = np.ascontiguousarray(array, dtype=np.float32)
        check_finite("x", array)
        return array

    def _feed(self, data: Samples, weights: bool) -> Feed:
        """Rows as the trainer takes them; weights: whether they are packed with the targets."""
        inputs = self._inputs(data.x)
        shape = (len(data), *self.output_shape[1:])
        try:
            targets = self.loss.targets(data.y, shape)
        except ValueError as error:
            if data.y.ndim > 2 or len(shape) < 3:
                raise
            text = f"{error}; the model gives a row of outputs for each place {shape[1:-1]}: put Flatten() or "
            raise retold(
                ValueError(text + "GlobalAveragePooling2D() before its first Dense"), fault_of(error)
            ) from None
        if weights:
            own = np.ones(len(data), dtype=np.float32) if data.weight is None else data.weight
            targets = fitting.packed(self.loss.rows(targets, shape), own)
        if targets.dtype.kind == "f":
            targets = targets.astype(np.float32)
            check_finite("y", targets)
        return Feed(inputs, np.ascontiguousarray(targets))


def _with_channels(x: np.ndarray, wanted: tuple[int | None, ...]) -> np.ndarray:
    """x with a last axis of one where the model has that alone besides, or without it where x has it: as Keras."""
    if x.ndim == len(wanted) - 1 and wanted[-1] == 1:
        return x[..., None]
    return x[..., 0] if x.ndim == len(wanted) + 1 and x.shape[-1] == 1 else x


def _advice(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """What to do about samples of another shape than is wanted, where that is plain."""
    if len(wanted) != 3:
        return ""
    channels = wanted[-1]
    if shape == (channels, *wanted[:2]):
        return "; its channels come first: x.transpose(0, 2, 3, 1)"
    if shape in (wanted[:2], (*wanted[:2], 1)):
        grey = "x" if len(shape) == 3 else "x[..., None]"
        return f"; grey images for a network of {channels} channels: np.repeat({grey}, {channels}, axis=-1)"
    if prod(shape) == prod(wanted):
        return f"; x.reshape(-1, {', '.join(map(str, wanted))}) has it"
    if shape[:2] == wanted[:2] and channels == 1:
        return "; colour images for a network of grey ones: x.mean(axis=-1, keepdims=True)"
    return f"; make the model with input_shape={shape}, or its images of one size" if len(shape) == 3 else ""


def _two_or_three(given: Any) -> tuple[Any, ...]:
    if not isinstance(given, list | tuple) or len(given) not in (2, 3):
        raise ValueError("validation_data must be a pair (x, y) or (x, y, sample_weight)")
    return tuple(given)


def _batches(feed: Feed, size: int, shuffle: bool) -> Any:
    """Of one pass over a feed."""
    order = random.permutation(len(feed)) if shuffle else np.arange(len(feed), dtype=np.int64)
    return (feed.batch(order[start : start + size]) for start in range(0, len(feed), size))
