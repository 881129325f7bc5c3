"""Writing a data set as a tree of PNG files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.data.paths import StrPath
from fastnn.data.resident import Resident
from fastnn.data.source import open_source
from fastnn.io.checks import shown_path

Progress = Callable[[int, int], None]
_EVERY = 256


def export_folder(source_spec: StrPath, target_dir: StrPath, progress: Progress | None = None, **options: Any) -> int:
    """Writes a data set as ``train/<class>/<index>.png`` and ``test/<class>/<index>.png``, ``val/<class>/<index>.png``
    where it has a part to validate with beside that to test with, or is split; grey images as grey.

    The tree is built beside the target and renamed into place when it is complete.

    Args:
        source_spec: as for :func:`fastnn.data.source.open_source`.
        target_dir: a folder that does not exist yet or is empty.
        progress: called with (done, total) while images are written.
        options: of :func:`~fastnn.data.source.open_source`.

    Returns:
        How many images were written.

    Raises:
        ValueError: the target is a file or not empty.
        As :func:`~fastnn.data.source.open_source`; OSError if the tree cannot be written.
    """
    target = Path(target_dir)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{shown_path(target)} exists and is not an empty folder: choose another place")
    source = open_source(source_spec, channels=3, **options)
    parts = {"train": source.train, "val": source.val, "test": source.test}
    if source.val is source.test:  # one part under one name
        del parts["test" if options.get("val_fraction") else "val"]
    parts = {split: part for split, part in parts.items() if part is not None}
    total = sum(map(len, parts.values()))
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    temporary = target.absolute().parent / f".{target.name}.{os.getpid()}-{os.urandom(8).hex()}.fastnn-tmp"
    try:
        done = 0
        for split, part in parts.items():
            _write(part, temporary / split, lambda count, done=done: progress and progress(done + count, total))
            done += len(part)
        os.rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return total


def _write(part: Resident, folder: Path, progress: Callable[[int], None]) -> None:
    from PIL import Image

    for name in part.classes:
        (folder / name).mkdir(parents=True)
    for row, pixels in enumerate(part.images):
        grey = np.array_equal(pixels[0], pixels[1]) and np.array_equal(pixels[0], pixels[2])
        image = Image.fromarray(pixels[0] if grey else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
        image.save(folder / part.classes[part.targets[row]] / f"{row:05d}.png")
        if (row + 1) % _EVERY == 0 or row + 1 == len(part):
            progress(row + 1)
