"""``python -m benchmarks WORK``; --help lists the works."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

WORKS = {
    "ops": "single ops on the shapes of training",
    "train_step": "whole training steps: batch, forward, loss, backward, update",
    "cnn_step": "networks of images: training steps, the five steps of a tutorial, model(x)",
    "tiny": "steps of the smallest networks, where only overhead takes time",
    "eager": "a tutorial's five steps, model(x) on single images, a test of 10,000 images",
    "busy": "single steps alone and beside another process that is busy",
    "speed": "train_step, eager and busy in one run, as the README tells them",
    "loader": "reading a folder of small images, the first pass and a later one",
    "photographs": "an epoch of LeNet on photographs that are changed at random",
    "end_to_end": "the tutorial's job as a process: read PNG files, train, test",
}
# Not timed in turns: commands with arguments of their own.
COMMANDS = {
    "memory": "the most memory that a process needs for training steps of a network of images",
    "instructions": "instructions of a training step, counted by Valgrind",
    "tables": "fastnn.sklearn beside scikit-learn's networks: score and processor time",
    "tutorials": "the tutorials' scripts, unchanged, under their own library and under fastnn",
}
PEERS = ("torch", "torch_compile", "jax", "sklearn")

# Who reads which: OpenMP and torch, NumPy's and SciPy's OpenBLAS, MKL, XLA, fastnn. All read them when they are loaded.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC", "FASTNN_NUM_THREADS")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks",
        description="Compare answers with the NumPy reference, then time fastnn, NumPy and other libraries in turn.",
        epilog=f"works:\n{listed(WORKS)}\n\nwith options of their own (WORK --help):\n{listed(COMMANDS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("work", metavar="WORK", choices=WORKS, help="what to measure, see below")
    add("--peers", default="", metavar="NAME,...", help=f"beside NumPy: {', '.join(PEERS)}")
    add("--json", metavar="FILE", help="also write everything, single samples included, as JSON")
    add("--threads", type=positive, default=cpus(), metavar="N", help="for every contender (default: %(default)s)")
    add("--rounds", type=positive, metavar="N", help="samples of each contender (default: the benchmark's own)")
    add("--quick", action="store_true", help="see that everything works; the numbers mean nothing")
    add("--only", default="", metavar="NAME", help="only cases with NAME in their name")
    add("--op", default="", metavar="NAME,...", help="ops: only these, by PyTorch's names or those of benchmarks/ops")
    add("--mnist", metavar="DIR", help="train_step, eager: MNIST's four IDX files (default: built-in digits)")
    add("--data", metavar="DIR", help="loader, photographs, end_to_end: a folder with train/ (default: drawn)")
    add("--images", type=positive, metavar="N", help="loader, photographs: how many images to draw")
    add("--epochs", type=positive, default=10, metavar="N", help="end_to_end: epochs of the job (default: 10)")
    return parser


def listed(works: Mapping[str, str]) -> str:
    """A line for each."""
    return "\n".join(f"  {name:12}  {about}" for name, about in works.items())


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def cpus() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peers_of(text: str) -> tuple[str, ...]:
    """The peers named.

    Raises:
        ValueError: one that is not known, or not installed.
    """
    from importlib.util import find_spec

    names = tuple(dict.fromkeys(name for name in text.split(",") if name))
    for name in names:
        if name not in PEERS:
            raise ValueError(f"--peers: {name!r} is none of {', '.join(PEERS)}")
        if find_spec(name.partition("_")[0]) is None:
            raise ValueError(f"--peers: {name} is not installed")
    return names


def ops_of(text: str, work: str) -> tuple[str, ...]:
    """The ops named.

    Raises:
        ValueError: another work than ``ops`` was asked for.
    """
    if text and work != "ops":
        raise ValueError(f"--op chooses single ops: python -m benchmarks ops --op {text}; --only NAME, {work}'s cases")
    return tuple(dict.fromkeys(name for name in text.split(",") if name))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one benchmark; returns the exit code: 0, 1 for a wrong answer, 2 for wrong arguments."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words and words[0] in COMMANDS:
        return import_module(f"benchmarks.{words[0]}").main(words[1:])
    args = make_parser().parse_args(words)
    try:
        ops = ops_of(args.op, args.work)
        peers = peers_of(args.peers)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(args.threads)
    from benchmarks.harness import Mismatch, Options
    from benchmarks.run import run

    inputs = args.data, args.images, args.epochs, args.mnist, ops
    options = Options(args.threads, args.rounds, args.quick, peers, args.only, *inputs)
    try:
        report = run(args.work, options, print)
    except Mismatch as error:
        print(f"WRONG: {error}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            file.write(report.to_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
