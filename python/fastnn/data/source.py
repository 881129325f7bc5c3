"""What ``--data`` may name: the built-in digits, MNIST's files, a folder of images. Opened, checked and in
memory.

The digit job works on grey images: colour becomes grey as torchvision's RGB loader and ``Grayscale`` make it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fastnn.data.idx import find_mnist, mnist_name, read_labelled
from fastnn.data.paths import StrPath, cache_folder, check_folder, data_folders
from fastnn.data.pixels import PixelPlan, array_pixels
from fastnn.data.resident import FileNames, NumberedNames, Resident
from fastnn.errors import FormatError, fault_of, retold, told
from fastnn.io.checks import shown_path
from fastnn.text import way
from fastnn.transforms import Grayscale, Resize

if TYPE_CHECKING:
    from fastnn.data.packed import Found, Pack, PackCache

Progress = Callable[[int, int], None]
BUILT_IN = ("digits", "mnist")
_SHOWN = 20


@dataclass
class Source:
    """A data set ready for training; ``description``: lines for the screen on its origin and gaps."""

    train: Resident
    test: Resident | None
    classes: list[str]
    description: list[str]


@dataclass(frozen=True)
class Options:
    """How :func:`open_source` is to read, and ``notes`` about what it left out."""

    plan: PixelPlan
    channels: int
    on_bad: str
    limit: int | None
    threads: int | None
    progress: Progress | None
    cache: PackCache | None = None
    notes: list[str] = field(default_factory=list)


class Part(Protocol):
    """The training or the test half of a data set, found but not yet read."""

    classes: list[str]

    def load(self, options: Options) -> Resident: ...


def open_source(
    spec: StrPath,
    *,
    val: StrPath | None = None,
    resize: tuple[int, int] | None = None,
    on_bad: str = "error",
    limit: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    channels: int = 1,
    cache: PackCache | None = None,
    scaled_jpeg: bool = False,
) -> Source:
    """Finds a data set, checks it and reads it into memory.

    Args:
        spec: ``"digits"``: the built-in digits, drawn and kept in the cache folder on first use; ``"mnist"``:
            MNIST's files in $FASTNN_DATA or the cache folder; else a folder: IDX files, or
            ``train/<class>/*`` with ``test/<class>/*`` (or ``val/``), or ``<class>/*`` alone.
        val: a folder to test with instead, of any of these forms (``test/`` or ``val/`` in it, or class
            folders).
        resize: (width, height) for all images.
        on_bad: what to do with images that cannot be used, see :func:`fastnn.data.decode.decode_folder`.
        limit: at most so many samples for training and as many for the test: the first of each class, then
            the second of each class, and so on, in the order of the files.
        threads: that decode; None for as many as fastnn computes with.
        progress: called with (done, total) while images are read, first those for training.
        channels: 1 for grey, 3 for RGB.
        cache: where decoded images are kept between runs; None: nowhere.
        scaled_jpeg: with resize, decode JPEG files at a fraction of their size, see
            :class:`fastnn.transforms.Resize`.

    Raises:
        FileNotFoundError, NotADirectoryError: no such folder, or none of the forms above in it.
        FormatError: damaged files, each named.
        ValueError: options that make no sense, classes or sizes of training and test that differ, MNIST not
            there.
    """
    plan = _plan(resize, channels, scaled_jpeg)
    options = Options(plan, channels, on_bad, limit, threads, progress, _cache_of(spec, cache))
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; it must be at least 1")
    root, description = _root(spec)
    train, test = _parts(root, options)
    if val is not None:
        check_folder(val)
        test = _test_part(Path(val), options) or _class_folders(Path(val), options)
    if test is not None:
        _check_classes(train.classes, test.classes)
    loaded = _load([part for part in (train, test) if part is not None], options)
    shapes = {resident.shape for resident in loaded}
    if len(shapes) > 1:
        (_, height, width), (_, test_height, test_width) = (resident.shape for resident in loaded)
        raise ValueError(
            f"training images are {width}x{height}, test images {test_width}x{test_height}: "
            f"use {way(f'--resize {width}x{height}', f'resize=({width}, {height})')}"
        )
    return Source(loaded[0], loaded[1] if test else None, train.classes, description + options.notes)


def open_test(
    spec: StrPath,
    *,
    resize: tuple[int, int] | None = None,
    on_bad: str = "error",
    threads: int | None = None,
    progress: Progress | None = None,
    channels: int = 1,
    cache: PackCache | None = None,
) -> Resident:
    """The part of a data set to test with, without reading the other; all of it where it has only one.

    Arguments and errors as :func:`open_source`.
    """
    options = Options(_plan(resize, channels), channels, on_bad, None, threads, progress, _cache_of(spec, cache))
    train, test = _parts(_root(spec)[0], options)
    return (test or train).load(options)


@dataclass
class IdxPart:
    """A pair of IDX files."""

    images: Path
    labels: Path
    classes: list[str]

    def load(self, options: Options) -> Resident:
        x, y = read_labelled(self.images, self.labels, len(self.classes))
        if not len(x):
            raise FormatError(f"{shown_path(self.images)} has no images")
        rows = first_of_each_class(y, options.limit)
        _note_limit(options, len(rows), len(x), self.images)
        if len(rows) < len(x):
            x, y = x[rows], y[rows]
        pixels = array_pixels(x, options.plan)
        if options.channels == 3:
            pixels = np.repeat(pixels, 3, axis=1)
        return Resident(pixels, y, NumberedNames(self.images.name, rows), self.classes)


@dataclass
class FolderPart:
    """Class folders."""

    folder: Path
    samples: list[tuple[str, int]]
    classes: list[str]
    found: Found | None = None  # for the cache; without it nothing is kept

    def targets(self) -> np.ndarray:
        """int64 (N,), the label of each sample."""
        return np.array([label for _, label in self.samples], np.int64)

    def load(self, options: Options) -> Resident:
        cache = options.cache if self.found is not None else None
        if cache is not None and (images := cache.load(self.found, options.plan.key)) is not None:
            paths = [path for path, _ in self.samples]
            return _limited(self.folder, images, self.targets(), paths, self.classes, options)
        resident = self._read(options)
        if cache is not None and len(resident) == len(self.samples):
            cache.store(self.found, options.plan.key, resident.images)
        return resident

    def _read(self, options: Options) -> Resident:
        from fastnn.data.decode import decode_folder

        y = self.targets()
        rows = first_of_each_class(y, options.limit)
        _note_limit(options, len(rows), len(y), self.folder)
        paths = [self.samples[row][0] for row in rows]
        decoded = decode_folder(
            paths, options.plan, threads=options.threads, on_bad=options.on_bad, progress=options.progress
        )
        if decoded.problems:
            messages = [problem.message for problem in decoded.problems]
            options.notes.append(f"left out {len(messages):,} of {len(paths):,} images in {shown_path(self.folder)}:")
            options.notes.extend(f"  {message}" for message in messages[:_SHOWN])
            if len(messages) > _SHOWN:
                options.notes.append(f"  and {len(messages) - _SHOWN:,} more")
        kept = decoded.kept
        return Resident(decoded.images, y[rows[kept]], FileNames([paths[i] for i in kept]), self.classes)


@dataclass
class PackedPart:
    """Class folders whose images are in a trusted cache."""

    folder: Path
    pack: Pack
    classes: list[str]

    def load(self, options: Options) -> Resident:
        pack = self.pack
        return _limited(self.folder, pack.images, pack.targets, pack.paths, self.classes, options)


def first_of_each_class(targets: np.ndarray, limit: int | None) -> np.ndarray:
    """At most ``limit`` rows, ascending, int64: the first of each class, then the second, and so on."""
    if limit is None or limit >= len(targets):
        return np.arange(len(targets))
    by_class = np.argsort(targets, kind="stable")
    starts = np.searchsorted(targets[by_class], targets[by_class])
    turn = np.empty(len(targets), np.int64)
    turn[by_class] = np.arange(len(targets)) - starts
    return np.sort(np.lexsort((targets, turn))[:limit])


def _plan(resize: tuple[int, int] | None, channels: int, scaled_jpeg: bool = False) -> PixelPlan:
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}; it must be 1 (grey) or 3 (RGB)")
    if resize is None:
        return PixelPlan((Grayscale(channels),)) if channels == 1 else PixelPlan(())
    size = Resize((resize[1], resize[0]), scaled_jpeg=scaled_jpeg)
    return PixelPlan((Grayscale(1), size)) if channels == 1 else PixelPlan((size,))


def _cache_of(spec: StrPath, cache: PackCache | None) -> PackCache | None:
    """None for the built-in digits: they are in the cache folder already."""
    return None if spec == "digits" else cache


def _root(spec: StrPath) -> tuple[Path, list[str]]:
    """The folder that ``spec`` stands for, and what to say about it."""
    if spec == "digits":
        from fastnn.data.digits import digits_folder

        folder = Path(digits_folder())
        return folder, [
            f"built-in digits in {shown_path(folder)}: synthetic, drawn by fastnn, not handwriting",
            "for real MNIST: --data FOLDER with its four IDX files, or --data mnist",
        ]
    if spec == "mnist":
        return _local_mnist(), []
    check_folder(spec, BUILT_IN)
    return Path(spec), []


def _local_mnist() -> Path:
    cache, own = cache_folder(), os.environ.get("FASTNN_DATA")
    for place in data_folders("mnist"):
        if place.is_dir() and find_mnist(place):
            return place
    names = "".join(f"\n  {mnist_name(split, kind)}" for split in ("train", "t10k") for kind in ("images", "labels"))
    looked = f" (FASTNN_DATA is {shown_path(own)}, where they are not)" if own else ""
    raise ValueError(
        f"no local copy of MNIST{looked}. "
        f"Put these four files, gzip-compressed or not, into {shown_path(cache / 'mnist')}:{names}\n"
        f"or name the folder that holds them: {way('--data FOLDER', 'its path')}, or FASTNN_DATA=FOLDER. "
        "They are at https://ossci-datasets.s3.amazonaws.com/mnist/. "
        f"The built-in data needs no files: {way('--data digits', 'digits')}"
    )


def _parts(root: Path, options: Options) -> tuple[Part, Part | None]:
    files = find_mnist(root)
    if files is not None:
        return _idx_part(files.train_images, files.train_labels), _test_part(root, options)
    if (root / "train").is_dir():
        return _class_folders(root / "train", options), _test_part(root, options)
    return _class_folders(root, options), None


def _test_part(root: Path, options: Options) -> Part | None:
    """What a data folder holds for the test."""
    files = find_mnist(root)
    if files is not None:
        return _idx_part(files.test_images, files.test_labels)
    folders: Sequence[Path] = [root / name for name in ("test", "val") if (root / name).is_dir()]
    return _class_folders(folders[0], options) if folders else None


def _idx_part(images: Path, labels: Path) -> IdxPart:
    return IdxPart(images, labels, [str(digit) for digit in range(10)])


def _class_folders(folder: Path, options: Options) -> Part:
    from fastnn.data.folder import ImageFolder

    if options.cache is None:
        dataset = ImageFolder(folder)
        return FolderPart(folder, dataset.samples, dataset.classes)
    from fastnn.data.packed import StampedFolder

    pack = options.cache.load_trusted(os.fspath(folder), options.plan.key)
    if pack is not None:
        return PackedPart(folder, pack, pack.classes)
    stamped = StampedFolder(folder)
    return FolderPart(folder, stamped.samples, stamped.classes, stamped.found())


def _check_classes(train: list[str], test: list[str]) -> None:
    if train == test:
        return
    shown = f"train: {_shown_list(train)}, test: {_shown_list(test)}"
    for label, name in enumerate(test):
        if name not in train:
            text = (
                f"the test data has class {name!r} (index {label} there) that training lacks; "
                f"labels would be shifted. {shown}"
            )
            raise told(ValueError(text), "class.unknown", name=name, index=label)
    missing = next(name for name in train if name not in test)
    text = f"the test data lacks class {missing!r} that training has; labels would be shifted. {shown}"
    raise told(ValueError(text), "class.missing", name=missing)


def _shown_list(names: list[str]) -> str:
    return f"[{', '.join(map(repr, names[:_SHOWN]))}{', ...' if len(names) > _SHOWN else ''}]"


def _load(parts: list[Part], options: Options) -> list[Resident]:
    """All parts; asked to list bad images, it lists those of all parts."""
    loaded, errors = [], []
    for part in parts:
        try:
            loaded.append(part.load(options))
        except FormatError as error:
            errors.append(error)
        if errors and options.on_bad != "list":
            break
    if errors:
        raise retold(FormatError("\n".join(map(str, errors))), fault_of(errors[0])) from errors[0]
    return loaded


def _limited(
    folder: Path, images: np.ndarray, y: np.ndarray, paths: list[str], classes: list[str], options: Options
) -> Resident:
    """All images of class folders, or as many as were asked for."""
    rows = first_of_each_class(y, options.limit)
    _note_limit(options, len(rows), len(y), folder)
    if len(rows) < len(y):
        images, y, paths = images[rows], y[rows], [paths[row] for row in rows]
    return Resident(images, y, FileNames(paths), classes)


def _note_limit(options: Options, kept: int, total: int, where: Path) -> None:
    if kept < total:
        options.notes.append(
            f"limited to {kept:,} of {total:,} images in {shown_path(where)}: "
            "the first of each class, then the second, ..."
        )
