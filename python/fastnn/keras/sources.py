"""From what a user gives to what a trainer takes: feeds, streams of batches, what to validate with."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import random
from fastnn.errors import fault_of, outside, retold, told
from fastnn.keras import fitting, samples
from fastnn.keras.samples import Batches, Samples, Stream, naming
from fastnn.training.feed import Feed, as_array, check_finite
from fastnn.training.input_range import range_of, warn_if_unlike

if TYPE_CHECKING:
    from fastnn.keras.callbacks import CallbackList
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

    def _training_data(
        self, x: Any, y: Any, weight: Any, class_weight: Any, share: float, held_out: Any
    ) -> tuple[Any, Any]:
        """What to train on, and to validate with (None: nothing)."""
        if samples.brings_batches(x):
            samples.check_alone(y, weight)
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
            return Stream(lambda: _batches(feed, size, shuffle), steps, lambda pair: pair, self._stop), weights
        batches = Batches(data, size, shuffle)
        steps = batches.steps(steps, "how many batches an epoch has, steps_per_epoch")
        packed, weights, first = self._packing(batches, steps, weights, class_weight)
        self.seen = range_of(first)

        def pair(batch: Any) -> tuple[np.ndarray, np.ndarray]:
            feed = packed(batch)
            return feed.x, feed.y

        return Stream(batches.start, steps, pair, self._stop, tell=batches.tell), weights

    def _packing(
        self, batches: Batches, steps: int, weights: bool, class_weight: Any
    ) -> tuple[Callable[[Any], Feed], bool, Feed]:
        """What makes feeds of batches, whether these have weights, and the first: what does not fit is known then."""
        first = batches.first()
        with naming(0, steps):
            weights = weights or samples.parts_of(first)[2] is not None

        def packed(batch: Any) -> Feed:
            x, y, own = samples.parts_of(batch)
            if own is not None and not weights:
                raise ValueError("it has sample weights, which the first batch had not: bring them with all batches")
            return self._feed(Samples.of(x, y, own, class_weight), weights)

        with naming(0, steps):
            return packed, weights, packed(first)

    def _brought(self, data: Any, size: int, steps: int | None, wanted: str) -> tuple[Stream, bool]:
        """Feeds of what brings batches, to measure with, and whether their targets are packed with weights."""
        batches = Batches(data, size)
        steps = batches.steps(steps, f"how many batches to take, {wanted}")
        packed, weights, first = self._packing(batches, steps, False, None)
        warn_if_unlike(self.seen, first, stacklevel=outside())
        return Stream(batches.start, steps, packed, _warn_of_the_end, anew=True, tell=batches.tell), weights

    def _validation(self, data: Any, size: int, steps: int | None, heard: CallbackList) -> Any:
        """A function that measures; None where there is nothing to measure with."""
        if data is None:
            return None
        source, weights = self._measured(data, size, steps, "validation_steps")
        outputs_of, criterion = self._outputs_of(weights), self._criterion(weights)
        return lambda: fitting.tested(self, outputs_of, criterion, source, weights, heard, size)

    def _measured(self, data: Any, size: int, steps: int | None, wanted: str) -> tuple[Feed | Stream, bool]:
        """What to measure with, and whether its targets are packed with weights."""
        if samples.brings_batches(data):
            return self._brought(data, size, steps, wanted)
        rows = data if isinstance(data, Samples) else Samples.of(*_two_or_three(data))
        rows = rows.rows(slice(None if steps is None else steps * size))
        feed = self._feed(rows, rows.weight is not None)
        warn_if_unlike(self.seen, feed, stacklevel=outside())
        return feed, rows.weight is not None

    def _given(self, x: Any, size: int, steps: int | None) -> np.ndarray | Stream:
        """What to predict: rows, or batches of them."""
        if not samples.brings_batches(x):
            return self._inputs(x)[: None if steps is None else steps * size]
        batches = Batches(x, size)
        steps = batches.steps(steps, "how many batches to take, steps")

        def packed(batch: Any) -> np.ndarray:
            return self._inputs(batch[0] if isinstance(batch, list | tuple) else batch)

        return Stream(batches.start, steps, packed, _warn_of_the_end, anew=True, tell=batches.tell)

    def _stop(self, text: str) -> None:
        warnings.warn(
            f"{text}: training stops. A generator must bring steps_per_epoch * epochs batches, or go on for ever",
            stacklevel=outside(),
        )
        self.stop_training = True

    def _inputs(self, x: Any) -> np.ndarray:
        """x as the model takes it, float32; a model without a shape is built for it.

        Raises:
            ValueError: another shape, or values that are not finite.
        """
        array = as_array(x, "x")
        given = array.shape
        if array.ndim == 0:
            raise ValueError("x is a single number: it needs a row for each sample")
        if array.ndim == 1:
            array = array[:, None]  # Keras: a number is a sample of one feature
        if not self.built and self._input is None:
            self.build((None, *array.shape[1:]))
        array = _with_channels(array, self.input_shape)
        if (None, *array.shape[1:]) != self.input_shape:
            layer, kind = self._layers[0].name, type(self._layers[0]).__name__
            text = f"layer '{layer}' ({kind}) takes inputs of shape {self.input_shape}, x has shape {given}"
            why, how = _advice(given, self.input_shape[1:])  # type: ignore[arg-type]
            own = None if how else array.shape[1:]
            error, wanted = ValueError(f"{text}; {why}{how or own}"), self.input_shape
            raise told(error, "layer.shape", layer=layer, kind=kind, wanted=wanted, shape=given, how=how, own=own)
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


def _advice(whole: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[str, str | None]:
    """What is wrong with a batch of samples of another shape than is wanted, and what to write; None where it is not
    plain.
    """
    shape, channels = whole[1:], wanted[-1]
    if whole == wanted:
        return "a single sample is a batch of one: ", "x[None]"
    if len(wanted) == 3:
        if shape == (channels, *wanted[:2]):
            return "its channels come first: ", "x.transpose(0, 2, 3, 1)"
        if shape in (wanted[:2], (*wanted[:2], 1)):
            grey = "x" if len(shape) == 3 else "x[..., None]"
            return f"grey images for a network of {channels} channels: ", f"np.repeat({grey}, {channels}, axis=-1)"
        if shape[:2] == wanted[:2] and channels == 1:
            return "colour images for a network of grey ones: ", "x.mean(axis=-1, keepdims=True)"
    if prod(shape) == prod(wanted):
        return "the same numbers in that shape: ", f"x.reshape(-1, {', '.join(map(str, wanted))})"
    return "give data of that shape, or the model's first layer input_shape=", None


def _two_or_three(given: Any) -> tuple[Any, ...]:
    if not isinstance(given, list | tuple) or len(given) not in (2, 3):
        raise ValueError("validation_data must be a pair (x, y) or (x, y, sample_weight)")
    return tuple(given)


def _warn_of_the_end(text: str) -> None:
    warnings.warn(f"{text}: what came before it is taken", stacklevel=outside())


def _batches(feed: Feed, size: int, shuffle: bool) -> Any:
    """Of one pass over a feed."""
    order = random.permutation(len(feed)) if shuffle else np.arange(len(feed), dtype=np.int64)
    return (feed.batch(order[start : start + size]) for start in range(0, len(feed), size))
