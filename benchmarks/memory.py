"""The most memory that training steps of a network of images need.

    python -m benchmarks memory [--peers torch] [--network NAME]

Each library trains in a process of its own, which says at its end what it had resident at most, and what before its
first step, with the library loaded: the difference is the step's, parameters and moments included. Linux only.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.cnn_step import STEPS, peer
from benchmarks.images import make_image_job
from benchmarks.train_step import FastnnTrainer

TRAINED = 3  # steps
THREADS = 2


def peak_mb() -> float:
    """MB that this process had resident at most. Not getrusage's: that begins with what the parent has."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None, "Linux only"
    return int(found[1]) / 1e3


def train(library: str, network: str) -> tuple[float, float]:
    """MB before the first step and behind the last."""
    work = next(work for work in STEPS if work.network == network)
    make = partial(FastnnTrainer, engine="plan") if library == "fastnn" else peer(library).Trainer
    job = make_image_job(replace(work, steps=TRAINED), THREADS)
    before = peak_mb()
    make(job).epoch()
    return before, peak_mb()


def measure(library: str, network: str) -> tuple[float, float]:
    """The same of a fresh process.

    Raises:
        RuntimeError: it failed; its last lines.
    """
    command = [sys.executable, "-m", "benchmarks", "memory", "--network", network, "--train", library]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{library} failed: " + done.stderr[-500:])
    before, behind = done.stdout.split()
    return float(before), float(behind)


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks memory", description=__doc__.split("\n")[0])
    parser.add_argument("--peers", default="", metavar="NAME,...", help="beside fastnn: torch")
    parser.add_argument("--network", default="resnet34", choices=[work.network for work in STEPS], help="to train")
    parser.add_argument("--train", metavar="LIBRARY", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.train:
        print(*train(args.train, args.network))
        return 0
    for library in ("fastnn", *(name for name in args.peers.split(",") if name)):
        before, behind = measure(library, args.network)
        print(f"{library:8} {behind - before:6.0f} MB by {TRAINED} steps of {args.network}, {behind:.0f} MB in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
