"""A job on photographs: drawn pictures in colour of two classes, with a part to validate on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np
from fastnn import train
from fastnn.data import source
from PIL import Image

MODULE = "photo_job"  # for argv_of and call


def write_photos(root: Path, each: int = 12, val: int = 5, side: int = 12, seed: int = 0) -> Path:
    """``train/<class>/*.png`` and ``val/<class>/*.png``: cats redder than dogs, by less than the noise."""
    rng = np.random.default_rng(seed)
    for part, count in (("train", each), ("val", val)):
        for label, name in enumerate(("cat", "dog")):
            folder = root / part / name
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(count):
                pixels = rng.integers(0, 200, (side, side, 3))
                pixels[..., 2 * label] += 8
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:03d}.png")
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """fastnn.train, with val/ as what is looked at after each epoch."""
    opened = source.open_source

    def with_val(*args: object, **options: object) -> source.Source:
        found = opened(*args, **options)
        found.val = getattr(found, "val", None) or found.test
        return found

    with mock.patch.object(source, "open_source", with_val):
        return train.main(argv)


if __name__ == "__main__":
    sys.exit(main())
