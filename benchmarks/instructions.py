"""Instructions of one training step, counted by Valgrind.

    python -m benchmarks instructions [--write]

A count is the same on a noisy machine, so a change that makes a step longer shows here where times do not tell. It is
no time: what waits for memory costs the same. Each work trains some steps and then more of them under
``valgrind --tool=callgrind``; the difference of the two counts, divided, is a step's. AVX2 and one thread, as Valgrind
knows no AVX-512 and counts waiting threads.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "instructions.json"

# The works of train_step by number, and the steps of the shorter and the longer run.
COUNTED = {0: (2, 12), 1: (2, 12), 2: (2, 6), 4: (500, 40_500)}  # the start of Python varies by some 300,000

SECONDS = 1e9  # of a call of the plan: never back before the last step


def train(number: int, steps: int) -> None:
    """Runs so many steps of a work in one call of its plan."""
    from benchmarks.train_step import WORKS, FastnnTrainer
    from benchmarks.training import make_job

    job = make_job(replace(WORKS[number], steps=max(COUNTED[number])), 1)  # the same data for both runs
    trainer = FastnnTrainer(job, "plan")
    plan, feed, order = trainer.engine.plan, trainer.feed, trainer.order
    program = plan.train_program(*feed.batch(order[: trainer.batch]))
    plan.run(program, feed.source(order), 0, steps, seconds=SECONDS)


def count(number: int, steps: int) -> int:
    """The instructions of a process that trains.

    Raises:
        RuntimeError: Valgrind failed; its last lines.
    """
    command = [sys.executable, "-m", "benchmarks.instructions", "--train", str(number), str(steps)]
    environment = {**os.environ, "FASTNN_ISA": "avx2", "FASTNN_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        out = f"--callgrind-out-file={folder}/out"
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", out, *command], env=environment, capture_output=True, text=True
        )
    counted = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or counted is None:
        raise RuntimeError("valgrind failed: " + done.stderr[-500:])
    return int(counted[1])


def measure() -> dict[str, int]:
    """Instructions of a step of each work, by its name."""
    from benchmarks.train_step import WORKS

    found = {}
    for number, (few, many) in COUNTED.items():
        found[WORKS[number].name] = round((count(number, many) - count(number, few)) / (many - few))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks instructions", description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"keep the counts in {RESULTS.name}")
    parser.add_argument("--train", nargs=2, type=int, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.train:
        train(*args.train)
        return 0
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found = measure()
    width = max(map(len, found))
    for name, instructions in found.items():
        before = kept.get(name)
        change = f"{instructions / before - 1:+9.1%} of {before:,} kept" if before else ""
        print(f"{name:{width}} {instructions:12,} {change}")
    if args.write:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
