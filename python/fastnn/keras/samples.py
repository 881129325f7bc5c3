"""What a fit, evaluate or predict is given: rows with targets and weights, or something that brings batches of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.keras.data import Dataset
from fastnn.keras.data.passes import in_passes
from fastnn.training.feed import as_array


@dataclass(frozen=True)
class Samples:
    """Rows x (N, ...) and y (N, ...); weight (N,): what each counts in the loss, None: 1."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None

    @classmethod
    def of(cls, x: Any, y: Any, weight: Any = None, class_weight: Mapping[int, float] | None = None) -> Samples:
        """Of what the user has.

        Raises:
            ValueError: rows that do not go together, or none.
        """
        if y is None:
            raise ValueError("fit and evaluate need targets: fit(x, y)")
        x, y = as_array(x, "x"), as_array(y, "y")
        if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
            raise ValueError(f"x and y must have a row for each sample: x has shape {x.shape}, y has {y.shape}")
        if not len(x):
            raise told(ValueError("the data set is empty: there is nothing to learn from"), "data.empty")
        weights = None if weight is None else as_array(weight, "sample_weight").astype(np.float32)
        if weights is not None and weights.shape != (len(x),):
            raise ValueError(f"sample_weight has shape {weights.shape}; it must be a number a sample, ({len(x)},)")
        return cls(x, y, weights).by_class(class_weight)

    def by_class(self, class_weight: Mapping[int, float] | None) -> Samples:
        """The same, each weight times that of its class; None: as they are."""
        if class_weight is None:
            return self
        own = weights_of_classes(self.y, class_weight)
        return Samples(self.x, self.y, own if self.weight is None else self.weight * own)

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, which: slice) -> Samples:
        """Some of them."""
        return Samples(self.x[which], self.y[which], None if self.weight is None else self.weight[which])


def weights_of_classes(y: np.ndarray, class_weight: Mapping[int, float]) -> np.ndarray:
    """A weight for each target: that of its class (of class numbers, or one-hot rows), 1 for classes without one.

    Raises:
        ValueError: targets that are neither.
        TypeError: no dictionary.
    """
    if not isinstance(class_weight, Mapping):
        kind = type(class_weight).__name__
        raise TypeError(
            f"class_weight must be a dict of class numbers and weights, such as {{0: 1.0, 1: 5.0}}, got {kind}"
        )
    if y.ndim > 2:
        raise ValueError(f"class_weight goes with class numbers (N,) or one-hot rows (N, C); y has shape {y.shape}")
    labels = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y)).astype(np.int64)
    classes, places = np.unique(labels, return_inverse=True)
    weights = {int(number): float(weight) for number, weight in class_weight.items()}
    return np.array([weights.get(int(number), 1.0) for number in classes], dtype=np.float32)[places]


def split(samples: Samples, share: float) -> tuple[Samples, Samples | None]:
    """The first rows to train with and the last share to validate with (None for a share of 0).

    Raises:
        ValueError: nothing would be left of one of them.
    """
    if not 0 <= share < 1:
        raise ValueError(f"validation_split is {share}; it must be at least 0 and less than 1")
    if share == 0:
        return samples, None
    at = int(np.floor(len(samples) * (1 - share)))
    if at in (0, len(samples)):
        raise ValueError(
            f"validation_split {share} of {len(samples)} samples leaves {at} to train with, "
            f"{len(samples) - at} to validate"
        )
    return samples.rows(slice(0, at)), samples.rows(slice(at, None))


def brings_batches(x: Any) -> bool:
    """Whether x is a generator, a loader, a data set of ``tf.data`` or a sequence of batches, not rows."""
    if isinstance(x, Iterator | Dataset) or hasattr(x, "batch_sampler"):
        return True
    rows = isinstance(x, np.ndarray | Tensor | list | tuple) or hasattr(x, "__array__") or hasattr(x, "to_numpy")
    return not rows and hasattr(x, "__getitem__") and hasattr(x, "__len__")


def batches_in(x: Any) -> Iterable[Any]:
    """Those of one pass."""
    x = in_passes(x)
    if isinstance(x, Iterator) or hasattr(x, "__iter__"):
        return x
    return _by_number(x)


def _by_number(x: Any) -> Iterator[Any]:
    for i in range(len(x)):
        yield x[i]
    if hasattr(x, "on_epoch_end"):
        x.on_epoch_end()


def steps_in(x: Any, wanted: str) -> int:
    """How many batches a pass has; of a data set that cannot say, by a pass over it.

    Raises:
        ValueError: it has no end, or none that is known; wanted: the argument that says how many to take.
    """
    try:
        return len(in_passes(x))
    except TypeError:  # also of a data set that repeats
        use = "an epoch has" if wanted == "steps_per_epoch" else "to take"
        text = f"a generator has no end that is known: say how many batches {use}, {wanted}=..."
        raise ValueError(text) from None


def parts_of(batch: Any) -> tuple[Any, Any, Any]:
    """x, y and weights of a batch.

    Raises:
        ValueError: it is no (x, y) or (x, y, sample_weight).
    """
    if not isinstance(batch, list | tuple) or len(batch) not in (2, 3):
        raise ValueError(f"a batch must be a pair (x, y) or (x, y, sample_weight), got {type(batch).__name__}")
    return (*batch, None) if len(batch) == 2 else tuple(batch)  # type: ignore[return-value]


def gathered(x: Any, steps: int | None, wanted: str) -> Samples:
    """All batches of one pass, or so many, as one.

    Raises:
        ValueError: no batches, or no end and no number of steps.
    """
    steps = steps_in(x, wanted) if steps is None else steps
    batches = [parts_of(batch) for batch in islice(batches_in(x), steps)]
    if not batches:
        raise told(ValueError("the data set is empty: it brought no batch"), "data.empty")
    columns = [
        np.concatenate([as_array(part, "x") for part in column]) for column in list(zip(*batches, strict=True))[:2]
    ]
    weights = [batch[2] for batch in batches]
    weight = (
        None if any(each is None for each in weights) else np.concatenate([as_array(each, "w") for each in weights])
    )
    return Samples.of(*columns, weight)


class Stream:
    """A loader for a trainer: epochs of so many steps from batches that begin anew when they end.

    start: makes a pass of batches; packed: x and y of a batch as the trainer takes them; ended: called when a pass
    brings nothing more and cannot begin anew.
    """

    batch_sampler = None  # what tells a trainer that this is a loader

    def __init__(
        self, start: Callable[[], Iterable[Any]], steps: int, packed: Callable[[Any], Any], ended: Callable[[], None]
    ) -> None:
        self.start = start
        self.steps = steps
        self.packed = packed
        self.ended = ended
        self.dataset = range(steps)
        self._running = iter(start())

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Any]:
        for step in range(self.steps):
            batch = next(self._running, None)
            if batch is None:
                self._running = iter(self.start())
                batch = next(self._running, None)
            if batch is None:
                warnings.warn(
                    f"the data ended at step {step + 1} of {self.steps}: training stops. A generator must bring "
                    "steps_per_epoch * epochs batches, or go on for ever",
                    stacklevel=2,
                )
                self.ended()
                return
            yield self.packed(batch)
