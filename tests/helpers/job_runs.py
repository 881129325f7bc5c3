"""What the tests of the job share: the commands run here or as a process, and small data sets to run them on."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import io
import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
from fastnn.data import notes
from PIL import Image

PACKAGE_PARENT = Path(fastnn.__file__).parent.parent


@dataclass(frozen=True)
class Outcome:
    """How a command ended: exit code (negative: by a signal) and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def accuracy(self) -> str:
        """The last line."""
        return self.lines[-1]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with the tested package first, one thread, and the changes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FASTNN_", "OMP_"))}
    path = os.pathsep.join(filter(None, [str(PACKAGE_PARENT), kept.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path, "FASTNN_NUM_THREADS": "1", "FASTNN_LANG": "en"} | changes


def argv_of(module: str, words: Sequence[Any]) -> list[str]:
    return [sys.executable, "-m", module, *map(str, words)]


def run(*words: Any, cwd: Path, module: str = "fastnn.train", env: dict[str, str] | None = None) -> Outcome:
    """A command as a process of its own; ``env`` changes :func:`environment`."""
    done = subprocess.run(
        argv_of(module, words), cwd=cwd, env=environment(**(env or {})), capture_output=True, timeout=120, check=False
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def call(*words: Any, module: str = "fastnn.train") -> Outcome:
    """A command in this process: the same, a third of a second sooner."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    notes._said.clear()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = importlib.import_module(module).main(list(map(str, words)))
        except SystemExit as stop:
            code = stop.code
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    return Outcome(code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())


def train_json(*words: Any, cwd: Path, env: dict[str, str] | None = None, here: bool = False) -> dict[str, Any]:
    """What ``--json`` says of a quiet run that must succeed."""
    args = ("--quiet", "--out", cwd / "model.pth", "--json", cwd / "run.json", *words)
    outcome = call(*args) if here else run(*args, cwd=cwd, env=env)
    assert outcome.code == 0, outcome.err
    return json.loads((cwd / "run.json").read_text())


def patterns(labels: np.ndarray, side: int, classes: int, seed: int = 0) -> np.ndarray:
    """uint8 images (N, side, side) that a small network learns in a few steps: a pattern a class, with noise."""
    bases = np.random.default_rng(side).integers(0, 2, (classes, side, side))
    noise = np.random.default_rng([seed, side]).integers(0, 60, (len(labels), side, side))
    return (bases[labels] * 190 + noise).astype(np.uint8)


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file of a uint8 array."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype("u1").tobytes()


def write_idx(folder: Path, train: int = 230, test: int = 60, side: int = 28, spelling: str = "-idx") -> Path:
    """The four files of a data set in MNIST's form: ten classes, a third of the test labels wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", train), ("t10k", test)):
        labels = np.arange(count) * 7 % 10
        images = patterns(labels, side, 10, seed=count)
        if split == "t10k":
            labels = np.where(np.arange(count) % 3 == 2, (labels + 1) % 10, labels)
        (folder / f"{split}-images{spelling}3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{split}-labels{spelling}1-ubyte").write_bytes(idx_bytes(labels))
    return folder


def pack(folder: Path, ending: str = ".gz") -> None:
    """Compresses every file, with an ending to its name."""
    for path in list(folder.iterdir()):
        data = gzip.compress(path.read_bytes(), mtime=0)
        path.unlink()
        path.with_name(path.name + ending).write_bytes(data)


def write_tree(root: Path, classes: Sequence[str], train: int = 12, test: int = 4, side: int = 8) -> Path:
    """``train/<class>/*.png`` and ``test/<class>/*.png``, so many images a class."""
    for split, count in (("train", train), ("test", test)):
        for label, name in enumerate(classes):
            write_class(root / split / name, label, len(classes), count, side, seed=label + 100 * count)
    return root


def write_class(folder: Path, label: int, classes: int, count: int, side: int, seed: int = 0, prefix: str = "") -> None:
    """So many images of one class in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(patterns(np.full(count, label), side, classes, seed=seed)):
        Image.fromarray(image).save(folder / f"{prefix}{i:03d}.png")


def refused(outcome: Outcome, *parts: str, lines: int = 1) -> None:
    """Exit code 2, so many lines that contain the parts, no traceback."""
    assert outcome.code == 2, outcome
    for part in parts:
        assert part in outcome.err
    assert outcome.err.count("\n") == lines
    assert outcome.err.startswith("fastnn")
    assert ": error: " in outcome.err
    assert "Traceback" not in outcome.err
    assert not any(line.startswith("Epoch") for line in outcome.lines)


def temporary_files(folder: Path) -> list[str]:
    """What killed or failed saves left behind."""
    return [path.name for path in folder.rglob("*") if "fastnn-tmp" in path.name]
