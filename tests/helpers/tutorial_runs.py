"""Runs the tutorials' scripts in a folder of their own, with this fastnn."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import processes

# How a script's import lines are changed for it to run on fastnn: patterns, and what takes their place.
TORCH = (
    (r"^import torch$", "import fastnn as torch"),
    (r"^import torch\.", "import fastnn."),
    (r"^from torchvision import ", "from fastnn import "),
    (r"^from torch(\.[\w.]+)? import ", r"from fastnn\1 import "),
)
KERAS = (
    (r"^from keras(\.[\w.]+)? import ", r"from fastnn.keras\1 import "),
    (r"^from tensorflow\.keras(\.[\w.]+)? import ", r"from fastnn.keras\1 import "),
    (r"^from tensorflow import ", "from fastnn import "),
    (r"^import keras$", "import fastnn.keras as keras"),
    (r"^import tensorflow as tf$", "import fastnn.keras.tensorflow as tf"),
)


def python(folder: Path, *words: str, seconds: int = 120) -> subprocess.CompletedProcess[str]:
    """Runs the interpreter in a folder that has its cache and MNIST, for so many seconds at most."""
    places = {"FASTNN_CACHE": str(folder / "cache"), "FASTNN_DATA": str(folder / "data/MNIST/raw")}
    return processes.python(*words, cwd=folder, seconds=seconds, **places)


class Run(Protocol):
    """run(script, ...): its lines, after the script and its neighbours were put into the test's folder."""

    def __call__(self, script: Path, *changes: tuple[str, str]) -> list[str]: ...


def runner(folder: Path, imports: Sequence[tuple[str, str]] | None, seconds: int = 120) -> Run:
    """One that changes the import lines, by patterns and what takes their place; None: by ``fastnn.run``, unchanged."""

    def run(script: Path, *changes: tuple[str, str]) -> list[str]:
        for source in script.parent.glob("*.py"):
            text = source.read_text()
            for pattern, replacement in imports or ():
                text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
            for before, after in changes:
                text = text.replace(before, after)
            (folder / source.name).write_text(text)
        done = python(folder, *([] if imports else ["-m", "fastnn.run"]), script.name, seconds=seconds)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.splitlines()

    return run
