"""What a fit, evaluate or predict is given: rows with targets and weights, or something that brings batches of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from fastnn import random
from fastnn.eager.tensor import Tensor
from fastnn.errors import fault_of, outside, retold, told
from fastnn.keras.data.passes import in_passes
from fastnn.training.feed import as_array, check_finite
from fastnn.training.trainer import check_count


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
        if y is None and callable(x) and not isinstance(x, Tensor):
            raise ValueError("x is a function, which brings no batches: give fit what it returns")
        if y is None:
            raise ValueError("fit and evaluate need targets: fit(x, y)")
        x, y = as_array(x, "x"), as_array(y, "y")
        if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
            error = ValueError(f"x and y must have a row for each sample: x has shape {x.shape}, y has {y.shape}")
            raise told(error, "samples.differ", x=len(x) if x.ndim else 1, y=len(y) if y.ndim else 1)
        if not len(x):
            raise told(ValueError("the data set is empty: there is nothing to learn from"), "data.empty")
        return cls(x, y, None if weight is None else _checked_weights(weight, len(x))).by_class(class_weight)

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


def _checked_weights(weight: Any, count: int) -> np.ndarray:
    weights = as_array(weight, "sample_weight").astype(np.float32)
    if weights.shape not in ((count,), (count, 1)):
        raise ValueError(f"sample_weight has shape {weights.shape}; it must be a number a sample, ({count},)")
    check_finite("sample_weight", weights)
    return weights.reshape(count)


def weights_of_classes(y: np.ndarray, class_weight: Mapping[int, float]) -> np.ndarray:
    """A weight for each target: that of its class (of class numbers, or one-hot rows), 1 for classes without one.

    Warns of classes without one.

    Raises:
        ValueError: targets that are neither, or a weight that is not finite.
        TypeError: no dictionary, or no numbers in it.
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
    weights = {_class_number(number): float(weight) for number, weight in class_weight.items()}
    check_finite("class_weight", np.array(list(weights.values())))
    without = [str(number) for number in classes.tolist() if number not in weights]
    if without:
        text = f"class_weight has no weight for class {', '.join(without[:5])}{', ...' if len(without) > 5 else ''}"
        warnings.warn(f"{text}: 1.0 is taken", stacklevel=outside())
    return np.array([weights.get(number, 1.0) for number in classes.tolist()], dtype=np.float32)[places]


def _class_number(given: Any) -> int:
    if not isinstance(given, int | float | np.number) or given != int(given):
        raise TypeError(
            f"class_weight: {given!r} is no class number; classes are numbered from 0 (of folders, class_indices says "
            "how)"
        )
    return int(given)


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
    """Whether x is a generator, a loader, a data set or a sequence of batches, not rows."""
    if isinstance(x, Iterator) or hasattr(x, "batch_sampler"):
        return True
    kinds = (np.ndarray, Tensor, list, tuple, Mapping, str, bytes)
    if isinstance(x, kinds) or hasattr(x, "__array__") or hasattr(x, "to_numpy"):
        return False
    return hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def check_alone(y: Any, weight: Any) -> None:
    """Refuses targets and weights beside what brings them itself.

    Raises:
        ValueError: there are some.
    """
    for name, given in (("y", y), ("sample_weight", weight)):
        if given is not None:
            raise ValueError(f"x brings batches (x, y) or (x, y, sample_weight) itself: leave {name}=... out")


def parts_of(batch: Any) -> tuple[Any, Any, Any]:
    """x, y and weights of a batch.

    Raises:
        ValueError: it is no (x, y) or (x, y, sample_weight).
    """
    if not isinstance(batch, list | tuple) or len(batch) not in (2, 3):
        alone = " alone, as class_mode=None brings it" if isinstance(batch, np.ndarray) else ""
        raise ValueError(f"a batch must be a pair (x, y) or (x, y, sample_weight), got {type(batch).__name__}{alone}")
    return (*batch, None) if len(batch) == 2 else tuple(batch)  # type: ignore[return-value]


class Batches:
    """What brings batches, pass after pass: a generator, which passes once, a loader, a sequence that gives each by its
    number, or a data set of samples, of which batches of a size are made.

    shuffle: sequences and data sets come in a new order every time. length: batches of a pass; None: nobody knows.
    """

    def __init__(self, given: Any, size: int, shuffle: bool = False) -> None:
        from fastnn.data.dataset import Dataset
        from fastnn.data.loader import DataLoader

        if isinstance(given, Dataset):
            given = DataLoader(given, batch_size=size, shuffle=shuffle)
        self.given = given = in_passes(given)
        self.shuffle = shuffle
        self._numbered = hasattr(given, "__getitem__") and hasattr(given, "__len__")
        self._once = isinstance(given, Iterator) and not self._numbered
        self.length = None if self._once else _length(given)
        self._begun: Iterator[Any] | None = None

    def first(self) -> Any:
        """The first batch, with which the first pass begins.

        Raises:
            ValueError: there is none.
        """
        running = self.start()
        for batch in running:
            self._begun = chain([batch], running)
            return batch
        raise told(ValueError("the data set is empty: it brought no batch"), "data.empty")

    def start(self) -> Iterator[Any]:
        """A new pass; of a generator what it has left."""
        begun = self._begun
        if begun is None:
            begun = self._by_number() if self._numbered else iter(self.given)
        self._begun = begun if self._once else None
        return begun

    def tell(self, hook: str) -> None:
        """Calls ``on_epoch_begin`` or ``on_epoch_end`` of a sequence that has it."""
        if self._numbered and hasattr(self.given, hook):
            getattr(self.given, hook)()

    def steps(self, steps: int | None, wanted: str) -> int:
        """How many batches to take.

        Raises:
            ValueError: no number is given where there is no other.
        """
        if steps is None and self.length is None:
            raise ValueError(f"a generator has no end that is known: say {wanted}=...")
        return self.length if steps is None else steps  # type: ignore[return-value]

    def _by_number(self) -> Iterator[Any]:
        count = len(self.given)
        order = random.permutation(count).tolist() if self.shuffle else range(count)
        return (self.given[number] for number in order)


def former_steps(given: Any, count: int | None, steps: int | None) -> int | None:
    """Steps, or the batches that have so many samples, as Keras 2 made Keras 1's numbers of samples into steps."""
    size = getattr(given, "batch_size", None) or 1
    return steps if count is None else max(1, count // size)


def check_steps(name: str, count: Any) -> int | None:
    """None, or a number of batches, which may be the whole float that a division gave."""
    whole = isinstance(count, float) and count.is_integer()
    return None if count is None else check_count(name, int(count) if whole else count, 1)


def _length(given: Any) -> int | None:
    try:
        return len(given)
    except TypeError:  # also of what has __len__ but no end
        return None


@contextmanager
def naming(step: int, steps: int) -> Iterator[None]:
    """What is wrong with a batch says which one it is."""
    try:
        yield
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise retold(kind(f"batch {step + 1} of {steps}: {error}"), fault_of(error)) from None


@dataclass
class Stream:
    """A loader for a trainer: epochs of so many steps from batches that begin anew when they end.

    start: makes a pass of batches; packed: what is made of each; ended: called with a text when a pass brings nothing
    more and cannot begin anew; anew: every epoch begins a pass; tell: hears when epochs begin and end.
    """

    start: Callable[[], Iterator[Any]]
    steps: int
    packed: Callable[[Any], Any]
    ended: Callable[[str], None]
    anew: bool = False
    tell: Callable[[str], None] = lambda hook: None
    batch_sampler: None = None  # what tells a trainer that this is a loader

    def __post_init__(self) -> None:
        self.dataset = range(self.steps)
        self._running: Iterator[Any] | None = None

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Any]:
        self.tell("on_epoch_begin")
        if self.anew or self._running is None:
            self._running = self.start()
        for step in range(self.steps):
            batch = next(self._running, None)
            if batch is None:
                self._running = self.start()
                batch = next(self._running, None)
            if batch is None:
                self.ended(f"the data ended at step {step + 1} of {self.steps}")
                break
            with naming(step, self.steps):
                packed = self.packed(batch)
            yield packed
        self.tell("on_epoch_end")
