"""The built-in digits: synthetic handwriting, drawn by the package, the same pixels on every machine."""

from __future__ import annotations

import atexit
import os
import time
from functools import cache as once
from pathlib import Path

import numpy as np

from fastnn import _core
from fastnn.data.paths import cache_folder
from fastnn.data.png import grey_files
from fastnn.io.checks import shown_path
from fastnn.io.notes import say_once

TRAIN = 10_000
TEST = 2_000
SEED = 1998  # the year of MNIST's paper

# SHA-256 of the 12,000 images (28x28 bytes each, training images first), then of their labels (a byte each).
PIXELS_SHA256 = "f66c1d1bb107bfcded5b58543989833c158a9c782f7bf8c45f3d5c80fa557f78"

_TEMP_SUFFIX = ".fastnn-tmp"
_ABANDONED_AFTER_S = 3600  # writing a tree takes seconds


def make_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draws the built-in digits: 28x28, white on black, each digit equally often.

    Returns:
        train_images uint8 (10000, 28, 28), train_labels int64 (10000,), test_images uint8 (2000, 28, 28),
        test_labels int64 (2000,).
    """
    train_images, train_labels = _core.draw_digits(SEED, 0, TRAIN)
    test_images, test_labels = _core.draw_digits(SEED, TRAIN, TEST)
    return train_images, train_labels.astype(np.int64), test_images, test_labels.astype(np.int64)


def digits_folder(cache: Path | None = None) -> Path:
    """The built-in digits as PNG files, ``train/<digit>/<index>.png`` and ``test/<digit>/<index>.png``.

    The first call draws them into a temporary folder that is then renamed, so that the tree is complete whenever it is
    there; later calls find it. Where the cache cannot be written the tree is a temporary one of this process, and the
    logger "fastnn" says so.

    Args:
        cache: the folder to keep them in; :func:`fastnn.data.paths.cache_folder` where None.

    Raises:
        OSError: there is no room for a temporary tree either.
    """
    try:
        target = (cache_folder() if cache is None else Path(cache)) / f"digits-{PIXELS_SHA256[:12]}"
        if not target.is_dir():
            _build(target)
        return target
    except (OSError, RuntimeError) as error:  # RuntimeError: no home folder is known
        folder = _private_tree()
        say_once(
            "digits cache",
            f"the built-in digits cannot be kept in the cache folder ({error}): drawn into "
            f"{shown_path(folder)} until this process ends; FASTNN_CACHE names another cache folder",
        )
        return folder


@once
def _private_tree() -> Path:
    from shutil import rmtree
    from tempfile import mkdtemp

    root = Path(mkdtemp(prefix="fastnn-digits-"))
    atexit.register(rmtree, root, ignore_errors=True)
    _write_tree(root)
    return root


def _build(target: Path) -> None:
    """Puts a complete tree at ``target``: ours, or that of a process that was faster."""
    from shutil import rmtree

    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{os.urandom(8).hex()}{_TEMP_SUFFIX}")
    try:
        _write_tree(temporary)
        os.rename(temporary, target)
    except OSError:
        if not target.is_dir():
            raise
    finally:
        rmtree(temporary, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Removes what killed processes left beside ``target``."""
    from shutil import rmtree

    for left in target.parent.glob(f".{target.name}.*{_TEMP_SUFFIX}"):
        if _age(left) > _ABANDONED_AFTER_S:
            rmtree(left, ignore_errors=True)


def _age(path: Path) -> float:
    """Seconds since a file was changed; 0 where it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _write_tree(root: Path) -> None:
    """One thread: two take longer, waiting for each other's turn in the interpreter."""
    train_images, train_labels, test_images, test_labels = make_digits()
    _write_split(root / "train", train_images, train_labels)
    _write_split(root / "test", test_images, test_labels)


def _write_split(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    for digit in range(10):
        os.makedirs(folder / str(digit))
    for index, (label, png) in enumerate(zip(labels, grey_files(images), strict=True)):
        with open(f"{folder}/{label}/{index:05d}.png", "wb") as file:
            file.write(png)
