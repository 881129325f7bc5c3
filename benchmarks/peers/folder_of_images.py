"""What torchvision's ImageFolder, Grayscale and ToTensor do, in Pillow and NumPy.

torchvision itself is not needed for a comparison: these are its steps without its dispatching.
"""

from __future__ import annotations

import os

import numpy as np
from PIL import Image


def list_images(root: str) -> tuple[list[str], list[int]]:
    """Paths and labels: classes in the order of their names, files in the order of theirs."""
    classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    paths: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        for folder, _, files in sorted(os.walk(os.path.join(root, name))):
            paths += [os.path.join(folder, file) for file in sorted(files)]
        labels += [label] * (len(paths) - len(labels))
    return paths, labels


def read_image(path: str) -> np.ndarray:
    """float32 (1, H, W) in [0, 1]: opened as RGB, made grey, divided by 255."""
    with open(path, "rb") as file:
        grey = Image.open(file).convert("RGB").convert("L")
    return np.asarray(grey, np.uint8)[np.newaxis].astype(np.float32) / np.float32(255)
