"""Keras' tutorials with photographs in folders, as they are written: import lines changed, and with nothing changed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image
from tutorial_runs import Run

HERE = Path(__file__).parent / "keras_style"


def draw_flowers(folder: Path, count: int) -> None:
    """JPEG files of different sizes: tulips are red in the middle, daisies white, roses dark."""
    rng = np.random.default_rng(5)
    for kind, colour in {"daisy": (250, 250, 240), "roses": (90, 10, 40), "tulips": (240, 60, 30)}.items():
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            height, width = rng.integers(36, 60, 2)
            pixels = rng.integers(60, 140, (height, width, 3))
            pixels[8 : height - 8, 8 : width - 8] = colour
            Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{number}.jpg")


def test_image_classification(run_keras: Run, tmp_path: Path) -> None:
    """image_dataset_from_directory, cache, shuffle, prefetch, map; augmentation as a first layer; one prediction."""
    draw_flowers(tmp_path / "flower_photos", 50)
    lines = run_keras(HERE / "image_classification.py")
    assert lines[:8] == [
        "150",
        *("Found 150 files belonging to 3 classes.", "Using 120 files for training."),
        *("Found 150 files belonging to 3 classes.", "Using 30 files for validation."),
        "['daisy', 'roses', 'tulips']",
        "(32, 40, 48, 3) (32,)",
        "from 0 to 1: True",
    ]
    assert lines[8] == "different: True" and " Total params: 62,963 (245.95 KB)" in lines
    epochs = [line for line in lines if line.startswith("4/4 - ")]
    assert len(epochs) == 6
    assert float(re.search(r"val_accuracy: (\d\.\d+)", epochs[-1])[1]) >= 0.9
    assert lines[-3:-1] == ["curves: 6 6 6 6", "evaluate: True"]
    assert re.fullmatch(r"This image most likely belongs to tulips with a \d+\.\d\d percent confidence\.", lines[-1])
