"""``fastnn data SRC DIR``, also ``fastnn data export SRC DIR``: a data set as a tree of PNG files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fastnn.commands import cli
from fastnn.commands.signals import Signals


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn data",
        description="Write a data set as DIR/train/<class>/*.png, with val/ and test/ where there are such parts.\n"
        "把数据集写成 DIR/train/<类别>/*.png, 有验证和测试部分时还有 val/ 和 test/。",
    )
    parser.add_argument(
        "source", metavar="SRC", help="a folder, IDX files, 'digits' or 'mnist'\n文件夹、IDX 文件、digits 或 mnist"
    )
    parser.add_argument("target", metavar="DIR", help="a folder that does not exist yet\n一个还不存在的文件夹")
    cli.add_images(parser)
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="decides what --val-fraction holds out\n随机种子, 决定 --val-fraction 留出哪些",
    )
    return parser


def export(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    from fastnn.data.export import export_folder
    from fastnn.training.console import Console

    console = Console()
    options = {"seed": args.seed, **cli.image_options(args)}
    count = export_folder(args.source, args.target, console.progress("images written"), **options)
    console.line(f"{count} images written to {args.target}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return cli.run("fastnn data", export, make_parser(), words[1:] if words[:1] == ["export"] else words)
