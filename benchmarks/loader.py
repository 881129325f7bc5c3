"""Reading a folder of small images: the first pass over it, and a later one.

fastnn decodes the folder into memory in its first pass and gathers from there afterwards; a tutorial's loader opens and
decodes every file in every pass. All contenders read the same files, which the operating system has in its cache, in
the same order, into float32 batches (64, 1, 28, 28), and must give the same bits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from fastnn import _core
from fastnn.datasets import ImageFolder
from fastnn.transforms import Compose, Grayscale, ToTensor
from fastnn.utils.data import DataLoader
from PIL import Image

from benchmarks.harness import Case, Contender, Mismatch, Options
from benchmarks.peers.folder_of_images import list_images, read_image

ROUNDS = 5
PEERS = ("torch",)
BATCH = 64
IMAGES, QUICK_IMAGES = 10_000, 100

SETTINGS = (
    "fastnn: ImageFolder, Grayscale, ToTensor, DataLoader(batch_size=64) with as many decoding threads as everyone; "
    "the first pass starts from a new ImageFolder, a later pass from one that was read"
)


def draw_folder(root: Path, images: int) -> None:
    """Built-in digits as root/<digit>/<number>.png, 8-bit grey."""
    pixels, labels = _core.draw_digits(7, 0, images)
    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        (root / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(root / str(label) / f"{number:05d}.png")


def open_folder(root: str) -> DataLoader:
    """A loader over a folder that is not read yet."""
    transform = Compose([Grayscale(), ToTensor()])
    return DataLoader(ImageFolder(root, transform), batch_size=BATCH)


def cases(options: Options) -> Iterator[Case]:
    """The first pass and a later one."""
    if options.data:
        train = Path(options.data) / "train"  # or the classes themselves
        yield from passes(str(train) if train.is_dir() else options.data, "the files of --data", options)
        return
    with tempfile.TemporaryDirectory(prefix="fastnn-benchmark-") as folder:
        draw_folder(Path(folder), options.images or (QUICK_IMAGES if options.quick else IMAGES))
        yield from passes(folder, "drawn 28x28 grey PNG files", options)


def passes(root: str, what: str, options: Options) -> Iterator[Case]:
    """Both passes over one folder."""
    images = len(list_images(root)[0])
    for name, first in (("first pass", True), ("later pass", False)):
        prepare_pass = partial(prepare, root, first, options)
        yield Case(f"{name} over {what}", prepare_pass, unit="pass", images=images, repeat=False)


def prepare(root: str, first: bool, options: Options) -> list[Contender]:
    """fastnn, Pillow in this thread, and torch's loader with and without workers."""
    read = open_folder(root)
    ours = {"fastnn": lambda: open_folder(root) if first else read}
    contenders = [contender(root, name, batches, SETTINGS) for name, batches in ours.items()]
    for peer in ("pillow", *options.peers):
        module = import_module(f"benchmarks.peers.{peer}_loader")
        sources = module.sources(root, BATCH).items()
        contenders += [contender(root, name, batches, module.SETTINGS) for name, batches in sources]
    return contenders


def contender(root: str, name: str, batches: Callable[[], Iterable[Any]], settings: str) -> Contender:
    """A pass over the batches (x, y)."""

    def run() -> None:
        for _ in batches():
            pass

    return Contender(name, run, lambda _: check_batches(root, batches()), settings=settings)


def check_batches(root: str, batches: Iterable[Any]) -> None:
    """Every batch has the bits that Pillow and NumPy give."""
    expected_x, expected_y = everything(root)
    done = 0
    for batch in batches:
        x, y = (np.asarray(part) for part in batch)
        rows = slice(done, done + len(x))
        if x.dtype != np.float32 or not np.array_equal(x, expected_x[rows]):
            raise Mismatch(f"the batch from image {done} on, {x.dtype} {x.shape}, has other pixels than Pillow's")
        if not np.array_equal(y, expected_y[rows]):
            raise Mismatch(f"the batch from image {done} on has other labels")
        done += len(x)
    if done != len(expected_x):
        raise Mismatch(f"a pass has {done} images, the folder {len(expected_x)}")


@cache
def everything(root: str) -> tuple[np.ndarray, np.ndarray]:
    """The whole folder, straight from Pillow."""
    paths, labels = list_images(root)
    return np.stack([read_image(path) for path in paths]), np.array(labels)
