"""The parts of a data set: found, not yet read; each gives its images, or those to train on and those held out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fastnn.data.block import Block, Memory, arranged
from fastnn.data.idx import read_labelled
from fastnn.data.pixels import PixelPlan
from fastnn.data.resident import FileNames, NumberedNames, Resident, allocate_block
from fastnn.errors import FormatError
from fastnn.io.checks import listed, shown_path

if TYPE_CHECKING:
    from fastnn.data.packed import Found, Pack, PackCache
    from fastnn.data.split import Split

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """How parts are to be read, and ``notes`` about what was left out.

    memory: how much of it the images may take before they go into a file; None: an error where they need more than half
    of what is free.
    """

    plan: PixelPlan
    channels: int
    on_bad: str
    limit: int | None
    threads: int | None
    progress: Progress | None
    cache: PackCache | None = None
    labels_from_name: bool | None = None
    exif: bool = False
    memory: Memory | None = None
    notes: list[str] = field(default_factory=list)
    turned: list[tuple[int, int]] = field(default_factory=list)  # camera not upright, of how many, a part

    @property
    def key(self) -> str:
        """What decides the pixels, as text."""
        return f"{self.plan.key}{' upright' * self.exif}"

    def room(self, count: int, shape: tuple[int, int, int]) -> Block:
        """Where so many images (C, H, W) go."""
        if self.memory is not None:
            return self.memory.block(count, shape)
        return Block(allocate_block(count, shape, channels_last=True))

    def arranged(self, images: np.ndarray, order: np.ndarray) -> np.ndarray:
        """See :func:`fastnn.data.block.arranged`."""
        return arranged(images, order, self.room)


class Part(Protocol):
    """One part of a data set, found but not yet read. layout: of its folder, where it is not class folders."""

    classes: list[str]
    layout: str

    def load(self, options: Options, split: Split | None = None) -> list[Resident]:
        """Its images; with a split those to train on, then those held out."""
        ...


@dataclass
class IdxPart:
    """A pair of IDX files."""

    images: Path
    labels: Path
    classes: list[str]
    layout = ""

    def load(self, options: Options, split: Split | None = None) -> list[Resident]:
        x, y = read_labelled(self.images, self.labels, len(self.classes))
        if not len(x):
            raise FormatError(f"{shown_path(self.images)} has no images")
        groups = _groups(split, list(map(str, range(len(x)))) if split else [], y, options, self.images)
        rows = np.concatenate(groups)
        whole = np.array_equal(rows, np.arange(len(x)))
        pixels = _pixels(x if whole else x[rows], options)
        return _cut(pixels, y[rows], NumberedNames(self.images.name, rows), self.classes, groups)


@dataclass
class FilesPart:
    """Files, each an image."""

    folder: Path
    samples: list[tuple[str, int]]
    classes: list[str]
    found: Found | None = None  # for the cache; without it nothing is kept
    layout: str = ""

    def load(self, options: Options, split: Split | None = None) -> list[Resident]:
        paths, y = [path for path, _ in self.samples], np.array([label for _, label in self.samples], np.int64)
        groups = _groups(split, _relative(paths, self.folder) if split else [], y, options, self.folder)
        cache, key = options.cache if self.found is not None else None, options.key + self.layout
        kept = None if cache is None else cache.load(self.found, key, options.memory)
        if kept is not None:
            return _residents(*kept, np.arange(len(y)), groups, y, paths, self.classes, options)
        rows = np.sort(np.concatenate(groups))
        images, turned, read = self._read([paths[row] for row in rows], options)
        rows = rows[read]
        if cache is not None and len(rows) == len(y):
            cache.store(self.found, key, images, turned)
            if not images.flags.writeable:  # the pack is a file too, and one is enough
                images, turned = cache.load(self.found, key, options.memory) or (images, turned)
        return _residents(images, turned, rows, groups, y, paths, self.classes, options)

    def _read(self, paths: list[str], options: Options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(images, turned, which of the paths they are)."""
        from fastnn.data.decode import decode_folder

        decoded = decode_folder(
            paths,
            options.plan,
            threads=options.threads,
            on_bad=options.on_bad,
            progress=options.progress,
            room=options.room,
            exif=options.exif,
        )
        if decoded.problems:
            messages = [problem.message for problem in decoded.problems]
            head = f"left out {len(messages):,} of {len(paths):,} images in {shown_path(self.folder)}:"
            options.notes.extend(listed(head, messages).split("\n"))
        return decoded.images, decoded.turned, decoded.kept


@dataclass
class PackedPart:
    """Files whose images are in a trusted cache."""

    folder: Path
    pack: Pack
    classes: list[str]
    layout: str = ""

    def load(self, options: Options, split: Split | None = None) -> list[Resident]:
        pack, paths = self.pack, self.pack.paths
        if options.memory is not None:  # which has counted the pack since it was found
            options.memory.drop(pack.images)
        groups = _groups(split, _relative(paths, self.folder) if split else [], pack.targets, options, self.folder)
        rows = np.arange(len(paths))
        return _residents(pack.images, pack.turned, rows, groups, pack.targets, paths, self.classes, options)


def first_of_each_class(targets: np.ndarray, limit: int | None) -> np.ndarray:
    """At most ``limit`` rows, ascending, int64: the first of each class, then the second, and so on."""
    if limit is None or limit >= len(targets):
        return np.arange(len(targets))
    by_class = np.argsort(targets, kind="stable")
    starts = np.searchsorted(targets[by_class], targets[by_class])
    turn = np.empty(len(targets), np.int64)
    turn[by_class] = np.arange(len(targets)) - starts
    return np.sort(np.lexsort((targets, turn))[:limit])


def _groups(
    split: Split | None, names: list[str], targets: np.ndarray, options: Options, where: Path
) -> list[np.ndarray]:
    """The rows of all images, or of those to train on and those held out; as many of each as are wanted."""
    held = np.zeros(len(targets), bool) if split is None else split.held_out(names, targets)
    groups = [np.flatnonzero(~held), *([] if split is None else [np.flatnonzero(held)])]
    groups = [rows[first_of_each_class(targets[rows], options.limit)] for rows in groups]
    kept = sum(map(len, groups))
    if kept < len(targets):
        options.notes.append(
            f"limited to {kept:,} of {len(targets):,} images in {shown_path(where)}: "
            "the first of each class, then the second, ..."
        )
    return groups


def _relative(paths: list[str], folder: Path) -> list[str]:
    """The paths beneath a folder, with ``/`` between their parts on every system."""
    start = len(os.path.join(folder, ""))
    return [path[start:].replace(os.sep, "/") for path in paths]


def _residents(
    images: np.ndarray,
    turned: np.ndarray,
    rows: np.ndarray,
    groups: list[np.ndarray],
    targets: np.ndarray,
    paths: list[str],
    classes: list[str],
    options: Options,
) -> list[Resident]:
    """The groups of rows, less those that are not there; ``rows``, ascending: which the images are."""
    groups = [group[np.isin(group, rows)] for group in groups]
    order = np.concatenate(groups)
    places = np.searchsorted(rows, order)
    options.turned.append((np.count_nonzero(turned[places]), len(places)))
    names = FileNames([paths[row] for row in order])
    return _cut(options.arranged(images, places), targets[order], names, classes, groups)


def _cut(
    images: np.ndarray, targets: np.ndarray, names: Sequence[str], classes: list[str], groups: list[np.ndarray]
) -> list[Resident]:
    """One set of images as several, a view each."""
    ends = np.cumsum([len(group) for group in groups]).tolist()
    cuts = [slice(end - len(group), end) for end, group in zip(ends, groups, strict=True)]
    return [Resident(images[cut], targets[cut], names[cut], list(classes)) for cut in cuts]


def _pixels(x: np.ndarray, options: Options) -> np.ndarray:
    """uint8 (N, C, H, W) of grey images (N, H, W)."""
    plan = options.plan
    if options.channels == 1 and plan.leaves_grey:
        return np.ascontiguousarray(x[:, None])
    from PIL import Image

    _, height, width = plan.pixels(Image.fromarray(x[0])).shape
    block = options.room(len(x), (options.channels, height, width))
    for start in range(0, len(x), block.chunk):
        some = x[start : start + block.chunk]
        out = block.rows(start, len(some))
        for image, pixels in zip(some, out, strict=True):
            pixels[:] = plan.pixels(Image.fromarray(image))
        block.put(start, out)
    return block.images()
