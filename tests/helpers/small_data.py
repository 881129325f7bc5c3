"""Small data sets: images with a pattern a class, drawn digits, in the forms that users have; pairs of numbers."""

from __future__ import annotations

import gzip
import struct
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from fastnn import _core
from fastnn.utils.data import DataLoader, Dataset
from PIL import Image

# Files


def patterns(labels: np.ndarray, side: int, classes: int, seed: int = 0) -> np.ndarray:
    """uint8 images (N, side, side) that a small network learns in a few steps: a pattern a class, with noise."""
    bases = np.random.default_rng(side).integers(0, 2, (classes, side, side))
    noise = np.random.default_rng([seed, side]).integers(0, 60, (len(labels), side, side))
    return (bases[labels] * 190 + noise).astype(np.uint8)


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file of a uint8 array."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype("u1").tobytes()


def write_idx(folder: Path, train: int = 230, test: int = 60, side: int = 28, spelling: str = "-idx") -> Path:
    """The four files of a data set in MNIST's form: ten classes, a third of the test labels wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", train), ("t10k", test)):
        labels = np.arange(count) * 7 % 10
        images = patterns(labels, side, 10, seed=count)
        if split == "t10k":
            labels = np.where(np.arange(count) % 3 == 2, (labels + 1) % 10, labels)
        (folder / f"{split}-images{spelling}3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{split}-labels{spelling}1-ubyte").write_bytes(idx_bytes(labels))
    return folder


def pack(folder: Path, ending: str = ".gz") -> None:
    """Compresses every file, with an ending to its name."""
    for path in list(folder.iterdir()):
        data = gzip.compress(path.read_bytes(), mtime=0)
        path.unlink()
        path.with_name(path.name + ending).write_bytes(data)


def write_tree(root: Path, classes: Sequence[str], train: int = 12, test: int = 4, side: int = 8) -> Path:
    """``train/<class>/*.png`` and ``test/<class>/*.png``, so many images a class."""
    for split, count in (("train", train), ("test", test)):
        for label, name in enumerate(classes):
            write_class(root / split / name, label, len(classes), count, side, seed=label + 100 * count)
    return root


def write_class(folder: Path, label: int, classes: int, count: int, side: int, seed: int = 0, prefix: str = "") -> None:
    """So many images of one class in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(patterns(np.full(count, label), side, classes, seed=seed)):
        Image.fromarray(image).save(folder / f"{prefix}{i:03d}.png")


def write_digits(root: Path, train: int, test: int) -> Path:
    """``root/train/<digit>/*.png`` and ``root/test/<digit>/*.png``; returns root."""
    for split, first, count in (("train", 0, train), ("test", train, test)):
        for number, (pixels, label) in enumerate(zip(*_core.draw_digits(7, first, count), strict=True)):
            folder = root / split / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{number:05d}.png")
    return root


def write_mnist(folder: Path, count: int) -> None:
    """MNIST's four files, of drawn digits; the test set is the training set's beginning."""
    pixels, labels = _core.draw_digits(7, 0, count)
    folder.mkdir(parents=True)
    for split, rows in (("train", count), ("t10k", 10)):
        for name, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            (folder / f"{split}-{name}-ubyte.gz").write_bytes(gzip.compress(idx_bytes(array[:rows])))


# Objects


class Squares(Dataset):
    """(i, i * i) as Python numbers, and who asked."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.threads: set[threading.Thread] = set()

    def __getitem__(self, index: int) -> tuple[int, int]:
        assert type(index) is int
        self.threads.add(threading.current_thread())
        return index, index * index

    def __len__(self) -> int:
        return self.count


class Generator:
    """Anything with a seed will do."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def initial_seed(self) -> int:
        return self.seed


def firsts(loader: DataLoader) -> list[list[int]]:
    return [x.tolist() for x, _ in loader]
