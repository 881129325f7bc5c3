"""``python -m fastnn.train``: trains a network on images of classes and tests it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn.commands import cli
from fastnn.commands.signals import Signals
from fastnn.commands.steps import add_steps, settings_of
from fastnn.io.checks import shown_path

if TYPE_CHECKING:
    from fastnn.commands.settings import Settings
    from fastnn.data.source import Source
    from fastnn.training.console import Console


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn.train",
        description="Train a network on images in class folders or IDX files, then test it.\n"
        "用类别文件夹或 IDX 文件里的图片训练网络, 然后测试。",
    )
    _add_network(parser)
    add_steps(parser)
    _add_run(parser)
    _add_images(parser)
    add = parser.add_argument
    add(
        "--tensorboard",
        metavar="DIR",
        help="write losses, metrics and weights as TensorBoard event files\n把损失、指标和权重写成 TensorBoard 文件",
    )
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute\n在哪里计算")
    add(
        "--profile",
        action="store_true",
        help="print where the time of a compiled training step goes\n显示一个训练步的时间花在哪里",
    )
    add("--quiet", action="store_true", help="print the accuracy only\n只显示准确率")
    return parser


def _add_network(parser: cli.Parser) -> None:
    """What is trained on what, and where it goes."""
    add = parser.add_argument
    add(
        "--data",
        default="digits",
        metavar="PATH|digits|mnist",
        help="a data folder, the built-in synthetic digits, or a local MNIST\n"
        "数据文件夹, 内置的合成数字, 或本地的 MNIST",
    )
    add(
        "--val",
        metavar="PATH",
        help="images to look at after each epoch and to test with, where they are not inside --data\n"
        "每轮之后用来验证、最后用来测试的图片 (不在 --data 里时)",
    )
    add(
        "--out",
        metavar="FILE",
        help="where the model goes: .pth (PyTorch's) or .safetensors (./mnist.pth, of --model NAME ./NAME.pth)\n"
        "模型存到哪里: .pth (PyTorch 的格式) 或 .safetensors (默认 ./mnist.pth; 用 --model NAME 时 ./NAME.pth)",
    )
    kind = parser.add_mutually_exclusive_group().add_argument
    kind(
        "--arch",
        metavar="I-H-O",
        help="sizes of dense layers, input first (default: 784-256-10)\n各全连接层的大小, 从输入开始 (默认 784-256-10)",
    )
    kind(
        "--model",
        type=cli.model_name,
        metavar="NAME|MODULE:CLASS",
        help=f"a convolutional network for the images and classes of --data: {', '.join(cli.MODELS)}; or your own "
        "class of nn.Module, as mynet.py:Net\n"
        "卷积网络, 大小由 --data 的图片和类别决定; 或自己的 nn.Module 类, 如 mynet.py:Net",
    )


def _add_run(parser: cli.Parser) -> None:
    """How the steps are run, stopped and taken up again."""
    add = parser.add_argument
    cli.add_threads(add)
    add(
        "--engine",
        choices=("plan", "eager"),
        default="plan",
        help="compiled, or step by step in Python: the same bits\n编译执行, 或用 Python 逐步执行: 结果完全相同",
    )
    add(
        "--state",
        metavar="FILE",
        help="where the training state goes and --resume finds it (OUT.state)\n训练状态存到哪里, --resume 从中恢复",
    )
    add(
        "--checkpoint-every",
        type=cli.at_least(0),
        default=0,
        metavar="STEPS",
        help="save the state every so many steps; 0: every few seconds, at the end of an epoch\n"
        "每隔多少步保存一次训练状态; 0: 每隔几秒, 在一轮结束时",
    )
    add(
        "--resume",
        action="store_true",
        help="go on from --state; where there is none, start afresh\n从 --state 继续训练; 没有时重新开始",
    )
    add("--json", metavar="FILE", help="write the results as JSON\n把结果写成 JSON")


def _add_images(parser: cli.Parser) -> None:
    """How image files are read."""
    add = parser.add_argument
    cli.add_images(parser)
    add(
        "--channels",
        type=int,
        choices=(1, 3),
        help="1: all images become grey; 3: they are in colour (with --size: 3)\n"
        "1: 都变成灰度; 3: 彩色 (用 --size 时为 3)",
    )
    add(
        "--scaled-jpeg",
        action="store_true",
        help="with --resize or --size: decode large JPEG files at a fraction of their size\n"
        "配合 --resize 或 --size: 按缩小的尺寸解码大的 JPEG 文件",
    )
    cli.add_cache(parser)


def opened(args: argparse.Namespace, console: Console) -> Source:
    """The data that the options name, in memory; the console tells of it."""
    from fastnn.data.source import open_source

    source = open_source(
        args.data,
        val=args.val,
        seed=args.seed,
        progress=console.progress("images read"),
        channels=args.channels,
        cache=cli.cache_of(args),
        scaled_jpeg=args.scaled_jpeg,
        **cli.image_options(args),
    )
    for line in source.description:
        console.line(line)
    return source


def check(args: argparse.Namespace, settings: Settings) -> None:
    """Refuses what cannot be done, before the data are looked at; sets the threads.

    Raises:
        ValueError: options that contradict each other, a device that is not there, files that cannot be written.
    """
    from fastnn import _core
    from fastnn.commands.results import check_writable
    from fastnn.commands.settings import check_resize, parse_size
    from fastnn.training.saving import check_model_name

    if settings.model is None:
        check_resize(parse_size(args.resize), settings.arch)
    if args.profile and args.engine != "plan":
        raise ValueError("--profile is of compiled steps: leave out --engine eager")
    if args.device == "cuda" and not _core.cuda_available():
        raise ValueError(_core.cuda_missing_reason())
    if args.threads is not None:
        _core.set_num_threads(args.threads)
    check_model_name(settings.out, "--out")
    for option, path in (("--out", settings.out), ("--state", settings.state), ("--json", args.json)):
        if path is not None:
            check_writable(path, option)


def train(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    from fastnn.data.idx import reading_ahead

    with reading_ahead(args.data):  # while what trains is imported
        from fastnn.commands import fitting, testing
        from fastnn.commands.results import results, write_json
        from fastnn.training.console import Console
        from fastnn.training.feed import Feed

        console, settings = Console(args.quiet), settings_of(args)
        check(args, settings)
        source = opened(args, console)
    trainer = fitting.train(settings, source, console, signals)
    result = None
    if source.test is not None:
        result = testing.test(trainer.outputs_of(Feed.of(source.test)), source.test)
        testing.report_test(result, source.test, f"{args.out}.wrong.txt", console)
    else:
        above = os.path.dirname(os.path.abspath(args.data))
        known = f"; --data {shown_path(above)} has one" if os.path.isdir(os.path.join(above, "test")) else ""
        console.line(f"no test set: none was found beside the training images; --val names one{known}")
    if args.json:
        with console.going_on():
            write_json(args.json, results(settings, trainer, result))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn.train", train, make_parser(), argv, shows_all=False)


if __name__ == "__main__":
    sys.exit(main())
