"""``fastnn info``: what fastnn found on this machine, to paste into a report."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from fastnn import cli


def runtime_info() -> dict[str, object]:
    """ISA, threads, OpenMP runtimes loaded, versions, devices."""
    import platform

    import numpy as np

    from fastnn import _core

    return {
        "fastnn": _core.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "isa": _core.isa(),
        "isa_description": _core.isa_description(),
        "isa_levels": {name: supported for name, supported in _core.isa_levels()},
        "threads": _core.get_num_threads(),
        "processors": _core.available_cpus(),
        "threading": _core.threading(),
        "openmp_runtimes": openmp_runtimes(),
        "cuda": "available" if _core.cuda_available() else _core.cuda_missing_reason(),
    }


def openmp_runtimes() -> list[str]:
    """The OpenMP libraries in this process: more than one means two pools of threads."""
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split(maxsplit=5)[5].strip() for line in maps if line.count("/")}
    except OSError:
        return []
    names = ("libgomp", "libomp", "libiomp5", "vcomp")
    return sorted(path for path in paths if path.rsplit("/", 1)[-1].startswith(names))


def info(args: argparse.Namespace, signals: cli.Signals) -> int:
    """Runs the command."""
    from fastnn.console import Console

    console = Console()
    facts = runtime_info()
    if args.json:
        import json

        console.line(json.dumps(facts, indent=2))
        return 0
    for name, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(
                f"{key} ({'yes' if supported else 'not on this CPU'})" for key, supported in value.items()
            )
        elif isinstance(value, list):
            value = ", ".join(value) or "none"
        console.line(f"{name + ':':17} {value}")
    return 0


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn info", description="Show the instruction set, threads, OpenMP runtimes and versions in use."
    )
    parser.add_argument("--json", action="store_true")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn info", info, make_parser(), argv)
