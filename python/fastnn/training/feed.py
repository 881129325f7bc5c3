"""Feeds: training data as two arrays in memory, whatever it came as.

The rule of scaling, in fit, evaluate, predict and Keras style: numbers of arrays, lists and tensors are taken as they
are, whatever their dtype. Only the images of data sets are scaled, by their transforms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn.arrays import rows_layout, to_array
from fastnn.errors import told
from fastnn.io.memory import fits_memory
from fastnn.nn.labels import first_outside

if TYPE_CHECKING:
    from fastnn.data.augment import Augment
    from fastnn.data.resident import Resident


@dataclass(frozen=True)
class Feed:
    """Rows of inputs and targets.

    x: (N, ...) uint8, images of a data set (scaled by 1/255, then normalised per channel), or floating point as it is;
    y: (N,) int64 or (N, ...) floating point; mean, std: float64 (C,) or None. augment: what training makes of the
    images in each epoch; outputs and evaluations have them as they are.

    Raises:
        ValueError: augmentation of anything but the images of a data set.
    """

    x: np.ndarray
    y: np.ndarray
    mean: np.ndarray | None = None
    std: np.ndarray | None = None
    augment: Augment | None = None

    def __post_init__(self) -> None:
        if self.augment is not None and (self.x.dtype != np.uint8 or self.x.ndim != 4):
            raise ValueError(
                f"augment={self.augment.name!r} needs uint8 images (N, C, H, W) of a data set, whose pixels are known "
                f"to go from 0 to 255; x is {self.x.dtype} {self.x.shape}, numbers that are taken as they are. "
                "Train on a data set of images, such as datasets.ImageFolder"
            )

    @classmethod
    def of(cls, data: Resident) -> Feed:
        """The images of a data set in memory, with their class numbers and their normalisation."""
        return cls(data.images, data.targets, data.mean, data.std)

    @classmethod
    def of_inputs(cls, x: np.ndarray) -> Feed:
        """Rows (N, ...) to have outputs of; their targets say nothing."""
        return cls(np.ascontiguousarray(x), np.zeros(len(x), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.x)

    def first(self, count: int) -> Feed:
        """At most so many of the first rows."""
        return replace(self, x=self.x[:count], y=self.y[:count])

    def signature(self, count: int) -> tuple[tuple[Any, ...], np.dtype, tuple[int, ...], np.dtype]:
        """Layout and dtype of x, shape and dtype of y, of a batch of so many rows as the model sees it."""
        dtype = np.dtype(np.float32) if self.x.dtype == np.uint8 else self.x.dtype
        return rows_layout((count, *self.x.shape[1:]), self.x), dtype, (count, *self.y.shape[1:]), self.y.dtype

    def channels_last(self) -> Feed:
        """The same with pixels in the order [N][H][W][C], as convolutions read them, where memory allows; other rows
        than pixels of several channels as they are.
        """
        x = self.x
        if x.dtype != np.uint8 or x.ndim != 4 or x.shape[1] == 1 or not fits_memory(x.nbytes):
            return self
        return replace(self, x=np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2))

    def batch(self, index: np.ndarray, epoch: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The rows of an int64 index as the model sees them: floating point x, y. epoch: of training, in which they
        are augmented.
        """
        y = _core.gather_rows(self.y, index)
        if self.x.dtype != np.uint8:
            return _core.gather_rows(self.x, index), y
        if self.augment is None or epoch is None:
            return _core.gather_uint8(self.x, index, self.mean, self.std), y
        images = self.augment.images(self.x, index, epoch)
        return _core.gather_uint8(images, np.arange(len(images), dtype=np.int64), self.mean, self.std), y

    def converted(self, dtype: np.dtype) -> Feed:
        """The same with floating-point arrays in the dtype of a model.

        Raises:
            ValueError: a value that is too large for it.
        """
        x, y = (convert(name, array, dtype) for name, array in (("input", self.x), ("target", self.y)))
        return self if x is self.x and y is self.y else replace(self, x=x, y=y)

    def source(self, order: np.ndarray, epoch: int | None = None) -> _core.Source:
        """The same for the plan executor, batch after batch along an order; epoch: as in :meth:`batch`."""
        how = () if self.augment is None or epoch is None else (self.augment.name, self.augment.seed, epoch)
        return _core.Source(self.x, self.y, order, self.mean, self.std, *how)


def as_feed(data: Any) -> Feed | None:
    """A feed of arrays, tensors, or a data set or loader that lies in memory; None for anything else.

    Raises:
        ValueError: counts that differ, an empty set, or values that are not finite (the first is named).
        TypeError: arrays that are no numbers.
    """
    if isinstance(data, Feed):
        return data
    if isinstance(data, tuple | list) and len(data) == 2:
        return _from_arrays(as_array(data[0], "x"), as_array(data[1], "y"))
    resident = getattr(data, "resident", None)
    found = resident() if callable(resident) else data
    if all(hasattr(found, name) for name in ("images", "targets", "mean", "std")):
        return Feed.of(found)
    tensors = getattr(data, "tensors", None)
    if tensors is not None and len(tensors) == 2:
        return _from_arrays(as_array(tensors[0], "x"), as_array(tensors[1], "y"))
    return None


def as_array(data: Any, name: str) -> np.ndarray:
    """Numbers of any kind as an array.

    Raises:
        TypeError: something else, by name.
    """
    array = to_array(data)
    if array.dtype.kind not in "fiub":
        text = f"{name}: expected numbers, got an array of {array.dtype}"
        if array.dtype.kind == "U":
            text += "; for image files: fastnn predict MODEL FILE"
        raise told(TypeError(text), "numbers.dtype", got=str(array.dtype))
    return array


def _from_arrays(x: np.ndarray, y: np.ndarray) -> Feed:
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("x and y need one row a sample; got a single number")
    if len(x) != len(y):
        raise told(ValueError(f"x has {len(x)} samples but y has {len(y)}"), "samples.differ", x=len(x), y=len(y))
    if len(x) == 0:
        raise told(ValueError("the data set is empty: there is nothing to learn from"), "data.empty")
    x = x if x.dtype.kind == "f" else x.astype(np.float32)
    y = y.astype(np.int64) if y.dtype.kind in "iub" else y
    for name, array in (("input", x), ("target", y)):
        if array.dtype.kind == "f":
            check_finite(name, array)
    return Feed(np.ascontiguousarray(x), np.ascontiguousarray(y))


def convert(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A floating-point array in another precision; any other array as it is.

    Raises:
        ValueError: a value that is too large for it.
    """
    if array.dtype.kind != "f" or array.dtype == dtype:
        return array
    with np.errstate(over="ignore"):
        array = array.astype(dtype)
    check_finite(name, array)
    return array


def as_inputs(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Numbers of any type as a model of a dtype takes them.

    Raises:
        ValueError: values that are not finite in it.
    """
    check_finite("input", array)
    return convert("input", array if array.dtype.kind == "f" else array.astype(dtype), dtype)


def check_finite(name: str, array: np.ndarray) -> None:
    """Refuses NaN and infinities: ``input has 3 non-finite values, first at sample 12, feature 7 (nan)``.

    Raises:
        ValueError: there are some.
    """
    if array.dtype.char in "fd" and _core.finite(array.reshape(-1)):
        return
    finite = np.isfinite(array)
    if finite.all():
        return
    flat = (~finite).reshape(len(array), -1)
    sample, feature = (int(i) for i in np.argwhere(flat)[0])
    count, value = int(flat.sum()), float(array.reshape(len(array), -1)[sample, feature])
    text = (
        f"{name} has {count} non-finite values, "
        f"first at sample {sample}, feature {feature} ({value}): remove or repair them"
    )
    error = ValueError(text)
    raise told(error, "values.finite", name=name, count=count, value=value, sample=sample, feature=feature)


def check_labels(labels: np.ndarray, classes: int) -> None:
    """Class numbers (N,) of a whole set, once: a wrong one is named before training starts.

    Raises:
        ValueError: one is outside 0..classes-1.
    """
    wrong = first_outside(labels, classes)
    if wrong is not None:
        label, last = int(labels[wrong]), classes - 1
        text = f"label {label} at sample {wrong} is outside 0..{last}: the last layer has {classes} outputs"
        raise told(ValueError(text), "labels.range", label=label, sample=wrong, last=last, outputs=classes)
