"""Keras' tutorials with photographs in folders: import lines changed, and with nothing changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tutorial_runs import Run

HERE = Path(__file__).parent / "keras_style"


@pytest.fixture
def folders(tmp_path: Path) -> None:
    """data/train, data/validation and data/test: bright discs (dogs) and crosses (cats) in noise, of several sizes."""
    rng = np.random.default_rng(1)

    def draw(path: Path, dog: bool) -> None:
        height, width = rng.integers(36, 60, 2)
        rows, columns = np.mgrid[:height, :width]
        down, across = np.abs(rows - height / 2), np.abs(columns - width / 2)
        inside = (
            np.hypot(down, across) < 14 if dog else (np.minimum(down, across) < 4) & (np.maximum(down, across) < 16)
        )
        pixels = rng.integers(0, 90, (height, width, 3)) + inside[..., None] * rng.integers(90, 160, 3)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path, quality=90)

    for part, count in (("train", 60), ("validation", 20)):
        for number in range(count):
            draw(tmp_path / f"data/{part}/cats/cat.{number}.jpg", False)
            draw(tmp_path / f"data/{part}/dogs/dog.{number}.jpg", True)
    draw(tmp_path / "data/test/1.jpg", False)
    draw(tmp_path / "data/test/2.jpg", True)


@pytest.mark.usefixtures("folders")
def test_generators(run_keras: Run, tmp_path: Path) -> None:
    """ImageDataGenerator, steps_per_epoch, validation_steps, class_weight; curves; one file's class."""
    pytest.importorskip("matplotlib")
    lines = run_keras(HERE / "cats_dogs_generators.py")
    assert lines[:3] == [
        *("Found 120 images belonging to 2 classes.", "Found 40 images belonging to 2 classes."),
        "{'cats': 0, 'dogs': 1} (32, 32, 3)",
    ]
    assert lines[3:5] == ["data batch shape: (20, 32, 32, 3)", "labels batch shape: (20,)"]
    assert lines[5] == "Epoch 1/12" and lines[6].startswith("6/6 - ") and "val_acc: " in lines[6]
    assert lines[-5:-1] == [
        *("Found 2 images belonging to 1 classes.", str(Path("test/1.jpg")) + " cat", str(Path("test/2.jpg")) + " dog"),
        "(1, 32, 32, 3) the same True",
    ]
    assert float(lines[-1].split()[-1]) >= 0.9
    assert {path.name for path in tmp_path.glob("*.png")} == {"accuracy.png", "loss.png"}
    assert (tmp_path / "cats_and_dogs_small_1.keras").is_file()


@pytest.mark.usefixtures("folders")
def test_first_try(run_keras: Run, tmp_path: Path) -> None:
    """fit_generator, evaluate_generator, image_data_format: Keras' blog of 2016."""
    lines = run_keras(HERE / "first_try.py")
    assert lines[2:4] == ["Epoch 1/8", lines[3]] and lines[3].startswith("7/7 - ")
    scores = next(line for line in lines if line.startswith("scores"))
    assert float(scores.rstrip("]").split()[-1]) >= 0.8
    assert (tmp_path / "first_try.weights.h5").is_file()
