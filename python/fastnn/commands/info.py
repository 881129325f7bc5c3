"""``fastnn info``: what fastnn found on this machine, to paste into a report."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn.commands import cli
from fastnn.commands.signals import Signals
from fastnn.platform import mapped_files

if TYPE_CHECKING:
    from fastnn.nn.module import Module
    from fastnn.training.network import Network

_MEASURED = 50  # steps


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


def network_of(text: str) -> Network:
    """A network of these sizes (``784-256-10``), or the one in a file.

    Raises:
        ValueError: neither sizes nor the name of a file.
        FormatError: the file holds no network.
    """
    from fastnn import random
    from fastnn.commands.settings import parse_arch
    from fastnn.training.model_files import load_model
    from fastnn.training.network import Network

    state = random.state.as_dict()
    try:
        return load_model(text)[0] if os.path.isfile(text) else Network(*parse_arch(text, "--plan"))
    finally:
        random.state.restore(state)  # to look at a network draws nothing


def plan_lines(model: Module, features: int, outputs: int, batch_size: int) -> list[str]:
    """What a compiled training step of a model does: its ops, its phases, how many threads it is given and why, and its
    parts as the cost model predicts them and as they are measured (Adam, cross-entropy, random input without zeros).

    features: of one of its inputs; outputs: classes that it tells apart.
    """
    import numpy as np

    from fastnn import _core, nn, optim
    from fastnn.training.engines import Pass, PlanEngine
    from fastnn.training.feed import Feed

    engine = PlanEngine(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    x = (np.arange(_MEASURED * batch_size * features, dtype=np.float32) % 251 + 1).reshape(-1, features) / 256
    feed, order = Feed(x, np.arange(len(x)) % outputs), np.arange(len(x))

    def epoch() -> None:
        for _ in engine.epoch(Pass(feed, order, batch_size, limit=lambda step: _MEASURED, drop_last=True)):
            pass

    epoch()  # warm
    engine.start_profile(*feed.batch(order[:batch_size]))
    core, listed = engine.plan.core, engine.plan.train_program(*feed.batch(order[:batch_size]))
    program = listed.number
    epoch()
    most, chosen = _core.get_num_threads(), core.best_threads(program)
    counts = sorted({1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, chosen})
    predicted = [f"{count}: {core.step_seconds(program, count) * 1e6:.1f}" for count in counts]
    return [
        "ops of a step, as they are lowered; %n is a view of memory:",
        *(f"  {line}" for line in listed.lines()),
        "phases of a step, with a barrier behind each:",
        *(f"  {_phase_line(phase)}" for phase in core.phases(program)),
        f"threads: {chosen} of {most} that may be used. Predicted us of a step by threads (cpp/plan/cost.h):",
        f"  {', '.join(predicted)}",
        *engine.profile().lines(),
    ]


def _phase_line(phase: list[str]) -> str:
    """A phase as ``Plan.phases`` lists it: its instructions, by the way that they are cut."""
    parts: list[list[str]] = []
    for name in phase:
        if name in ("everywhere", "rows", "features", "group"):
            parts.append([])
        parts[-1].append(name)
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, *names in parts)


def info(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    from fastnn.training.console import Console

    console = Console()
    if args.plan:
        network = network_of(args.plan)
        for line in plan_lines(network, network.sizes[0], network.sizes[-1], args.batch_size):
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
        prog="fastnn info", description="Show the instruction set, threads, OpenMP runtimes and versions in use."
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plan", metavar="I-H-O|MODEL", help="what a training step of this network does and takes")
    parser.add_argument("--batch-size", type=cli.at_least(1), default=64, metavar="N", help="of --plan")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn info", info, make_parser(), argv)
