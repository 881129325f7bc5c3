"""Drawn digits as a tree of PNG files, as the tutorials have MNIST."""

from __future__ import annotations

from pathlib import Path

from fastnn import _core
from PIL import Image


def write_digits(root: Path, train: int, test: int) -> Path:
    """``root/train/<digit>/*.png`` and ``root/test/<digit>/*.png``; returns root."""
    for split, first, count in (("train", 0, train), ("test", train, test)):
        for number, (pixels, label) in enumerate(zip(*_core.draw_digits(7, first, count), strict=True)):
            folder = root / split / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{number:05d}.png")
    return root
