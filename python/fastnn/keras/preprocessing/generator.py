"""``ImageDataGenerator``: images changed at random and brought batch by batch, as Keras 3 has it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import random
from fastnn.errors import outside
from fastnn.keras.preprocessing import affine
from fastnn.keras.utils.image_utils import FLOAT, array_to_img, check_chosen, img_to_array, is_first

if TYPE_CHECKING:
    from fastnn.keras.preprocessing.dataframe import DataFrameIterator
    from fastnn.keras.preprocessing.directory import DirectoryIterator
    from fastnn.keras.preprocessing.iterator import NumpyArrayIterator

Parameters = dict[str, Any]
_SMALL = 1e-6  # is added to a standard deviation before it divides
# What works on one image, and is called for each of a batch only where a subclass has its own.
_OF_ONE = ("get_random_transform", "apply_transform", "standardize", "random_transform")


class ImageDataGenerator:
    """Changes images at random and scales them; :meth:`flow` and :meth:`flow_from_directory` bring batches of them.

    In this order: rotation, shift, shear and zoom as one affine map, bilinear (interpolation_order 0: of the nearest
    pixel; see :func:`affine.warp`); channel shift; flips; brightness; preprocessing_function of each image; times
    rescale; centre and deviation of the image (samplewise_...) and of the data that :meth:`fit` saw (featurewise_...,
    zca_whitening). A seed gives the numbers that it gives in Keras; without one they come from fastnn's own.

    rotation_range, shear_range: degrees to either side. width_shift_range, height_shift_range: a share of the width or
    height (< 1), pixels (1 and above), whole pixels below an integer, or one of a list, to either side. zoom_range: z
    for 1 - z to 1 + z, or (lower, upper), of rows and columns each; below 1 enlarges. brightness_range: (lower, upper)
    factors. channel_shift_range: what is added to all numbers of an image, at most. fill_mode, cval: as
    :func:`affine.warp` has them. validation_split: the share of subset="validation".

    What differs from Keras 3.15: width_shift_range moves images sideways and height_shift_range up and down, which are
    swapped there; and images that are not square are turned about their centre.

    Raises:
        ValueError: an argument that is out of its range.
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ) -> None:
        check_chosen("fill_mode", fill_mode, affine.FILL_MODES)
        check_chosen("interpolation_order", interpolation_order, (0, 1))
        for name, given in (
            *(("rotation_range", rotation_range), ("shear_range", shear_range), ("cval", cval)),
            *(("channel_shift_range", channel_shift_range), ("rescale", 1 if rescale is None else rescale)),
        ):
            if not isinstance(given, int | float | np.number):
                raise ValueError(f"{name} is {given!r}; it must be a number")
        if not 0 <= (validation_split or 0) < 1:
            raise ValueError(f"validation_split is {validation_split}; it must be at least 0 and less than 1")
        self.featurewise_center = featurewise_center or featurewise_std_normalization or zca_whitening
        self.featurewise_std_normalization = featurewise_std_normalization and not zca_whitening
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.zoom_range = (
            [1 - zoom_range, 1 + zoom_range] if np.ndim(zoom_range) == 0 else _two("zoom_range", zoom_range)
        )
        self.brightness_range = None if brightness_range is None else _two("brightness_range", brightness_range)
        self.channel_shift_range = channel_shift_range
        self.fill_mode, self.cval, self.interpolation_order = fill_mode, cval, interpolation_order
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.data_format = "channels_first" if is_first(data_format) else "channels_last"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if is_first(data_format) else (3, 1, 2)
        self.validation_split = validation_split or 0.0
        self.dtype = dtype or FLOAT
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None
        self.zca_whitening_matrix: np.ndarray | None = None
        self._rng: np.random.RandomState | None = None

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Batches without end of images x (N, ...), with y and sample_weight (N,) where they are given."""
        from fastnn.keras.preprocessing.iterator import NumpyArrayIterator, Saving

        saving = Saving(save_to_dir, save_prefix, save_format)
        return NumpyArrayIterator(
            *(x, y, self, batch_size, shuffle, sample_weight, seed, self.data_format, saving, subset),
            ignore_class_split=ignore_class_split,
        )

    def flow_from_directory(self, directory: Any, *given: Any, **named: Any) -> DirectoryIterator:
        """Batches without end of the images in ``directory/<class>/``; arguments: those of
        :class:`fastnn.keras.preprocessing.directory.DirectoryIterator`.
        """
        from fastnn.keras.preprocessing.directory import DirectoryIterator

        return DirectoryIterator(directory, self, *given, **named)

    def flow_from_dataframe(self, dataframe: Any, *given: Any, **named: Any) -> DataFrameIterator:
        """Batches without end of the images that a pandas table names; arguments: those of
        :class:`fastnn.keras.preprocessing.dataframe.DataFrameIterator`.
        """
        from fastnn.keras.preprocessing.dataframe import DataFrameIterator

        return DataFrameIterator(dataframe, self, *given, **named)

    # -- one image ---------------------------------------------------------------------------------------------------

    def get_random_transform(self, img_shape: Sequence[int], seed: int | None = None) -> Parameters:
        """What to do to an image of a shape, drawn at random: see :meth:`apply_transform`."""
        return self._drawn(img_shape, self._numbers(seed))

    def apply_transform(self, x: np.ndarray, transform_parameters: Mapping[str, Any]) -> np.ndarray:
        """An image (height, width, channels) changed as it is told.

        transform_parameters: ``theta``, ``tx``, ``ty``, ``shear``, ``zx``, ``zy`` as :func:`affine.matrix` has them,
        ``flip_horizontal``, ``flip_vertical``, ``channel_shift_intensity``, ``brightness``.
        """
        return self._changed(_one_image(x), [transform_parameters])[0]

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """An image changed at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """An image (or, as in Keras, a batch as if it were one) scaled, in place where its numbers are floating."""
        array = x if isinstance(x, np.ndarray) and x.dtype.kind == "f" else np.array(x, self.dtype)
        return self._standardized(array[None])[0]

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Learns mean and deviation of each channel, or the whitening, from images x (N, ...), times rescale.

        augment: of so many rounds of changed images, drawn by a seed.

        Raises:
            ValueError: no four dimensions.
        """
        images = np.array(x, dtype=self.dtype)
        if images.ndim != 4:
            raise ValueError(f"fit takes images (N, height, width, channels), got shape {images.shape}")
        images *= self.rescale or 1
        if augment:
            rng = self._numbers(seed)
            images = np.concatenate([self._changed(images, self._all_drawn(images, rng)) for _ in range(rounds)])
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = images.mean(axis=axes, keepdims=True)[0]
            images -= self.mean
        if self.featurewise_std_normalization:
            self.std = images.std(axis=axes, keepdims=True)[0]
            images /= self.std + _SMALL
        if self.zca_whitening:
            u, s, _ = np.linalg.svd(images.reshape(len(images), -1).T, full_matrices=False)
            self.zca_whitening_matrix = (u * (math.sqrt(len(images)) / (s + self.zca_epsilon))) @ u.T

    # -- batches -----------------------------------------------------------------------------------------------------

    def batch(self, images: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        """Images (N, ...) of this generator's dtype, each changed at random and standardized."""
        if any(getattr(type(self), name) is not getattr(ImageDataGenerator, name) for name in _OF_ONE):
            self._rng = rng
            drawn = (self.get_random_transform(image.shape) for image in images)
            changed = [self.apply_transform(image, each) for image, each in zip(images, drawn, strict=True)]
            return np.stack([self.standardize(image) for image in changed])
        return self._standardized(self._changed(images, self._all_drawn(images, rng)))

    def _all_drawn(self, images: np.ndarray, rng: np.random.RandomState) -> list[Parameters]:
        return [self._drawn(images.shape[1:], rng) for _ in images]

    def _numbers(self, seed: int | None) -> np.random.RandomState:
        if seed is None and self._rng is not None:
            return self._rng
        self._rng = rng = numbers(seed)
        return rng

    def _drawn(self, shape: Sequence[int], rng: np.random.RandomState) -> Parameters:
        """In Keras' order, so that a seed gives the same numbers."""
        theta = _either(self.rotation_range, rng)
        ty = _shift(self.height_shift_range, shape[self.row_axis - 1], rng)
        tx = _shift(self.width_shift_range, shape[self.col_axis - 1], rng)
        shear = _either(self.shear_range, rng)
        zx, zy = (1, 1) if self.zoom_range == [1, 1] else rng.uniform(*self.zoom_range, 2)
        flips = [bool(rng.random_sample() < 0.5) and bool(on) for on in (self.horizontal_flip, self.vertical_flip)]
        return {
            **{"theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy},
            **{"flip_horizontal": flips[0], "flip_vertical": flips[1]},
            "channel_shift_intensity": _either(self.channel_shift_range, rng) if self.channel_shift_range else None,
            "brightness": None if self.brightness_range is None else rng.uniform(*self.brightness_range),
        }

    def _changed(self, images: np.ndarray, drawn: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Each as it is told; the images given stay as they are."""
        first = self.data_format == "channels_first"
        x = np.moveaxis(images, 1, -1) if first else images
        maps = [affine.matrix(x.shape[1], x.shape[2], each) for each in drawn]
        rows = [i for i, found in enumerate(maps) if found is not None]
        x = np.ascontiguousarray(x) if len(rows) == len(x) else x.copy()
        if rows:
            own = np.stack([maps[i] for i in rows])  # type: ignore[misc]
            warped = affine.warp(
                x if len(rows) == len(x) else x[rows], own, self.fill_mode, self.cval, self.interpolation_order
            )
            x = warped if len(rows) == len(x) else _put(x, rows, warped)
        for i, each in enumerate(drawn):
            if each.get("channel_shift_intensity") is not None:
                x[i] = np.clip(x[i] + each["channel_shift_intensity"], x[i].min(), x[i].max())
            if each.get("flip_horizontal"):
                x[i] = x[i, :, ::-1].copy()
            if each.get("flip_vertical"):
                x[i] = x[i, ::-1].copy()
            if each.get("brightness") is not None:
                x[i] = _brightened(x[i], each["brightness"])
        return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if first else x

    def _standardized(self, x: np.ndarray) -> np.ndarray:
        """Images (N, ...), in place but for preprocessing_function and whitening."""
        if self.preprocessing_function is not None:
            made = [np.asarray(self.preprocessing_function(image)) for image in x]
            wrong = next((each.shape for each in made if each.shape != x.shape[1:]), None)
            if wrong is not None:
                raise ValueError(f"preprocessing_function gave an array {wrong} of an image {x.shape[1:]}")
            x = np.stack(made).astype(x.dtype, copy=False)
        if self.rescale:
            x *= self.rescale
        every = tuple(range(1, x.ndim))
        if self.samplewise_center:
            x -= x.mean(axis=every, keepdims=True)
        if self.samplewise_std_normalization:
            x /= x.std(axis=every, keepdims=True) + _SMALL
        if self.featurewise_center and self._has_seen("featurewise_center", self.mean):
            x -= self.mean
        if self.featurewise_std_normalization and self._has_seen("featurewise_std_normalization", self.std):
            x /= self.std + _SMALL
        if self.zca_whitening and self._has_seen("zca_whitening", self.zca_whitening_matrix):
            size = len(self.zca_whitening_matrix)  # type: ignore[arg-type]
            x = (x.reshape(-1, size) @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def _has_seen(self, name: str, learnt: np.ndarray | None) -> bool:
        if learnt is None:
            text = f"{name} has no effect before ImageDataGenerator.fit(images) has seen data"
            warnings.warn(text, stacklevel=outside())
        return learnt is not None


def numbers(seed: int | None) -> np.random.RandomState:
    """NumPy's generator that Keras draws from, by a seed; None: by fastnn's own."""
    if seed is not None:
        return np.random.RandomState(seed)
    state = random.state
    return np.random.RandomState([state.seed % 2**32, state.seed >> 32, state.advance("draws")])


def _two(name: str, given: Any) -> list[float]:
    if np.shape(given) != (2,):
        raise ValueError(f"{name} is {given!r}; it must be two numbers, (lower, upper)")
    return [given[0], given[1]]


def _one_image(x: np.ndarray) -> np.ndarray:
    if np.ndim(x) != 3:
        raise ValueError(
            f"a transform takes one image of three dimensions, got shape {np.shape(x)}: x[0] is one of a batch"
        )
    return np.asarray(x)[None]


def _either(limit: float, rng: np.random.RandomState) -> float:
    """From -limit to limit; 0 without a draw where that is 0."""
    return rng.uniform(-limit, limit) if limit else 0


def _shift(limit: Any, size: int, rng: np.random.RandomState) -> float:
    """Pixels, of a share of the size where the limit is below 1."""
    several = np.ndim(limit) > 0
    if not several and not limit:
        return 0
    if several or isinstance(limit, int | np.integer):
        shift = rng.choice(limit) * rng.choice([-1, 1])
    else:
        shift = rng.uniform(-limit, limit)
    return shift * size if (max(limit) if several else limit) < 1 else shift


def _put(x: np.ndarray, rows: Sequence[int], values: np.ndarray) -> np.ndarray:
    x[rows] = values
    return x


def _brightened(x: np.ndarray, factor: float) -> np.ndarray:
    """Pillow's way, on numbers of 0 to 255; others are brought there and back."""
    from PIL.ImageEnhance import Brightness

    low, high = float(x.min()), float(x.max())
    outside = low < 0 or high > 255
    changed = img_to_array(Brightness(array_to_img(x, "channels_last", scale=outside)).enhance(factor), "channels_last")
    return changed / 255 * (high - low) + low if outside else changed
