"""Decoded images kept between runs, outside the data folder: the second run reads one file instead of thousands.

A pack is a safetensors file with its checksums, named by the data folder and the transform. It is used if every file's
path, size and times of change are those it was made from (or, where the cache is trusted, the folders' times), and if
it is undamaged; else the images are read again and the pack is replaced. It is never in the way: where it cannot be
written, nothing but a line is lost.

A pack that takes more than the images may of memory is mapped and read as it is needed. It stays what it was: packs are
replaced by a rename and removed by their name (:func:`fastnn.io.atomic.map_regular`), never cut.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import PIL

from fastnn.data.block import Memory
from fastnn.data.folder import ImageFolder
from fastnn.data.paths import StrPath
from fastnn.data.resident import images_of
from fastnn.errors import FormatError
from fastnn.io.atomic import map_regular, read_regular
from fastnn.io.checks import shown_path
from fastnn.io.notes import say_once
from fastnn.io.safetensors import parse_safetensors, save_safetensors

_FORMAT = 2  # of packs: another number makes them all anew
_LEAST = 1000  # images: fewer are read as fast from their files
_MOST_BYTES = 8 * 2**30  # of all packs together; the least recently used go first
_KINDS = {
    "images": ("uint8", 4),  # (N, H, W, C)
    "targets": ("int64", 1),
    "changed": ("int64", 1),
    **{name: ("uint8", 1) for name in ("turned", "names", "classes", "folders", "stamp", "made")},
}
_SETTLED_NS = 2 * 10**9  # what changed so shortly before it was read could change again within one tick of its clock


@dataclass(frozen=True)
class Pack:
    """What a pack holds. images: uint8 (N, C, H, W), channels last in memory. turned: bool (N,), photographs of a
    camera that was not held upright. targets: int64 (N,). paths: of the files, in that order.
    """

    images: np.ndarray
    turned: np.ndarray
    targets: np.ndarray
    paths: list[str]
    classes: list[str]


@dataclass(frozen=True)
class Found:
    """A data folder as a scan found it, before any file was read.

    samples: (path, label) of each file. stamps: int64 (N, 3), their sizes and times of change in ns. folders: all that
    were looked into, with their times of change. started: when the scan began, in ns.
    """

    root: str
    samples: Sequence[tuple[str, int]]
    classes: list[str]
    stamps: np.ndarray
    folders: list[tuple[str, int]]
    started: int


class StampedFolder(ImageFolder):
    """An ImageFolder that notes the size and time of change of each file."""

    _stamped = True

    def __init__(self, root: StrPath) -> None:
        self._started = time.time_ns()
        super().__init__(root)

    def found(self) -> Found | None:
        """None where links or unusual names are among the files: they are not kept."""
        if not self.samples or any(stamps is None for stamps in self._stamps):
            return None
        stamps = np.concatenate(self._stamps)
        return Found(
            os.fspath(self.root), self.samples, self.classes, stamps, sorted(self._scan.folders), self._started
        )


@dataclass(frozen=True)
class PackCache:
    """Packs in a folder. trust: look at the folders' times of change only, not at each file's."""

    folder: Path
    trust: bool = False
    # Packs of this run, which make no room for each other.
    _used: set[Path] = field(default_factory=set, compare=False, repr=False)

    def path(self, root: str, transform: str) -> Path:
        """Where the pack of a data folder and a transform is kept."""
        name = sha256(os.fsencode(os.path.realpath(root)) + b"\0" + transform.encode()).hexdigest()[:24]
        return self.folder / f"images-{name}.safetensors"

    def load(self, found: Found, transform: str, memory: Memory | None = None) -> tuple[np.ndarray, np.ndarray] | None:
        """The images of a scan's samples and which of them are turned, as :class:`Pack` has them; None where there is
        no pack of exactly these files. memory: how much they may take; None: as much as they do.
        """
        path = self.path(found.root, transform)
        tensors = _read(path, memory)
        if not tensors or _text(tensors["stamp"]) != _stamp(found, transform):
            return None
        self._mark_used(path)
        return images_of(tensors["images"]), tensors["turned"].astype(bool)

    def load_trusted(self, root: str, transform: str, memory: Memory | None = None) -> Pack | None:
        """The pack of a data folder none of whose folders has changed, where the cache is trusted."""
        path = self.path(root, transform)
        tensors = _read(path, memory) if self.trust else {}
        if not tensors or _text(tensors["made"]) != _made(transform):
            return None
        folders = zip(_names(tensors["folders"]), tensors["changed"].tolist(), strict=True)
        if not all(_unchanged(os.path.join(root, folder), changed) for folder, changed in folders):
            return None
        self._mark_used(path)
        start = os.path.join(root, "")
        paths = [start + name for name in _names(tensors["names"])]
        images, turned = images_of(tensors["images"]), tensors["turned"].astype(bool)
        return Pack(images, turned, tensors["targets"], paths, _names(tensors["classes"]))

    def store(self, found: Found, transform: str, images: np.ndarray, turned: np.ndarray) -> None:
        """Keeps the images of a scan's samples, where that is worth while and can be done; always those that are not in
        memory: the next run would not have them either.
        """
        in_memory = images.flags.writeable
        if in_memory and (len(images) < _LEAST or images.nbytes > _MOST_BYTES // 4):
            return
        folders = [os.path.relpath(path, found.root) for path, _ in found.folders]
        changed = np.array([changed for _, changed in found.folders], np.int64)
        if max(found.stamps[:, 1:].max(), changed.max()) > found.started - _SETTLED_NS:
            return
        tensors = {
            "images": images.transpose(0, 2, 3, 1),
            "turned": turned.astype(np.uint8),
            "targets": np.array([label for _, label in found.samples], np.int64),
            "names": _bytes(_relative(found)),
            "classes": _bytes(*found.classes),
            "folders": _bytes(*folders),
            "changed": changed,
            "stamp": _bytes(_stamp(found, transform)),
            "made": _bytes(_made(transform)),
        }
        path = self.path(found.root, transform)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room(path, images.nbytes)
            save_safetensors(path, tensors, durable=False)
            self._mark_used(path)
        except OSError as error:
            say_once("packed", f"the images are not kept for the next run: {error}")

    def _make_room(self, path: Path, needed: int) -> None:
        """Removes the packs that were not used for the longest time, until there is room for this one."""
        others = [(other, status) for other, status in _packs(self.folder) if other not in (path, *self._used)]
        packs = [(status.st_mtime_ns, status.st_size, other) for other, status in others]
        total = sum(size for _, size, _ in packs) + needed
        for _, size, other in sorted(packs):
            if total <= _MOST_BYTES:
                break
            with suppress(OSError):
                other.unlink()
            total -= size

    def _mark_used(self, path: Path) -> None:
        """Others go first when there is no room."""
        self._used.add(path)
        with suppress(OSError):
            os.utime(path)


def _packs(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.glob("images-*.safetensors"):
        with suppress(OSError):
            yield path, path.stat()


def _read(path: Path, memory: Memory | None) -> dict[str, np.ndarray]:
    """A pack's tensors; none where it cannot be read, is damaged or is something else."""
    try:
        fits = memory is None or memory.fits(path.stat().st_size)
        tensors, _ = parse_safetensors(read_regular(path) if fits else map_regular(path), shown_path(path))
        _check(tensors, path)
        return tensors
    except FileNotFoundError:
        return {}
    except (OSError, FormatError) as error:
        say_once(("packed", path), f"kept images are not used and made again: {error}")
        return {}


def _bytes(*texts: str) -> np.ndarray:
    """Texts without a zero byte in them, as uint8."""
    return np.frombuffer("\0".join(texts).encode("utf-8", "surrogateescape"), np.uint8)


def _relative(found: Found) -> str:
    """The files' paths beneath the root, with zero bytes between them: no path has one, so all are cut at once."""
    start = os.path.join(found.root, "")
    return "\0".join(["", *(path for path, _ in found.samples)]).replace(f"\0{start}", "\0")[1:]


def _text(array: np.ndarray) -> str:
    return array.tobytes().decode("utf-8", "surrogateescape")


def _names(array: np.ndarray) -> list[str]:
    return _text(array).split("\0")


def _check(tensors: dict[str, np.ndarray], path: Path) -> None:
    """Raises FormatError where the tensors of a sound file are no pack."""
    kinds = {name: (array.dtype.name, array.ndim) for name, array in tensors.items()}
    sound = kinds == _KINDS and len({len(tensors[name]) for name in ("images", "targets", "turned")}) == 1
    sound = sound and len(tensors["images"]) == len(_names(tensors["names"]))
    if not sound or len(tensors["changed"]) != len(_names(tensors["folders"])):
        raise FormatError(f"{shown_path(path)} holds no images with labels and names")


def _made(transform: str) -> str:
    """What decides the pixels beside the files."""
    return f"{_FORMAT} {PIL.__version__} {transform}"


def _stamp(found: Found, transform: str) -> str:
    """SHA-256 over the classes and each file's path, label, size and times of change."""
    digest = sha256(_bytes(_made(transform), *found.classes, "", _relative(found)))
    digest.update(np.array([label for _, label in found.samples], np.int64).tobytes())
    digest.update(np.ascontiguousarray(found.stamps, np.int64).tobytes())
    return digest.hexdigest()


def _unchanged(folder: str, changed: int) -> bool:
    try:
        return os.stat(folder).st_mtime_ns == changed
    except OSError:
        return False
