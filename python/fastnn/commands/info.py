"""``fastnn info``: what fastnn found on this machine, to paste into a report."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from fastnn.commands import cli

_MEASURED = 50  # steps


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


def plan_lines(arch: Sequence[int], batch_size: int) -> list[str]:
    """What a compiled training step of a network does: its phases, how many threads it is given and why, and its parts
    as the model predicts them and as they are measured (Adam, cross-entropy, random input without zeros).
    """
    import numpy as np

    from fastnn import Network, _core, nn, optim, random
    from fastnn.training.engines import Pass, PlanEngine
    from fastnn.training.feed import Feed

    state = random.state.as_dict()
    model = Network(*arch)
    engine = PlanEngine(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    x = (np.arange(_MEASURED * batch_size * arch[0], dtype=np.float32) % 251 + 1).reshape(-1, arch[0]) / 256
    feed, order = Feed(x, np.arange(len(x)) % arch[-1]), np.arange(len(x))
    random.state.restore(state)

    def epoch() -> None:
        for _ in engine.epoch(Pass(feed, order, batch_size, limit=lambda step: _MEASURED, drop_last=True)):
            pass

    epoch()  # warm
    engine.start_profile(*feed.batch(order[:batch_size]))
    core, program = engine.plan.core, engine.plan.train_program(*feed.batch(order[:batch_size])).number
    epoch()
    most, chosen = _core.get_num_threads(), core.best_threads(program)
    lines = [f"{kind}: {', '.join(names)}" for kind, *names in core.phases(program)]
    counts = sorted({1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, chosen})
    predicted = [f"{count}: {core.step_seconds(program, count) * 1e6:.1f}" for count in counts]
    return [
        "phases of a step, with a barrier behind each:",
        *(f"  {line}" for line in lines),
        f"threads: {chosen} of {most} that may be used. Predicted us of a step by threads (cpp/plan/cost.h):",
        f"  {', '.join(predicted)}",
        *engine.profile().lines(),
    ]


def info(args: argparse.Namespace, signals: cli.Signals) -> int:
    """Runs the command."""
    from fastnn.training.console import Console

    console = Console()
    if args.plan:
        from fastnn.commands.job import parse_arch

        for line in plan_lines(parse_arch(args.plan), args.batch_size):
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
        console.line(f"{name + ':':17} {value}")
    return 0


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn info", description="Show the instruction set, threads, OpenMP runtimes and versions in use."
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plan", metavar="I-H-O", help="what a training step of this network does and takes")
    parser.add_argument("--batch-size", type=cli.at_least(1), default=64, metavar="N", help="of --plan")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn info", info, make_parser(), argv)
