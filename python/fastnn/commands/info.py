"""``fastnn info``: what fastnn found on this machine, to paste into a report."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from fastnn.commands import cli, plans
from fastnn.commands.signals import Signals
from fastnn.platform import mapped_files


def runtime_info() -> dict[str, object]:
    """ISA, threads, how far apart the cores are, OpenMP runtimes loaded, versions, devices."""
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
        "core_distance_ns": _core.core_distance(),
        "threading": _core.threading(),
        "openmp_runtimes": openmp_runtimes(),
        "cuda": "available" if _core.cuda_available() else _core.cuda_missing_reason(),
    }


def openmp_runtimes() -> list[str]:
    """The OpenMP libraries in this process: more than one means two pools of threads."""
    names = ("libgomp", "libomp", "libiomp5", "vcomp")
    return sorted(path for path in mapped_files() if path.rsplit("/", 1)[-1].startswith(names))


def info(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    from fastnn.training.console import Console

    console = Console()
    if args.input_shape and not args.plan:
        raise ValueError("--input-shape is of --plan's images: name a network with --plan")
    if args.plan:
        for line in plans.plan_lines(args.plan, args.input_shape, args.batch_size):
            console.line(line)
        return 0
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
        elif name == "core_distance_ns":
            value = "unknown" if value is None else f"{value:.0f} (above 100: no common cache)"
        console.line(f"{name + ':':17} {value}")
    return 0


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn info",
        description="Show the instruction set, threads, OpenMP runtimes and versions in use.\n"
        "显示正在使用的指令集、线程、OpenMP 库和版本。",
    )
    parser.add_argument("--json", action="store_true", help="as JSON\n写成 JSON")
    parser.add_argument(
        "--plan",
        metavar="NAME|I-H-O|MODEL",
        help=f"what a training step of this network does and takes: {', '.join(cli.MODELS)}, layer sizes, or a file\n"
        "这个网络的一个训练步做什么、要多少内存",
    )
    parser.add_argument(
        "--input-shape",
        type=plans.image_shape,
        metavar="CxHxW",
        help="of --plan's images, such as 3x224x224\n--plan 的图片的大小, 如 3x224x224",
    )
    parser.add_argument(
        "--batch-size", type=cli.at_least(1), default=64, metavar="N", help="of --plan\n--plan 的批大小"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn info", info, make_parser(), argv)
