"""Scripts with torchvision's data sets and random transforms: unchanged, by ``fastnn run``."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
from PIL import Image
from tutorial_runs import runner

SCRIPT = Path(__file__).parent / "scripts/cifar10_augmented.py"
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def write_cifar10(folder: Path, count: int) -> None:
    """Batches of so many images in ten colours, with noise."""
    rng = np.random.default_rng(0)
    colours = rng.integers(40, 216, (10, 3, 1))
    folder.mkdir(parents=True)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        labels = np.arange(count) % 10
        data = colours[labels] + rng.integers(-30, 30, (count, 3, 1024))
        batch = {"data": data.reshape(count, -1).astype(np.uint8), "labels": labels.tolist()}
        (folder / name).write_bytes(pickle.dumps(batch, 2))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": CLASSES}, 2))


def test_cifar10_with_augmentation(tmp_path: Path) -> None:
    """The printed data set is torchvision's text; the loss falls; a grid of a batch is saved; a second run is alike."""
    write_cifar10(tmp_path / "data/cifar-10-batches-py", 30)
    run = runner(tmp_path, None)
    lines = run(SCRIPT)
    assert lines[:6] == [
        "Dataset CIFAR10",
        "    Number of datapoints: 150",
        "    Root location: ./data",
        "    Split: Train",
        "    StandardTransform",
        "Transform: Compose(",
    ]
    assert "['airplane', 'automobile', 'bird'] (150, 32, 32, 3) 150" in lines
    losses = [float(match[1]) for line in lines if (match := re.fullmatch(r"epoch \d loss (\d+\.\d{4})", line))]
    assert len(losses) == 6 and losses[-1] < 0.6 * losses[0]
    assert int(re.fullmatch(r"accuracy (\d+)/30", lines[-1])[1]) >= 18
    with Image.open(tmp_path / "batch.png") as grid:
        assert grid.size == (5 * 34 + 2, 4 * 34 + 2)
    assert run(SCRIPT) == lines
