"""``python -m fastnn.evaluate MODEL --data PATH``: tests a saved network."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn.commands import cli
from fastnn.commands.signals import Signals
from fastnn.io.checks import shown_path

if TYPE_CHECKING:
    import numpy as np

    from fastnn.commands.testing import TestResult
    from fastnn.data.resident import Resident

_CLASSES = 20  # with a line each


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn.evaluate",
        description="Test a saved network on a data set and list every wrong case.\n"
        "在数据集上测试保存的网络, 列出每个错误识别。",
    )
    cli.add_tested(parser)
    add = parser.add_argument
    add(
        "--wrong",
        metavar="FILE",
        help="where the wrong cases go (MODEL.wrong.txt)\n错误识别写到哪里 (默认 MODEL.wrong.txt)",
    )
    add("--json", metavar="FILE", help="write the result as JSON\n把结果写成 JSON")
    add("--quiet", action="store_true", help="print the accuracy only\n只显示准确率")
    return parser


def evaluate(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    from fastnn.commands.results import check_writable, write_json
    from fastnn.commands.testing import opened, outputs_of, report_test, test
    from fastnn.training.console import Console
    from fastnn.training.feed import Feed
    from fastnn.training.model_files import parameters_sha256

    console = Console(args.quiet)
    for option, path in (("--wrong", args.wrong), ("--json", args.json)):
        if path is not None:
            check_writable(path, option)
    model, info, data = opened(args, console)
    result = test(outputs_of(args.model, model, info, Feed.of(data)), data)
    right, total = by_class(result, data)
    report_test(result, data, args.wrong or f"{args.model}.wrong.txt", console, class_lines(right, total, data.classes))
    if args.json:
        content = {
            "test_correct": result.correct,
            "test_total": result.total,
            "by_class": {
                name: {"correct": r, "total": t}
                for name, r, t in zip(data.classes, right.tolist(), total.tolist(), strict=True)
            },
            "parameters_sha256": parameters_sha256(model),
            "wrong": [int(i) for i in result.wrong],
        }
        write_json(args.json, content)
    return 0


def by_class(result: TestResult, data: Resident) -> tuple[np.ndarray, np.ndarray]:
    """How many images of each class were told right, and how many there are: int64 (C,) each."""
    import numpy as np

    count = len(data.classes)
    total = np.bincount(data.targets, minlength=count)
    return total - np.bincount(data.targets[result.wrong], minlength=count), total


def class_lines(right: np.ndarray, total: np.ndarray, classes: Sequence[str]) -> list[str]:
    """The accuracy of each class; of many the least ones, the least first."""
    there = [row for row in range(len(classes)) if total[row]]
    many = len(there) > _CLASSES
    shown = sorted(there, key=lambda row: right[row] / total[row])[:_CLASSES] if many else there
    first = [f"the {_CLASSES} classes of {len(there)} with the least accuracy:"] if many else []
    return first + [
        f"accuracy of {shown_path(classes[row])} = {right[row]} / {total[row]} = {right[row] / total[row]:.3f}"
        for row in shown
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn.evaluate", evaluate, make_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
