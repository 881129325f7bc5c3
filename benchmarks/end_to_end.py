"""The tutorial's job as a process: read PNG files, train, test, list the wrong cases. Wall time, start to exit.

fastnn runs ``python -m fastnn.train``; the others run their script in ``peers/``. Everyone runs once before
anything is timed (files and byte code are in the cache then), and its test accuracy must be that of the NumPy
script, as far as chance allows.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

from fastnn.data.digits import digits_folder

from benchmarks.harness import Case, Contender, Mismatch, Options
from benchmarks.peers.folder_of_images import list_images

ROUNDS = 3
PEERS = ("torch",)
SCRIPTS = {"numpy": "numpy_mnist_folder", "torch": "torch_mnist_folder"}
ROOT = Path(__file__).parent.parent
ACCURACY = re.compile(r"test accuracy = (\d+) / (\d+)")

# The same network from other random numbers: ten seeds of PyTorch on MNIST lie within half a point.
SEED_SPREAD = 0.01


def cases(options: Options) -> Iterator[Case]:
    """The one job."""
    data = Path(options.data) if options.data else Path(digits_folder())
    for split in ("train", "test"):
        if not (data / split).is_dir():
            raise ValueError(f"{data} has no folder {split!r}: --data must have train/<class>/* and test/<class>/*")
    train, test = (len(list_images(str(data / split))[0]) for split in ("train", "test"))
    epochs = 1 if options.quick else options.epochs
    files = "files" if options.data else "drawn 28x28 grey PNG files"
    name = f"784-256-10, batch 64, Adam: {epochs} epochs of {train:,} {files}, test on {test:,}"
    images = epochs * train + test
    yield Case(name, partial(prepare, data, epochs, options), unit="run", images=images, repeat=False)


def prepare(data: Path, epochs: int, options: Options) -> list[Contender]:
    """fastnn's command, the NumPy script and torch's."""
    common = [str(data), "--epochs", str(epochs)]
    commands = {"fastnn": ["fastnn.train", "--threads", str(options.threads), "--data", *common]}
    for peer in ("numpy", *options.peers):
        commands[peer] = [f"benchmarks.peers.{SCRIPTS[peer]}", *common]
    expected = run_module(commands["numpy"])
    return [
        Contender(
            name,
            partial(run_module, command),
            partial(check, expected),
            settings=f"{name}: python -m {command[0]}",
        )
        for name, command in commands.items()
    ]


def run_module(command: list[str]) -> tuple[int, int]:
    """Runs ``python -m ...`` in a folder of its own; how many test images it got right, of how many.

    Raises:
        ValueError: it failed, or printed no accuracy.
    """
    paths = [str(ROOT), *(os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path)]
    with tempfile.TemporaryDirectory(prefix="fastnn-benchmark-") as folder:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
        )
    found = ACCURACY.search(done.stdout)
    if done.returncode or not found:
        raise ValueError(f"python -m {' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return int(found[1]), int(found[2])


def check(expected: tuple[int, int], answer: object) -> None:
    """Five standard deviations of the difference between two tests, and what the seed does."""
    right, total = cast(tuple[int, int], answer)
    wanted, count = expected
    if total != count:
        raise Mismatch(f"tested on {total} images, the NumPy script on {count}")
    p = (right + wanted) / (2 * count)
    bound = 5 * (2 * p * (1 - p) / count) ** 0.5 + SEED_SPREAD
    if abs(right - wanted) > bound * count:
        raise Mismatch(
            f"test accuracy {right / count:.4f}, the NumPy script's is {wanted / count:.4f} within {bound:.4f}"
        )
