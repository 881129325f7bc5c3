"""EMNIST (Cohen and others, 2017): handwritten letters and digits in six splits, from its IDX files or ``gzip.zip``.

Source: https://www.nist.gov/itl/products-and-services/emnist-dataset; torchvision.datasets.EMNIST.
"""

from __future__ import annotations

import os
import string
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from fastnn.data.idx import labelled, mnist_name, parse_idx, read_idx
from fastnn.data.mnist import MNIST
from fastnn.data.paths import StrPath, own_folders
from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError, told
from fastnn.io.checks import shown_bytes, shown_path
from fastnn.io.memory import fits_memory

_URL = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
# Letters whose capital looks as the small one: one class of both.
_MERGED = set("cijklmopsuvwxyz")
_ALL = sorted(string.digits + string.ascii_letters)
_FEWER = sorted(set(_ALL) - _MERGED)

# One part of a split: what its file is called, and how its array is read.
_Part = tuple[str, Callable[[], Any]]


class EMNIST(MNIST):
    """Handwritten characters, 28x28 grey, as they are published: with rows and columns exchanged, as torchvision leaves
    them (``transforms.Lambda(lambda image: image.transpose(Image.Transpose.TRANSPOSE))`` turns them upright).

    The files are ``emnist-SPLIT-train-images-idx3-ubyte.gz`` and its like, compressed or not, in ``root/EMNIST/raw`` or
    its folder ``gzip``, or still in ``gzip.zip`` there.

    Args:
        root: the folder; ``$FASTNN_DATA`` and the cache folder are asked too.
        split: "byclass" (62 classes), "bymerge" and "balanced" (47: letters that look alike are one), "letters" (26,
            labelled 1 to 26), "digits", "mnist".
        kwargs: what :class:`MNIST` takes.

    Raises:
        ValueError: no such split.
        FileNotFoundError: the files are not there.
        FormatError: they are damaged or do not belong together.
    """

    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    classes_split_dict = {  # noqa: RUF012
        "byclass": _ALL,
        "bymerge": _FEWER,
        "balanced": _FEWER,
        "letters": ["N/A", *string.ascii_lowercase],
        "digits": list(string.digits),
        "mnist": list(string.digits),
    }

    def __init__(self, root: StrPath, split: str, **kwargs: Any) -> None:
        if split not in self.splits:
            raise ValueError(f"EMNIST: split should be one of {', '.join(self.splits)}, got {split!r}")
        self.split = split
        self.classes = self.classes_split_dict[split]
        super().__init__(root, **kwargs)

    def _read(self) -> None:
        part = "train" if self.train else "test"
        names = [f"emnist-{self.split}-{mnist_name(part, kind)}" for kind in ("images", "labels")]
        found = [self._find(name) for name in names]
        missing = [f"{name}.gz" for name, place in zip(names, found, strict=True) if place is None]
        if missing:
            raise self._missing_files(missing)
        (x_path, images), (y_path, labels) = (place for place in found if place)
        data, targets = labelled(images(), labels(), (x_path, y_path), len(self.classes))
        self._hold(Tensor(data), Tensor(targets), x_path)

    def _find(self, name: str) -> _Part | None:
        """A file of that name, compressed or not, or within the archive; None where there is none."""
        folders = [place / inner for place in own_folders(("EMNIST", "emnist"), [Path(self.root)]) for inner in _INNER]
        for folder in folders:
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return shown_path(path), partial(read_idx, path)
            archive = folder / "gzip.zip"
            if archive.is_file() and (place := f"{shown_path(archive)}: gzip/{name}.gz"):
                return place, partial(_from_archive, archive, f"gzip/{name}.gz", place)
        return None

    def _missing_files(self, names: list[str]) -> FileNotFoundError:
        folder = shown_path(os.path.join(self.root, "EMNIST", "raw"))
        text = (
            f"EMNIST is not there, and fastnn does not download. Put gzip.zip, or {' and '.join(names)} out of it "
            f"(compressed or not), into {folder}\nIt is at {_URL}"
        )
        return told(FileNotFoundError(text), "data.missing", name="EMNIST")

    def _shown_classes(self) -> list[str]:
        return list(self.classes)


_INNER = ("raw", "raw/gzip", ".", "gzip")


def _from_archive(archive: Path, member: str, where: str) -> Any:
    """The array in a member of a ZIP archive, which is never unpacked to the disk."""
    try:
        with ZipFile(archive) as file:
            size = file.getinfo(member).file_size
            if not fits_memory(size):
                raise FormatError(f"{where} claims {shown_bytes(size)}, more than half of the free memory")
            data = file.read(member)
    except KeyError:
        raise FormatError(f"{where} is not in the archive: is it EMNIST's gzip.zip?") from None
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise told(FormatError(f"{where} cannot be read: {error}"), "file.damaged", what=where) from error
    return parse_idx(memoryview(data), where)
