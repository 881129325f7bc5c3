"""A job on photographs: drawn pictures in colour of two classes, with a part to validate on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


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
