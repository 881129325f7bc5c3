"""``fastnn report MODEL --data PATH --html FILE``: how good a saved network is, as one HTML page."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from fastnn.commands import cli
from fastnn.commands.signals import Signals
from fastnn.io.checks import shown_path

_HEAD = 4096  # bytes in which a page has begun, after what is blank


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn.report",
        description="Test a saved network and write one page that needs nothing else: accuracy, confusion matrix, "
        "every wrong case as an image, training curves, first-layer weights, feature maps.\n"
        "测试保存的网络, 写成一个独立的网页: 准确率、混淆矩阵、每个错误识别的图片、训练曲线、第一层权重、特征图。",
    )
    cli.add_tested(parser)
    add = parser.add_argument
    add("--html", default="report.html", metavar="FILE", help="where the page goes\n网页写到哪里")
    add(
        "--history",
        metavar="FILE",
        help="a training state, or the --json of a run, for the curves (MODEL.state)\n"
        "曲线来自哪里: 训练状态, 或训练的 --json 文件 (默认 MODEL.state)",
    )
    add(
        "--wrong-limit",
        type=cli.at_least(0),
        metavar="N",
        help="show so many wrong cases, the most confident first (2000; of photographs those of 1.8 MB, some 600)\n"
        "最多显示多少个错误识别, 最有把握的在前 (默认 2000; 照片以 1.8 MB 为限, 约 600 个)",
    )
    add("--quiet", action="store_true", help="print nothing but errors\n只显示错误")
    return parser


def report(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    from fastnn.commands.results import check_writable
    from fastnn.commands.testing import opened, outputs_of
    from fastnn.io import write_atomic
    from fastnn.io.atomic import read_regular
    from fastnn.reporting.curves import history_for
    from fastnn.reporting.findings import Findings
    from fastnn.reporting.page import Subject, make_page
    from fastnn.training.console import Console
    from fastnn.training.feed import Feed
    from fastnn.training.model_files import parameters_sha256

    console = Console(args.quiet)
    check_writable(args.html, "--html")
    if os.path.realpath(args.html) == os.path.realpath(args.model):
        raise ValueError(f"--html {shown_path(args.html)} is the model itself: the page would replace it")
    if os.path.isfile(args.html) and bytes(read_regular(args.html, _HEAD)).lstrip()[:1] not in (b"", b"<"):
        raise ValueError(f"--html {shown_path(args.html)} is no page, and would be replaced: give another name")
    model, info, data = opened(args, console)
    history = history_for(args.model, model, args.history)
    outputs = outputs_of(args.model, model, info, Feed.of(data))
    findings = Findings(outputs, data.targets, info.outputs or "softmax")
    subject = Subject(args.model, model, parameters_sha256(model), args.data, data)
    page = make_page(subject, findings, history, args.wrong_limit)
    write_atomic(args.html, [page.encode()])
    right, wrong = f"{findings.correct} / {findings.total}", len(findings.wrong)
    cases = f"{wrong} wrong case{'' if wrong == 1 else 's'}"
    what, of = cli.spoken("report\n报告"), cli.spoken(f"{right} right, {cases}\n正确 {right}, 错误识别 {wrong} 个")
    console.line(f"{what}: {shown_path(args.html)} ({of})")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn.report", report, make_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
