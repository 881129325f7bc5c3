"""Photographs cut to size by Pillow alone."""

from __future__ import annotations

import numpy as np
from PIL import Image


def cut_to(image: Image.Image, size: int) -> np.ndarray:
    """uint8 (3, size, size): the shorter side resized, the middle cut out, as torchvision has it."""
    image = image.convert("RGB")
    short, long = sorted(image.size)
    rest = int(size * long / short)
    image = image.resize((size, rest) if image.width <= image.height else (rest, size), Image.Resampling.BILINEAR)
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return np.asarray(image.crop((left, top, left + size, top + size))).transpose(2, 0, 1)
