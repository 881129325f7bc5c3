"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009), from local files: pickled batches, the binary version, or their archives.

The pickles are read by :mod:`fastnn.io.array_pickles`, which runs nothing. An image is red, green and blue, 32 x 32
each.

Source of the formats: https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fastnn.data.in_memory import InMemory
from fastnn.data.paths import StrPath, data_folders
from fastnn.errors import FormatError, told
from fastnn.io.array_pickles import MAX_BYTES, read_arrays
from fastnn.io.atomic import read_regular
from fastnn.io.checks import shown_bytes, shown_path
from fastnn.nn.labels import first_outside

__all__ = ["CIFAR10", "CIFAR100"]

_PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Cifar:
    """One of the two sets: its names on the disk, its labels.

    train, test: the batches. meta: the file with the classes' names. keys: of the labels, the finest first, with the
    number of classes of each; in a binary record their bytes stand in reverse order. name_key: of the names in
    ``meta``. binary_meta: what the binary version calls their file.
    """

    name: str
    folder: str
    archive: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    meta: str
    binary_folder: str
    binary_archive: str
    keys: dict[str, int]
    name_key: str
    binary_meta: str

    def batches(self, train: bool, binary: bool) -> list[str]:
        """The names of the files with images."""
        names = self.train if train else self.test
        return [f"{name}.bin" for name in names] if binary else list(names)


CIFAR_10 = Cifar(
    "CIFAR-10",
    "cifar-10-batches-py",
    "cifar-10-python.tar.gz",
    tuple(f"data_batch_{number}" for number in range(1, 6)),
    ("test_batch",),
    "batches.meta",
    "cifar-10-batches-bin",
    "cifar-10-binary.tar.gz",
    {"labels": 10},
    "label_names",
    "batches.meta.txt",
)
CIFAR_100 = Cifar(
    "CIFAR-100",
    "cifar-100-python",
    "cifar-100-python.tar.gz",
    ("train",),
    ("test",),
    "meta",
    "cifar-100-binary",
    "cifar-100-binary.tar.gz",
    {"fine_labels": 100, "coarse_labels": 20},
    "fine_label_names",
    "fine_label_names.txt",
)


@dataclass(frozen=True)
class _Files:
    """Where a set lies: a folder, or an archive with the folder in it."""

    place: Path
    folder: str | None
    binary: bool

    def read(self, names: Sequence[str]) -> list[tuple[str, memoryview]]:
        """(what to call it, bytes) of each file, in order.

        Raises:
            FileNotFoundError: some are missing; the message names them.
            FormatError: the archive is damaged, or a file too large.
        """
        if self.folder is None:
            found = {name: _whole(self.place / name) for name in names if (self.place / name).is_file()}
        else:
            found = _members(self.place, self.folder, names)
        where = shown_path(self.place)
        missing = [name for name in names if name not in found]
        if missing:
            raise FileNotFoundError(f"{where} holds a part of the data set; missing: {', '.join(missing)}")
        between = os.sep if self.folder is None else f": {self.folder}/"
        return [(f"{where}{between}{name}", found[name]) for name in names]


@dataclass(frozen=True)
class Read:
    """images uint8 (N, 32, 32, 3); labels int64 (N,) by key, the finest first; the classes' names; the file they lay
    in."""

    images: np.ndarray
    labels: dict[str, np.ndarray]
    classes: list[str]
    file: str


def read_cifar(
    which: Cifar, train: bool, roots: Sequence[StrPath] = (), also: Sequence[StrPath] = (), named: bool = True
) -> Read:
    """The training or test images of a set.

    The files are looked for in ``roots``, ``$FASTNN_DATA``, the cache folder and ``also``. Without ``named`` the file
    of the classes' names need not be there.

    Raises:
        FileNotFoundError: they are not there, or not all of them; the message says what to put where.
        FormatError: a damaged file, or a label out of range; the message names the file.
    """
    files = _find(which, [*roots, *data_folders(which.name.lower()), *also])
    batch = _binary_batch if files.binary else _pickled_batch
    names = which.batches(train, files.binary)
    meta = [which.binary_meta if files.binary else which.meta] if named else []
    found = files.read([*names, *meta])
    batches = [batch(which, data, where) for where, data in found[: len(names)]]
    pixels = np.concatenate([images for images, _ in batches])
    return Read(
        np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)),
        {key: np.concatenate([labels[key] for _, labels in batches]) for key in which.keys},
        _names(which, files.binary, *found[-1]) if named else [],
        files.place.name,
    )


def _names(which: Cifar, binary: bool, where: str, data: memoryview) -> list[str]:
    """The classes' names, from the set's own file of them."""
    content = None if binary else read_arrays(data, where)
    names: Any = bytes(data).split() if binary else content.get(which.name_key) if isinstance(content, dict) else None
    count = next(iter(which.keys.values()))
    if not isinstance(names, list) or len(names) != count or not all(isinstance(each, str | bytes) for each in names):
        raise FormatError(f"{where} does not hold the names of {which.name}'s {count} classes ({which.name_key})")
    return [each if isinstance(each, str) else each.decode("latin-1") for each in names]


def _find(which: Cifar, folders: Sequence[StrPath]) -> _Files:
    """The first place that has a file of the set."""
    places = list(dict.fromkeys(map(Path, folders)))
    for place in places:
        for folder, archive, binary in (
            (which.folder, which.archive, False),
            (which.binary_folder, which.binary_archive, True),
        ):
            known = (*which.batches(True, binary), *which.batches(False, binary))
            for inner in (place / folder, *([place] if place.name == folder else [])):
                if any((inner / name).is_file() for name in known):
                    return _Files(inner, None, binary)
            if (place / archive).is_file():
                return _Files(place / archive, folder, binary)
    raise told(FileNotFoundError(_where_to_put_it(which, places[0])), "data.missing", name=which.name)


def _where_to_put_it(which: Cifar, place: Path) -> str:
    names = ", ".join((*which.train, *which.test, which.meta))
    return (
        f"{which.name} is not there, and fastnn does not download. Put {which.archive} "
        f"(https://www.cs.toronto.edu/~kriz/{which.archive}) into {shown_path(place)}, or unpack it there, so that it "
        f"makes {shown_path(place / which.folder)} with {names}. {which.binary_archive} will do too "
        "(FASTNN_DATA names another folder)"
    )


def _whole(path: Path) -> memoryview:
    if (size := path.stat().st_size) > MAX_BYTES:
        raise FormatError(f"{shown_path(path)} has {shown_bytes(size)}; at most {shown_bytes(MAX_BYTES)} are supported")
    return read_regular(path)


def _members(archive: Path, folder: str, names: Sequence[str]) -> dict[str, memoryview]:
    """Those files of a folder in a .tar.gz that are there. Nothing is unpacked to the disk."""
    wanted, found = {f"{folder}/{name}": name for name in names}, {}
    where = shown_path(archive)
    try:
        with open(archive, "rb") as raw, tarfile.open(fileobj=_Inflated(raw, where), mode="r|") as tar:
            for member in tar:
                name = wanted.get(os.path.normpath(member.name))
                file = tar.extractfile(member) if name is not None and member.isfile() else None
                if name is None or file is None:
                    continue
                if member.size > MAX_BYTES:
                    raise FormatError(f"{where}: {name} claims {shown_bytes(member.size)}, too many for {folder}")
                found[name] = memoryview(file.read())
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise told(FormatError(f"{where} cannot be read: {error}"), "file.damaged", what=where) from error
    return found


class _Inflated:
    """The bytes of a gzip file, no more than the archives have: 186 MB."""

    def __init__(self, raw: BinaryIO, where: str) -> None:
        self._file, self._where, self._left = gzip.GzipFile(fileobj=raw), where, MAX_BYTES

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise FormatError(f"{self._where} inflates to more than {shown_bytes(MAX_BYTES)}")
        return data


def _pickled_batch(which: Cifar, data: memoryview, where: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """uint8 (N, 3072) and labels by key, of a pickled batch."""
    content = read_arrays(data, where)
    pixels = content.get("data") if isinstance(content, dict) else None
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (_PIXELS,):
        raise FormatError(f"{where} is no batch of {which.name}: it has no array 'data', uint8 (N, {_PIXELS})")
    labels = {key: _labels(content.get(key), key, len(pixels), where) for key in which.keys}
    return pixels, _checked(which, labels, where)


def _labels(values: Any, key: str, count: int, where: str) -> np.ndarray:
    is_list = isinstance(values, list) and all(type(value) is int and abs(value) < 2**31 for value in values)
    if is_list or (isinstance(values, np.ndarray) and values.dtype.kind in "iu" and values.ndim == 1):
        labels = np.asarray(values, np.int64)
        if len(labels) == count:
            return labels
        raise FormatError(f"{where} has {count:,} images but {len(labels):,} labels ({key})")
    raise FormatError(f"{where} has no list of whole numbers '{key}'")


def _binary_batch(which: Cifar, data: memoryview, where: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The same of a file of the binary version: labels and pixels of an image after those of the other."""
    size = len(which.keys) + _PIXELS
    if not len(data) or len(data) % size:
        raise FormatError(f"{where} has {len(data):,} bytes, which are not images of {size:,} bytes each")
    records = np.frombuffer(data, np.uint8).reshape(-1, size)
    labels = {key: records[:, place].astype(np.int64) for place, key in enumerate(reversed(which.keys))}
    return records[:, len(which.keys) :], _checked(which, labels, where)


def _checked(which: Cifar, labels: dict[str, np.ndarray], where: str) -> dict[str, np.ndarray]:
    for key, classes in which.keys.items():
        first = first_outside(labels[key], classes)
        if first is not None:
            label = int(labels[key][first])
            text = f"{where}: label {label} at sample {first:,} is outside 0..{classes - 1} ({key})"
            raise told(FormatError(text), "idx.label", label=label, sample=first, last=classes - 1)
    return labels


class CIFAR10(InMemory):
    """Photographs of ten classes, 32x32 RGB: 50,000 to train with, 10,000 to test.

    Attributes: ``data`` uint8 (N, 32, 32, 3), ``targets``, a list, ``classes``, ``class_to_idx``.

    Args:
        root: the folder with ``cifar-10-batches-py``, with ``cifar-10-python.tar.gz``, or with the binary version.
            Where it has none, ``$FASTNN_DATA`` and the cache folder are asked.
        train: the training images, or else the test images.
        transform, target_transform: applied to each image (PIL, mode "RGB") and label.
        download: accepted; where the files are missing, the error says which to put where.

    Raises:
        FileNotFoundError: the files are not there.
        FormatError: they are damaged, or hold something else; the message names the file.
    """

    _which = CIFAR_10

    def _read(self) -> None:
        read = read_cifar(self._which, self.train, [self.root])
        self._hold(read.images, next(iter(read.labels.values())).tolist(), read.file)
        self.classes = read.classes


class CIFAR100(CIFAR10):
    """Photographs of a hundred classes, as :class:`CIFAR10`; the folder is ``cifar-100-python``."""

    _which = CIFAR_100
