"""MNIST and the data sets in its form, from their IDX files. torchvision's contract, without the download.

Published: LeCun and others, 1998 (MNIST); Xiao and others, 2017 (Fashion-MNIST); Clanuwat and others, 2018 (KMNIST).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from fastnn.data.idx import find_mnist, published, read_labelled
from fastnn.data.in_memory import InMemory
from fastnn.data.paths import StrPath, data_folders, own_folders
from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.io.checks import shown_path

__all__ = ["KMNIST", "MNIST", "FashionMNIST"]

_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class MNIST(InMemory):
    """Handwritten digits, 28x28 grey: 60,000 to train with, 10,000 to test.

    Attributes: ``data`` uint8 Tensor (N, 28, 28), ``targets`` int64 Tensor (N,), ``classes``,
    ``class_to_idx``. Lists, arrays or Tensors may be put in their place.

    Args:
        root: the folder of the four files, or one with them in ``raw`` or ``MNIST/raw``; gzip-compressed or
            not. Where it has none, ``$FASTNN_DATA`` and the cache folder are asked, also their folder ``mnist``.
        train: the training images, or else the test images.
        transform, target_transform: applied to each image (PIL, mode "L") and label.
        download: accepted; where the files are missing, the error says which to put where.

    Raises:
        FileNotFoundError: the files are not there.
        FormatError: they are damaged or do not belong together.
    """

    classes = [f"{digit} - {word}" for digit, word in enumerate(_WORDS)]  # noqa: RUF012

    def _read(self) -> None:
        places = [place for place in self._places() if os.path.isdir(place)]
        files = next(filter(None, map(find_mnist, places)), None)
        if files is None:
            raise self._missing()
        pair = files[:2] if self.train else files[2:]
        data, targets = read_labelled(*pair, len(self.classes))
        self._hold(Tensor(data), Tensor(targets), pair[0].name)

    def _places(self) -> list[StrPath]:
        return [self.root, *data_folders("mnist")]

    def _missing(self) -> FileNotFoundError:
        text = where_to_put("MNIST", os.path.join(self.root, "MNIST", "raw"), _URL)
        return told(FileNotFoundError(text), "mnist.missing")

    def _shown_classes(self) -> list[str]:
        return [str(digit) for digit in range(len(self.classes))]


class _Named(MNIST):
    """A data set with MNIST's names of files, and a folder of its own: ``root/FashionMNIST/raw``."""

    folders: ClassVar[tuple[str, ...]]
    url: ClassVar[str]

    def _places(self) -> list[StrPath]:
        return [*own_folders(self.folders, [Path(self.root)])]

    def _missing(self) -> FileNotFoundError:
        name = self.folders[0]
        text = where_to_put(name, os.path.join(self.root, name, "raw"), self.url)
        return told(FileNotFoundError(text), "data.missing", name=name)

    def _shown_classes(self) -> list[str]:
        return list(self.classes)


class FashionMNIST(_Named):
    """Clothes, 28x28 grey, ten classes: 60,000 to train with, 10,000 to test. As :class:`MNIST`; the files, which have
    MNIST's names, lie in ``root/FashionMNIST/raw`` (or in a folder ``FashionMNIST`` or ``fashion-mnist`` of the places
    that MNIST names).
    """

    folders = ("FashionMNIST", "fashion-mnist")
    url = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
    classes = [  # noqa: RUF012
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]


class KMNIST(_Named):
    """Cursive Japanese characters, 28x28 grey, ten classes: 60,000 to train with, 10,000 to test. As :class:`MNIST`;
    the files, which have MNIST's names, lie in ``root/KMNIST/raw``.
    """

    folders = ("KMNIST", "kmnist")
    url = "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]  # noqa: RUF012


def where_to_put(name: str, folder: StrPath, url: str) -> str:
    """What to tell someone who has not the four files of a data set."""
    names = "".join(f"\n  {file}" for file in published())
    return (
        f"{name} is not there, and fastnn does not download. "
        f"Put these four files (compressed or not) into {shown_path(folder)}:{names}\n"
        f"They are at {url}"
    )
