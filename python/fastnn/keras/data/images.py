"""``image_dataset_from_directory``: a folder of photographs as a :class:`Dataset`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn.io.checks import shown_path
from fastnn.io.memory import fits_memory
from fastnn.keras.data.dataset import Dataset
from fastnn.keras.data.structure import drawn_seed
from fastnn.keras.layers.preprocessing.resampling import INTERPOLATIONS, cropped, resized
from fastnn.keras.layers.windows import data_format_of, sizes_of
from fastnn.keras.progress import show

if TYPE_CHECKING:
    from PIL import Image

StrPath = str | os.PathLike[str]
Size = tuple[int, int]

FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_MODES = {"rgb": ("RGB", 3), "rgba": ("RGBA", 4), "grayscale": ("L", 1)}


def image_dataset_from_directory(
    directory: StrPath,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The images in ``directory/<class>/`` and below, as batches (images, labels); of a subset "both", two data sets.

    Images are float32 (batch, rows, columns, channels) of whole numbers from 0 to 255; labels int32 (batch,),
    ``categorical`` float32 (batch, classes) or ``binary`` float32 (batch, 1). The data set has ``class_names`` and
    ``file_paths``; what is made of it has not. Files are in Keras' order, and a seed shuffles and splits them as there.

    Each file is decoded once, when it is first asked for, and kept as uint8 as long as there is room; so numbers
    between whole ones, which resizing makes (Keras', without antialiasing), are rounded. EXIF's orientation changes
    nothing.

    labels: "inferred" from the folders; a list of one for each file in the order of paths; None for images alone.
    class_names: the folders to take, in the order of their numbers. color_mode: "rgb", "rgba" or "grayscale".
    batch_size: None for single images. shuffle: a new order each pass; False: by path. validation_split: the share of
    files held out; subset: "training", "validation" or "both" of these. interpolation: "bilinear", "nearest",
    "bicubic", "lanczos3" or "lanczos5". follow_links: follow links to folders, and take files outside of the directory
    through links. crop_to_aspect_ratio: cut what the proportions of image_size leave out; pad_to_aspect_ratio: black
    there.

    Raises:
        NotADirectoryError: there is no such folder.
        ValueError: an argument that is out of range, or no image.
    """
    root, interpolation = os.fspath(directory), interpolation.lower()
    data_format_of("image_dataset_from_directory", data_format)
    _check(label_mode, color_mode, interpolation, subset, format)
    _check_subset(validation_split, subset, shuffle, seed)
    fit = _fit(crop_to_aspect_ratio, pad_to_aspect_ratio)
    size = sizes_of("image_dataset_from_directory", "image_size", image_size, 2)
    paths, numbers, names = _files(root, labels, class_names, follow_links)
    if verbose:
        show(f"Found {len(paths)} files" + ("." if names is None else f" belonging to {len(names)} classes."))
    targets = _targets(numbers, label_mode, names)
    made = []
    for part, order_seed in _parts(len(paths), root, shuffle, seed, validation_split, subset):
        photos = Photos([paths[number] for number in part], size, color_mode, interpolation, fit)
        made.append(_ordered(photos, None if targets is None else targets[part], batch_size, order_seed))
        made[-1].class_names, made[-1].file_paths = names, photos.paths
    return made if subset == "both" else made[0]


class Photos:
    """Image files as rows: float32 (rows, columns, channels) of a number, with a first axis more of an array of them.

    fit: "stretch", "crop" or "pad". Each is decoded when it is first asked for, by fastnn's number of threads, and kept
    as uint8 where half of the free memory holds all of them.
    """

    def __init__(self, paths: list[str], size: Size, color_mode: str, interpolation: str, fit: str) -> None:
        self.paths = paths
        self.size, self.interpolation, self.fit = size, interpolation, fit
        self.mode, channels = _MODES[color_mode]
        self.shape = (*size, channels)
        self._block: np.ndarray | None = None
        if fits_memory(len(paths) * int(np.prod(self.shape))):
            self._block = np.empty((len(paths), *self.shape), np.uint8)
        self._there = np.zeros(len(paths), bool)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, numbers: Any) -> np.ndarray:
        numbers = np.asarray(numbers)
        flat = numbers.reshape(-1)
        if self._block is None:
            found = self._read(flat)
        else:
            lacking = np.unique(flat[~self._there[flat]])
            self._block[lacking] = self._read(lacking)
            self._there[lacking] = True
            found = self._block[flat]
        return found.reshape(*numbers.shape, *self.shape).astype(np.float32)

    def _read(self, numbers: np.ndarray) -> np.ndarray:
        out = np.empty((len(numbers), *self.shape), np.uint8)
        threads = min(_core.get_num_threads(), len(numbers))
        if threads < 2:
            for image, number in zip(out, numbers, strict=True):
                image[...] = self._image(self.paths[number])
            return out
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as team:
            for image, found in zip(out, team.map(self._image, [self.paths[n] for n in numbers]), strict=True):
                image[...] = found
        return out

    def _image(self, path: str) -> np.ndarray:
        from fastnn.data.images import open_image

        image = open_image(path)
        pixels = np.asarray(_in_mode(image, self.mode)).reshape(*image.size[::-1], self.shape[-1])
        if self.fit == "crop":
            pixels = cropped(pixels, self.size)
        ratio = max(there / wanted for there, wanted in zip(pixels.shape, self.size, strict=False))
        exact = [there / ratio for there in pixels.shape[:2]] if self.fit == "pad" else self.size
        tall, wide = (max(int(size), 1) for size in exact)
        above, left = (int((size - inner) / 2) for size, inner in zip(self.size, exact, strict=True))
        out = np.zeros(self.shape, np.uint8)  # what tf.image.resize_with_pad leaves black
        inner = resized(pixels, (tall, wide), self.interpolation)
        out[above : above + tall, left : left + wide] = np.rint(inner).clip(0, 255)
        return out


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    from fastnn.data.images import to_rgb

    if image.mode == mode:
        return image
    alpha = mode == "RGBA" and (image.mode in ("LA", "PA") or "transparency" in image.info)
    return image.convert("RGBA") if alpha else to_rgb(image).convert(mode)


def _ordered(photos: Photos, targets: np.ndarray | None, batch_size: int | None, seed: int | None) -> Dataset:
    """Photographs with what they are, in a new order each pass where there is a seed."""

    def rows(item: Any) -> Any:
        return photos[item] if targets is None else (photos[item], targets[item])

    images = Dataset.of_rows(rows, len(photos))
    if seed is not None:
        images = images.shuffle(8 * batch_size if batch_size else 1024, seed)  # Keras'
    return images if batch_size is None else images.batch(batch_size)


def _targets(numbers: np.ndarray | None, label_mode: str | None, names: Sequence[str] | None) -> np.ndarray | None:
    if numbers is None or names is None or label_mode is None:
        return None
    if label_mode == "binary":
        if len(names) != 2:
            raise ValueError(
                f"image_dataset_from_directory: label_mode 'binary' needs 2 classes, there are {len(names)}"
            )
        return numbers[:, None].astype(np.float32)
    return np.eye(len(names), dtype=np.float32)[numbers] if label_mode == "categorical" else numbers


def _parts(
    count: int, root: str, shuffle: bool, seed: int | None, share: float | None, subset: str | None
) -> Iterator[tuple[np.ndarray, int | None]]:
    """Numbers of the files of a subset, or of both, and the seed of each pass's order; None: they are in none."""
    if not count:
        raise ValueError(f"{shown_path(root)} has no images: looked for {' '.join(FORMATS)}")
    order = np.arange(count)
    if shuffle:
        seed = drawn_seed() if seed is None else seed
        np.random.RandomState(seed).shuffle(order)
    seed = seed if shuffle else None
    if not share:
        yield order, seed
        return
    held = int(share * count)
    if held == 0:
        raise ValueError(
            f"validation_split {share} of the {count} images in {shown_path(root)} leaves none to validate"
        )
    if subset != "validation":
        show(f"Using {count - held} files for training.")
        yield order[:-held], seed
    if subset != "training":
        show(f"Using {held} files for validation.")
        yield order[-held:], seed if subset == "validation" else None


# -- which files there are ---------------------------------------------------------------------------------------------


def _files(
    root: str, labels: Any, class_names: Sequence[str] | None, follow_links: bool
) -> tuple[list[str], np.ndarray | None, list[str] | None]:
    """Paths, the class of each, and the classes' names; None where there are none."""
    if not os.path.isdir(root):
        raise NotADirectoryError(f"{shown_path(root)} is no folder: image_dataset_from_directory takes one of images")
    if not isinstance(labels, str):
        if class_names is not None:
            raise ValueError("image_dataset_from_directory: class_names go with labels='inferred'")
        paths = _images_below(root, root, follow_links)
        return (paths, None, None) if labels is None else (paths, *_given(labels, paths, root))
    if labels != "inferred":
        raise ValueError(f"image_dataset_from_directory: labels is {labels!r}; it must be 'inferred', a list or None")
    folders = [each.name for each in os.scandir(root) if each.is_dir() and not each.name.startswith(".")]
    names = sorted(folders) if class_names is None else list(class_names)
    if not names or not set(names) <= set(folders):
        found = ", ".join(map(repr, sorted(folders))) or "none"
        wanted = f"class_names are {names}; the " if names else "expected a folder for each class; the "
        raise ValueError(f"{wanted}folders in {shown_path(root)} are: {found}")
    found_in = [_images_below(os.path.join(root, name), root, follow_links) for name in names]
    numbers = np.repeat(np.arange(len(names), dtype=np.int32), [len(found) for found in found_in])
    return [path for found in found_in for path in found], numbers, names


def _given(labels: Any, paths: list[str], root: str) -> tuple[np.ndarray, list[str]]:
    numbers = np.asarray(labels)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise ValueError("image_dataset_from_directory: labels must be a list of class numbers, one for each file")
    if len(numbers) != len(paths):
        raise ValueError(f"there are {len(numbers)} labels for the {len(paths)} images in {shown_path(root)}")
    return numbers.astype(np.int32), [str(label) for label in sorted(set(numbers.tolist()))]


def _images_below(folder: str, root: str, follow_links: bool) -> list[str]:
    """In Keras' order: folder by folder, by name. Without follow_links, nothing that lies outside of the root."""
    inside = os.path.join(os.path.realpath(root), "")

    def is_inside(path: str) -> bool:
        return follow_links or os.path.join(os.path.realpath(path), "").startswith(inside)

    found = []
    for place, _, files in sorted(os.walk(folder, followlinks=follow_links), key=lambda entry: entry[0]):
        paths = [os.path.join(place, name) for name in sorted(files) if name.lower().endswith(FORMATS)]
        found += [path for path in paths if not os.path.islink(path) or is_inside(path)] if is_inside(place) else []
    return found


def _check(label_mode: Any, color_mode: Any, interpolation: Any, subset: Any, format: Any) -> None:
    choices = {
        "label_mode": (label_mode, ("int", "categorical", "binary", None)),
        "color_mode": (color_mode, tuple(_MODES)),
        "interpolation": (interpolation, INTERPOLATIONS),
        "subset": (subset, ("training", "validation", "both", None)),
        "format": (format, ("tf",)),
    }
    for name, (given, known) in choices.items():
        if given not in known:
            shown = ", ".join(map(repr, known))
            raise ValueError(f"image_dataset_from_directory: {name} is {given!r}; it must be one of {shown}")


def _check_subset(share: float | None, subset: str | None, shuffle: bool, seed: int | None) -> None:
    if share and not 0 < share < 1:
        raise ValueError(f"image_dataset_from_directory: validation_split is {share}; it must be between 0 and 1")
    if bool(share) != (subset is not None):
        raise ValueError("image_dataset_from_directory: validation_split and subset go together; give both or neither")
    if share and shuffle and seed is None:
        raise ValueError(
            "image_dataset_from_directory: validation_split with shuffle needs a seed, the same for both subsets, so "
            "that no file is in both"
        )


def _fit(crop: bool, pad: bool) -> str:
    if crop and pad:
        raise ValueError("image_dataset_from_directory: crop_to_aspect_ratio or pad_to_aspect_ratio, not both")
    return "crop" if crop else "pad" if pad else "stretch"
