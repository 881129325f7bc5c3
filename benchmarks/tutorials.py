"""The tutorials' scripts, unchanged, under PyTorch or Keras and under fastnn: wall time from process start to end.

    python -m benchmarks tutorials --images DIR --mnist DIR [--only NAME] [--rounds N]

DIR of images: train/<digit>/* and test/<digit>/*; of MNIST: its four IDX files. Each script runs under its own library,
then under ``python -m fastnn.run``, in turn, in one folder. torchvision may be missing: its few steps are in
``peers/vision`` then, without its dispatching. Keras runs on the backend that ``KERAS_BACKEND`` names.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
from fastnn import _core
from fastnn.data.idx import find_mnist, read_labelled
from PIL import Image

ROOT = Path(__file__).parent.parent
TUTORIALS = ROOT / "tests" / "tutorials"
STAND_IN = Path(__file__).parent / "peers" / "vision"


@dataclass(frozen=True)
class Script:
    """A tutorial's script and the library that it is written for."""

    path: str
    library: str
    about: str


# Keras takes its own download alone: here it gets the same arrays from the file beside it.
KERAS = """
import runpy, sys
import keras, numpy as np
arrays = np.load(".keras/datasets/mnist.npz")
train, test = ((arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
keras.datasets.mnist.load_data = lambda: (train, test)
runpy.run_path(sys.argv[1], run_name="__main__")
"""

SCRIPTS = (
    Script("digits/train.py", "torch", "784-256-10 on PNG files, Adam, batch 64, 10 epochs"),
    Script("digits/test.py", "torch", "its test, an image at a time"),
    Script("scripts/mse_sgd.py", "torch", "784-200-200-200-10, MSE, SGD, batch 6000, 200 epochs"),
    Script("scripts/fit.py", "torch", "1-3-1 on 50 points, batch 8, 20,000 epochs"),
    Script("scripts/evidence.py", "torch", "196-10 on PNG files made 14x14, 10 epochs"),
    Script("keras_style/mnist_mlp.py", "keras", "784-512-10, rmsprop, batch 32, 10 epochs"),
)


def prepare(folder: Path, images: Path, mnist: Path) -> None:
    """What the scripts look for beside them."""
    (folder / "mnist_images").symlink_to(images.resolve())
    (folder / "data" / "MNIST").mkdir(parents=True)
    (folder / "data" / "MNIST" / "raw").symlink_to(mnist.resolve())
    files = find_mnist(mnist)
    if files is None:
        raise ValueError(f"{mnist} has no MNIST files")
    x_train, y_train = read_labelled(files.train_images, files.train_labels, 10)
    x_test, y_test = read_labelled(files.test_images, files.test_labels, 10)
    Image.fromarray(x_test.reshape(-1, 28, 28)[0]).save(folder / "digit.png")
    (folder / ".keras" / "datasets").mkdir(parents=True)
    arrays = {"x_train": x_train.reshape(-1, 28, 28), "y_train": y_train.astype(np.uint8)}
    arrays |= {"x_test": x_test.reshape(-1, 28, 28), "y_test": y_test.astype(np.uint8)}
    np.savez(folder / ".keras" / "datasets" / "mnist.npz", **arrays)


def run(script: Script, folder: Path, fastnn: bool) -> tuple[float, str]:
    """Seconds from start to end, and the last line that it printed.

    Raises:
        ValueError: it failed.
    """
    for source in (TUTORIALS / script.path).parent.glob("*.py"):
        (folder / source.name).write_text(source.read_text())
    paths = [os.environ.get("PYTHONPATH", "")]
    if not fastnn and find_spec("torchvision") is None:
        paths = [str(STAND_IN), *paths, str(ROOT)]
    how = ["-m", "fastnn.run"] if fastnn else ["-c", KERAS] if script.library == "keras" else []
    command = [sys.executable, *how, Path(script.path).name]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "HOME": str(folder)}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise ValueError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return seconds, done.stdout.splitlines()[-1].strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a line for each script; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks tutorials", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--images", type=Path, required=True, metavar="DIR", help="train/<digit>/* and test/<digit>/*")
    add("--mnist", type=Path, required=True, metavar="DIR", help="MNIST's four IDX files")
    add("--only", default="", metavar="NAME", help="only scripts with NAME in their path")
    add("--rounds", type=int, default=1, metavar="N", help="how often (default: %(default)s)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fastnn-benchmark-") as name:
        folder = Path(name)
        prepare(folder, args.images, args.mnist)
        for script in SCRIPTS:
            if args.only not in script.path or find_spec(script.library) is None:
                continue
            distances, rounds = [_core.core_distance()], []
            for _ in range(args.rounds):
                rounds.append((run(script, folder, False), run(script, folder, True)))
                distances.append(_core.core_distance())
            theirs, ours = (median(seconds for seconds, _ in column) for column in zip(*rounds, strict=True))
            print(f"{script.path}: {script.library} {theirs:.1f} s, fastnn {ours:.1f} s: {theirs / ours:.1f} times")
            print(f"    {script.about}; it ends with: {rounds[-1][0][1]} | {rounds[-1][1][1]}")
            between = ", ".join("unknown" if ns is None else f"{ns:.0f} ns" for ns in distances)
            print(f"    from core to core before and after each round: {between}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
