"""``python -m fastnn.evaluate MODEL --data PATH``: tests a saved network."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fastnn.commands import cli
from fastnn.commands.signals import Signals


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn.evaluate", description="Test a saved network on a data set and list every wrong case."
    )
    cli.add_tested(parser)
    add = parser.add_argument
    add("--wrong", metavar="FILE", help="where the wrong cases go (MODEL.wrong.txt)")
    add("--json", metavar="FILE", help="write the result as JSON")
    add("--quiet", action="store_true", help="print the accuracy only")
    return parser


def evaluate(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    from fastnn.commands.results import check_writable, write_json
    from fastnn.commands.testing import opened, outputs_of, report_test, test
    from fastnn.training.console import Console
    from fastnn.training.feed import Feed
    from fastnn.training.model_files import parameters_sha256

    console = Console(args.quiet)
    for path in (args.wrong, args.json):
        if path is not None:
            check_writable(path)
    model, info, data = opened(args.model, args.data, args.on_bad_image, cli.cache_of(args), console, args.named)
    result = test(outputs_of(args.model, model, info, Feed.of(data)), data)
    report_test(result, data, args.wrong or f"{args.model}.wrong.txt", console)
    if args.json:
        content = {
            "test_correct": result.correct,
            "test_total": result.total,
            "parameters_sha256": parameters_sha256(model),
            "wrong": [int(i) for i in result.wrong],
        }
        write_json(args.json, content)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn.evaluate", evaluate, make_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
