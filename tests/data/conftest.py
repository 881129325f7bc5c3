"""Small data sets for the tests of reading data."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastnn import random
from fastnn.io import notes
from PIL import Image
from small_data import idx_bytes

MakeFolder = Callable[..., Path]


@pytest.fixture(autouse=True)
def fresh_state() -> None:
    """Each test starts with the random state of a new process, and nothing said yet."""
    random.manual_seed(0)
    notes._said.clear()


@pytest.fixture
def pixels() -> Callable[..., np.ndarray]:
    """pixels(3, 28, 28): uint8 that depend on the shape and a seed only."""
    return lambda *shape, seed=0: np.random.default_rng([seed, *shape]).integers(0, 256, shape, np.uint8)


@pytest.fixture
def image_folder(tmp_path: Path, pixels: Callable[..., np.ndarray]) -> MakeFolder:
    """image_folder({"cat": 3, "dog": 2}): a folder of class folders with so many PNG files."""

    def make(
        counts: dict[str, int], root: Path = tmp_path / "images", size: tuple[int, ...] = (4, 6), seed: int = 0
    ) -> Path:
        for label, (name, count) in enumerate(counts.items()):
            (root / name).mkdir(parents=True)
            for i in range(count):
                Image.fromarray(pixels(*size, seed=seed + 100 * label + i)).save(root / name / f"{i:03d}.png")
        return root

    return make


@pytest.fixture
def idx() -> Callable[[np.ndarray], bytes]:
    return idx_bytes


@pytest.fixture
def mnist_folder(tmp_path: Path, pixels: Callable[..., np.ndarray]) -> MakeFolder:
    """mnist_folder(): four small IDX files, 40 training and 20 test images of 8x8, gzip-compressed by default."""

    def make(root: Path = tmp_path / "mnist", packed: bool = True, dotted: bool = False, **counts: int) -> Path:
        root.mkdir(parents=True, exist_ok=True)
        for seed, (split, count) in enumerate({"train": 40, "t10k": 20, **counts}.items()):
            files = {"images-idx3": pixels(count, 8, 8, seed=seed), "labels-idx1": np.arange(count) * 7 % 10}
            for kind, array in files.items():
                name = f"{split}-{kind}-ubyte"
                data = idx_bytes(array)
                name = name.replace("-idx", ".idx") if dotted else name
                (root / (name + ".gz" * packed)).write_bytes(gzip.compress(data, mtime=0) if packed else data)
        return root

    return make
