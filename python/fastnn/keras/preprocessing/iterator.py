"""Batches without end, by number or one after the other, of images in memory or in files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn.data.threads import in_order
from fastnn.errors import outside
from fastnn.io.checks import shown_path
from fastnn.io.memory import fits_memory
from fastnn.keras.preprocessing.generator import numbers
from fastnn.keras.utils import PyDataset
from fastnn.keras.utils.image_utils import (
    METHODS,
    MODES,
    array_to_img,
    check_chosen,
    checked_size,
    img_to_array,
    is_first,
    load_img,
)
from fastnn.training.feed import as_array
from fastnn.training.trainer import check_count

if TYPE_CHECKING:
    from fastnn.keras.preprocessing.generator import ImageDataGenerator

SUBSETS = ("training", "validation", None)


@dataclass(frozen=True)
class Saving:
    """Where to write the images of every batch; folder None: nowhere."""

    folder: Any = None
    prefix: str = ""
    format: str = "png"

    def __post_init__(self) -> None:
        if self.folder is not None and not os.path.isdir(self.folder):
            raise FileNotFoundError(f"save_to_dir is {shown_path(self.folder)}, which is no folder: make it first")

    def save(self, images: np.ndarray, index: np.ndarray, data_format: str, rng: np.random.RandomState) -> None:
        for image, number in zip(images, index.tolist(), strict=True):
            name = f"{self.prefix}_{number}_{rng.randint(10**7)}.{self.format}"
            array_to_img(image, data_format).save(os.path.join(self.folder, name))


class Iterator(PyDataset):
    """Batches of n samples: ``iterator[i]`` is one of ``len(iterator)``, ``next(iterator)`` goes on without end.

    shuffle: a new order in every pass. seed: of order and changes; None: drawn from fastnn's own numbers.
    """

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None) -> None:
        super().__init__()
        self.n = n
        self.batch_size = check_count("batch_size", batch_size, 1)
        self.shuffle = shuffle
        self.seed = seed
        self.batch_index = 0
        self.total_batches_seen = 0
        self.index_array: np.ndarray | None = None
        self._rng = numbers(seed)

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, idx: int) -> Any:
        if not 0 <= idx < len(self):
            raise IndexError(f"there is no batch {idx}: there are {len(self)}, from 0 to {len(self) - 1}")
        self._begin_batch()
        if self.index_array is None:
            self.on_epoch_end()
        return self._batch(self.index_array[idx * self.batch_size : (idx + 1) * self.batch_size])  # type: ignore[index]

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        self._begin_batch()
        if self.batch_index == 0 or self.index_array is None:
            self.on_epoch_end()
        start = self.batch_index * self.batch_size
        self.batch_index = self.batch_index + 1 if start + self.batch_size < self.n else 0
        return self._batch(self.index_array[start : start + self.batch_size])  # type: ignore[index]

    def next(self) -> Any:
        """Keras 2's name of ``next(iterator)``."""
        return next(self)

    def reset(self) -> None:
        """``next`` starts a new pass."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """A new order."""
        self.index_array = self._rng.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _begin_batch(self) -> None:
        """As in Keras, a batch's numbers are those of the seed and of how many there were before it."""
        if self.seed is not None:
            self._rng.seed(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1

    def _batch(self, index: np.ndarray) -> Any:
        raise NotImplementedError


class NumpyArrayIterator(Iterator):
    """Of images in memory: see :meth:`ImageDataGenerator.flow`."""

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: ImageDataGenerator,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        saving: Saving | None = None,
        subset: str | None = None,
        ignore_class_split: bool = False,
    ) -> None:
        first = is_first(data_format)
        named = (("x", x), ("y", y), ("sample_weight", sample_weight))
        given = [None if each is None else as_array(each, name) for name, each in named]
        _check_images(given, first)
        check_chosen("subset", subset, SUBSETS)
        if subset is not None:
            at = split_at(len(given[0]), image_data_generator.validation_split)
            if given[1] is not None and not ignore_class_split:
                _check_classes(given[1], at)
            rows = slice(at, None) if subset == "training" else slice(at)
            given = [None if each is None else each[rows] for each in given]
        self.x, self.y, self.sample_weight = given
        self.image_data_generator = image_data_generator
        self.data_format = "channels_first" if first else "channels_last"
        self.saving = saving or Saving()
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _batch(self, index: np.ndarray) -> Any:
        images = self.x[index].astype(self.image_data_generator.dtype)
        batch = self.image_data_generator.batch(images, self._rng)
        if self.saving.folder is not None:
            self.saving.save(batch, index, self.data_format, self._rng)
        if self.y is None:
            return batch
        return (batch, self.y[index], *([] if self.sample_weight is None else [self.sample_weight[index]]))


class Files(Iterator):
    """Of images in files: what folders and tables have in common. A batch is decoded by several threads; what was
    decoded stays in memory where it takes at most a quarter of what is free.

    Attributes: ``filepaths``, ``filenames``, ``samples`` (also ``n``), ``image_shape``.
    """

    def __init__(
        self,
        filepaths: list[str],
        image_data_generator: ImageDataGenerator,
        target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb",
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        saving: Saving | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> None:
        check_chosen("color_mode", color_mode, tuple(MODES))
        check_chosen("interpolation", interpolation, METHODS)
        self.filepaths = filepaths
        self.samples = len(filepaths)
        self.image_data_generator = image_data_generator
        self.target_size = checked_size(target_size)
        self.color_mode, self.class_mode = color_mode, class_mode
        self.interpolation, self.keep_aspect_ratio = interpolation, keep_aspect_ratio
        self.data_format, self.dtype = image_data_generator.data_format, image_data_generator.dtype
        self._pixels = (*self.target_size, len(MODES[color_mode]))
        if color_mode == "grayscale":
            self._pixels = (*self.target_size, 1)
        first = is_first(self.data_format)
        self.image_shape = (self._pixels[2], *self.target_size) if first else self._pixels
        self.saving = saving or Saving()
        size = self.samples * int(np.prod(self._pixels))
        self._kept = np.empty((self.samples, *self._pixels), np.uint8) if fits_memory(size, 0.25) else None
        self._is_kept = np.zeros(self.samples, bool)
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _batch(self, index: np.ndarray) -> Any:
        images = self._decoded(index).astype(self.dtype)
        if is_first(self.data_format):
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        batch = self.image_data_generator.batch(images, self._rng)
        if self.saving.folder is not None:
            self.saving.save(batch, index, self.data_format, self._rng)
        if self.class_mode == "input":
            return batch, batch.copy()
        return batch if self.class_mode is None else self._with_targets(batch, index)

    def _with_targets(self, batch: np.ndarray, index: np.ndarray) -> Any:
        raise NotImplementedError

    def _decoded(self, index: np.ndarray) -> np.ndarray:
        """uint8 (len(index), height, width, channels)."""
        rows = index.tolist()
        missing = [row for row in rows if not self._is_kept[row]]
        threads = max(1, min(_core.get_num_threads(), len(missing)))
        with closing(in_order(self._load, missing, threads)) as loaded:
            new = dict(zip(missing, loaded, strict=True))
        if self._kept is None:
            return np.stack([new[row] for row in rows])
        for row, pixels in new.items():
            self._kept[row] = pixels
            self._is_kept[row] = True
        return self._kept[index]

    def _load(self, row: int) -> np.ndarray:
        path, size = self.filepaths[row], self.target_size
        image = load_img(path, self.color_mode, size, self.interpolation, self.keep_aspect_ratio)
        return img_to_array(image, "channels_last", np.uint8)


def one_hot(labels: Sequence[Any], classes: int, dtype: Any) -> np.ndarray:
    """Rows (N, classes); of several classes each, where a label is a list of them."""
    rows = np.zeros((len(labels), classes), dtype)
    for row, label in zip(rows, labels, strict=True):
        row[label] = 1
    return rows


def split_at(count: int, share: float) -> int:
    """How many of the first are for validation.

    Raises:
        ValueError: no share is set.
    """
    if not share:
        raise ValueError("subset needs ImageDataGenerator(validation_split=0.2), which says how many it has")
    return int(share * count)


def _check_images(given: list[Any], first: bool) -> None:
    x = given[0]
    if x.ndim != 4:
        raise ValueError(
            f"flow takes images (N, height, width, channels), got shape {x.shape}; grey ones: x[..., None]"
        )
    for name, each in zip(("y", "sample_weight"), given[1:], strict=True):
        if each is not None and len(each) != len(x):
            raise ValueError(f"x has {len(x)} images, {name} has {len(each)} rows")
    if not len(x):
        raise ValueError("x has no images")
    if x.shape[1 if first else 3] not in (1, 3, 4):
        where = "channels, height, width" if first else "height, width, channels"
        warnings.warn(
            f"images (N, {where}) usually have 1, 3 or 4 channels; x has shape {x.shape}", stacklevel=outside()
        )


def _check_classes(y: np.ndarray, at: int) -> None:
    parts = [np.unique(part, axis=0).tolist() for part in (y[:at], y[at:])]
    if parts[0] != parts[1]:
        raise ValueError(
            "the first part of y, for validation, has other classes than the rest: shuffle x and y together before, "
            "or give ignore_class_split=True"
        )
