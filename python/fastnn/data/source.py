"""What ``--data`` may name: the built-in digits, MNIST's files, a folder of images. Opened, checked and in
memory.

The digit job works on grey images: colour becomes grey as torchvision's RGB loader and ``Grayscale`` make it.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fastnn.data.block import Memory
from fastnn.data.idx import find_mnist, mnist_name
from fastnn.data.labelled import LooseFiles
from fastnn.data.parts import FilesPart, IdxPart, Options, PackedPart, Part, Progress
from fastnn.data.paths import StrPath, cache_folder, check_folder, data_folders
from fastnn.data.pixels import PixelPlan
from fastnn.data.resident import Resident
from fastnn.errors import FormatError, fault_of, retold, told
from fastnn.io.checks import shown_path
from fastnn.io.memory import allowed_memory
from fastnn.text import way
from fastnn.transforms import CenterCrop, Grayscale, Resize

if TYPE_CHECKING:
    from fastnn.data.packed import PackCache
    from fastnn.data.split import Split

BUILT_IN = ("digits", "mnist")
_SHOWN = 20
# Folders beside the images to train on, which are no classes where the images' names say theirs.
_HELD_OUT = ("val", "test")


@dataclass
class Source:
    """A data set ready for training; ``description``: lines for the screen on its origin and gaps.

    val: what is looked at after each epoch: ``val/``, the part that was split off, or what else was given; None where
    there is a test part alone, or nothing. test: ``test/``; where there is none, the same as val.
    """

    train: Resident
    test: Resident | None
    classes: list[str]
    description: list[str]
    val: Resident | None = None


def open_source(
    spec: StrPath,
    *,
    val: StrPath | None = None,
    val_fraction: float | None = None,
    seed: int = 0,
    resize: tuple[int, int] | None = None,
    size: int | None = None,
    on_bad: str = "error",
    limit: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    channels: int | None = None,
    cache: PackCache | None = None,
    scaled_jpeg: bool = False,
    labels_from_name: bool | None = None,
    exif: bool = False,
    memory: str | int | None = None,
) -> Source:
    """Finds a data set, checks it and reads it.

    Args:
        spec: ``"digits"``: the built-in digits, drawn and kept in the cache folder on first use; ``"mnist"``:
            MNIST's files in $FASTNN_DATA or the cache folder; else a folder: IDX files, or
            ``train/<class>/*`` with ``val/<class>/*``, ``test/<class>/*`` or both, or ``<class>/*`` alone; files
            ``<class>.<number>.<ext>`` in the place of class folders.
        val: a folder to validate and test with instead, of any of these forms (``test/`` or ``val/`` in it, or class
            folders).
        val_fraction: the share of each class to validate with, by ``seed``: see :class:`fastnn.data.split.Split`.
        resize: (width, height) for all images.
        size: the shorter side of all images is made so long, and a square cut out of the middle.
        on_bad: what to do with images that cannot be used, see :func:`fastnn.data.decode.decode_folder`.
        limit: at most so many samples of each part: the first of each class, then the second, and so on.
        threads: that decode; None for as many as fastnn computes with.
        progress: called with (done, total) while images are read, first those for training.
        channels: 1 for grey, 3 for RGB; None: 3 with ``size``, else 1.
        cache: where decoded images are kept between runs; None: nowhere.
        scaled_jpeg: with resize or size, decode JPEG files at a fraction of their size, see
            :class:`fastnn.transforms.Resize`.
        labels_from_name: whether names say the classes; None: where all have that form and there are no class folders.
        exif: turn photographs upright whose camera was not held so.
        memory: what the images may take, see :func:`fastnn.io.memory.allowed_memory`: more are read from a file.

    Raises:
        FileNotFoundError, NotADirectoryError: no such folder, or none of the forms above in it.
        FormatError: damaged files, each named.
        ValueError: options that make no sense, classes or sizes of the parts that differ, MNIST not there.
        OSError: neither memory nor disk have room for the images.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; it must be at least 1")
    plan, channels = _plan(resize, size, channels, scaled_jpeg)
    split, kept = _split(val_fraction, seed), _cache_of(spec, cache)
    room = Memory(allowed_memory(memory), kept and kept.folder)
    options = Options(plan, channels, on_bad, limit, threads, progress, kept, labels_from_name, exif, room)
    root, description = _root(spec)
    parts = _with_given(_parts(root, options), val, options)
    if split is not None and parts.val is not None:
        raise ValueError(_split_refused(root if val is None else Path(val), val is None))
    return _read(parts, split, description, options)


def open_test(
    spec: StrPath,
    *,
    resize: tuple[int, int] | None = None,
    size: int | None = None,
    on_bad: str = "error",
    threads: int | None = None,
    progress: Progress | None = None,
    channels: int | None = None,
    cache: PackCache | None = None,
    labels_from_name: bool | None = None,
    exif: bool = False,
    memory: str | int | None = None,
    val_fraction: float | None = None,
    seed: int = 0,
) -> Resident:
    """The part of a data set to test with, without reading the other; of one that has only one, what ``val_fraction``
    holds out of it, or all of it.

    Arguments and errors as :func:`open_source`; without ``memory`` images that need more than half of what is free are
    an error (NotResident).
    """
    plan, channels = _plan(resize, size, channels)
    kept = _cache_of(spec, cache)
    room = None if memory is None else Memory(allowed_memory(memory), kept and kept.folder)
    options = Options(plan, channels, on_bad, None, threads, progress, kept, labels_from_name, exif, room)
    root, split = _root(spec)[0], _split(val_fraction, seed)
    parts = _parts(root, options)
    held_out = parts.test or parts.val
    if held_out is None:
        return parts.train.load(options, split)[-1]
    if split is not None:
        raise ValueError(
            f"{shown_path(root)} has a part to test with, so that none of its training images are held out: leave out "
            f"{way('--val-fraction', 'val_fraction')}"
        )
    return held_out.load(options)[0]


class Parts(NamedTuple):
    """What was found of a data set."""

    train: Part
    val: Part | None
    test: Part | None


def _read(parts: Parts, split: Split | None, description: list[str], options: Options) -> Source:
    """The images of all parts, which must have the same classes and sizes."""
    others = {"validation": parts.val, "test": None if parts.test is parts.val else parts.test}
    wanted: dict[str, tuple[Part, Split | None]] = {"training": (parts.train, split)}
    wanted |= {name: (part, None) for name, part in others.items() if part is not None}
    for name, (part, _) in wanted.items():
        _check_classes(parts.train.classes, part.classes, name)
    loaded = _load(wanted, options)
    train, *held = loaded["training"]
    for name, (other, *_) in loaded.items():
        _check_sizes(train, other, name)
    (val,) = held or loaded.get("validation", [None])
    (test,) = loaded.get("test", [val])
    notes = [_told_of_split(train, held[0], split)] if split is not None else []
    notes += options.notes + _told_of_images([part for some in loaded.values() for part in some], options)
    return Source(train, test, parts.train.classes, description + notes, val)


def _plan(
    resize: tuple[int, int] | None, size: int | None, channels: int | None, scaled_jpeg: bool = False
) -> tuple[PixelPlan, int]:
    """What is made of each image, and its channels."""
    if resize is not None and size is not None:
        raise ValueError(f"{way('--size', 'size')} and {way('--resize', 'resize')} both say how large images become")
    channels = channels if channels is not None else 1 if size is None else 3
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}; it must be 1 (grey) or 3 (RGB)")
    grey = (Grayscale(channels),) if channels == 1 else ()
    if size is not None:
        return PixelPlan((*grey, Resize(size, scaled_jpeg=scaled_jpeg), CenterCrop(size))), channels
    if resize is not None:
        return PixelPlan((*grey, Resize((resize[1], resize[0]), scaled_jpeg=scaled_jpeg))), channels
    return PixelPlan(grey), channels


def _split(fraction: float | None, seed: int) -> Split | None:
    if fraction is None:
        return None
    from fastnn.data.split import Split

    return Split(fraction, seed)


def _split_refused(folder: Path, found: bool) -> str:
    there = f"{shown_path(folder)} has val/ to validate with" if found else f"{shown_path(folder)} is to validate with"
    option = way("--val-fraction", "val_fraction")
    return f"{there}, so that none of the training images are split off: leave out {option}" + (
        ", or move val/ elsewhere" if found else ""
    )


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


def _parts(root: Path, options: Options) -> Parts:
    files = find_mnist(root)
    if files is not None:
        return Parts(_idx_part(files.train_images, files.train_labels), *_parts_beside(root, options))
    if (root / "train").is_dir():
        return Parts(_files(root / "train", options), *_parts_beside(root, options))
    train = _files(root, options, _HELD_OUT)
    return Parts(train, *(_parts_beside(root, options) if train.layout else Beside(None, None)))


class Beside(NamedTuple):
    """What a data folder holds beside the images to train on."""

    val: Part | None
    test: Part | None


def _parts_beside(root: Path, options: Options) -> Beside:
    files = find_mnist(root)
    if files is not None:
        return Beside(None, _idx_part(files.test_images, files.test_labels))
    val, test = (root / name for name in _HELD_OUT)
    return Beside(_files(val, options) if val.is_dir() else None, _test_files(test, options) if test.is_dir() else None)


def _with_given(parts: Parts, val: StrPath | None, options: Options) -> Parts:
    """With a folder of its own to validate and test with, where one is given."""
    if val is None:
        return parts
    check_folder(val)
    beside = _parts_beside(Path(val), options)
    part = beside.test or beside.val or _files(Path(val), options)
    return parts._replace(val=part, test=part)


def _idx_part(images: Path, labels: Path) -> IdxPart:
    return IdxPart(images, labels, [str(digit) for digit in range(10)])


def _test_files(folder: Path, options: Options) -> Part | None:
    """None for numbered pictures without classes, which are there to be predicted."""
    files = LooseFiles(os.fspath(folder))
    if files.folders or not files.are_numbered():
        return _files(folder, options)
    options.notes.append(
        f"{shown_path(folder)}: {len(files.names):,} numbered pictures without classes, no test set "
        "(for fastnn predict --csv)"
    )
    return None


def _files(folder: Path, options: Options, beside: Sequence[str] = ()) -> Part:
    """Class folders, or files whose names say their class. beside: folders that are no classes then."""
    loose = LooseFiles(os.fspath(folder))
    by_name = options.labels_from_name
    if by_name is None:
        found = loose.are_labelled() and not {*loose.folders} - {*beside}
        by_name = found or bool(loose.names and not loose.folders)
    return _labelled(folder, options) if by_name else _class_folders(folder, options)


def _labelled(folder: Path, options: Options) -> Part:
    layout = " by name"
    if (part := _trusted(folder, layout, options)) is not None:
        return part
    files = LooseFiles(os.fspath(folder), stamped=options.cache is not None).labelled()
    if options.labels_from_name is None:
        classes = ", ".join(map(shown_path, files.classes[:_SHOWN])) + ", ..." * (len(files.classes) > _SHOWN)
        options.notes.append(f"{shown_path(folder)}: classes by the names of the files, {classes}")
    return FilesPart(folder, files.samples, files.classes, files.found() if options.cache else None, layout)


def _class_folders(folder: Path, options: Options) -> Part:
    from fastnn.data.folder import ImageFolder

    if options.cache is None:
        dataset = ImageFolder(folder)
        return FilesPart(folder, dataset.samples, dataset.classes)
    if (part := _trusted(folder, "", options)) is not None:
        return part
    from fastnn.data.packed import StampedFolder

    stamped = StampedFolder(folder)
    return FilesPart(folder, stamped.samples, stamped.classes, stamped.found())


def _trusted(folder: Path, layout: str, options: Options) -> Part | None:
    """The images of a folder as a trusted cache has them."""
    cache, memory = options.cache, options.memory
    pack = None if cache is None else cache.load_trusted(os.fspath(folder), options.key + layout, memory)
    if pack is None:
        return None
    if memory is not None:
        memory.note(pack.images)
    return PackedPart(folder, pack, pack.classes, layout)


def _check_classes(train: list[str], other: list[str], part: str) -> None:
    if train == other:
        return
    alike = [unicodedata.normalize("NFC", name) for name in train] == [unicodedata.normalize("NFC", n) for n in other]
    show = ascii if alike else repr  # names that look the same
    shown = f"train: {_shown_list(train, show)}, {part}: {_shown_list(other, show)}"
    for label, name in enumerate(other):
        if name not in train:
            text = (
                f"the {part} data has class {show(name)} (index {label} there) that training lacks; "
                f"labels would be shifted. {shown}"
            )
            raise told(ValueError(text), "class.unknown", name=name, index=label)
    missing = next(name for name in train if name not in other)
    text = f"the {part} data lacks class {show(missing)} that training has; labels would be shifted. {shown}"
    raise told(ValueError(text), "class.missing", name=missing)


def _check_sizes(train: Resident, other: Resident, part: str) -> None:
    (_, height, width), (_, other_height, other_width) = train.shape, other.shape
    if train.shape != other.shape:
        raise ValueError(
            f"training images are {width}x{height}, {part} images {other_width}x{other_height}: "
            f"use {way(f'--resize {width}x{height}', f'resize=({width}, {height})')}"
        )


def _told_of_split(train: Resident, val: Resident, split: Split) -> str:
    total = len(train) + len(val)
    lone = [name for label, name in enumerate(train.classes) if label not in val.targets]
    none = f"; none of {_shown_list(lone)}, with a single image" if lone else ""
    return f"{len(val):,} of {total:,} images are held out for the validation, by seed {split.seed}{none}"


def _told_of_images(parts: list[Resident], options: Options) -> list[str]:
    """What to say of all images: how they lie, in both senses."""
    notes = []
    count, total = (sum(counts) for counts in zip(*options.turned, strict=True)) if options.turned else (0, 0)
    if count and not options.exif:
        turn = way("--exif", "exif=True")
        notes.append(f"{count:,} of {total:,} photographs were turned by their camera and stay as they lie: {turn}")
    photographs = options.channels == 3 or CenterCrop in map(type, options.plan.steps)
    if options.memory is not None and (photographs or options.memory.in_file):
        channels, height, width = parts[0].shape
        what = f"{sum(map(len, parts)):,} images of {width}x{height}x{channels}"
        notes.append(f"{what}: {options.memory.line()}")
    return notes


def _shown_list(names: list[str], show: Callable[[str], str] = repr) -> str:
    return f"[{', '.join(map(show, names[:_SHOWN]))}{', ...' if len(names) > _SHOWN else ''}]"


def _load(parts: dict[str, tuple[Part, Split | None]], options: Options) -> dict[str, list[Resident]]:
    """The images of all parts; asked to list bad images, it lists those of all."""
    loaded, errors = {}, []
    for name, (part, split) in parts.items():
        try:
            loaded[name] = part.load(options, split)
        except FormatError as error:
            errors.append(error)
        if errors and options.on_bad != "list":
            break
        for resident in loaded.get(name, ()):
            if options.memory is not None:
                options.memory.note(resident.images)
    if errors:
        raise retold(FormatError("\n".join(map(str, errors))), fault_of(errors[0])) from errors[0]
    return loaded
