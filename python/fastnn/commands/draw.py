"""``fastnn draw MODEL``: a page to draw on, that shows what a saved network makes of it."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence
from contextlib import suppress
from math import prod

from fastnn.commands import cli
from fastnn.commands.signals import Signals

_PORTS = 65535  # TCP's


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn.draw",
        description="Open a page in the browser on which one draws with a mouse, a finger or a pen, and that shows "
        "what a saved network makes of it: probabilities, what it sees, what its layers give. It is served on this "
        "machine, to this machine alone, until Ctrl-C."
        "\n在浏览器里打开一个网页, 用鼠标、手指或笔画图, 显示保存的网络的判断: 概率, 它看到的图, "
        "各层的输出。网页只在本机上, 按 Ctrl-C 结束。",
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="a .pth or .safetensors file\n模型文件 (.pth 或 .safetensors)")
    cli.add_named(add)
    add(
        "--port",
        type=cli.at_least(0),
        default=0,
        metavar="N",
        help="where the page is served; 0: on any free port\n网页的端口; 0: 任意空闲端口",
    )
    add("--no-browser", action="store_true", help="print the address only\n只显示地址, 不打开浏览器")
    cli.add_threads(add)
    return parser


def draw(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command, until a signal."""
    import numpy as np

    from fastnn import _core
    from fastnn.commands.networks import load
    from fastnn.commands.testing import outputs_of, say_assumed
    from fastnn.drawing.server import Server
    from fastnn.drawing.viewer import Viewer
    from fastnn.training.console import Console
    from fastnn.training.feed import Feed

    if args.port > _PORTS:
        raise ValueError(f"--port {args.port} is no port: they go from 1 to {_PORTS}, and 0 takes any that is free")
    if args.threads is not None:
        _core.set_num_threads(args.threads)
    console = Console()
    network, info = load(args.model, args.named, args.input_shape)
    viewer = Viewer(args.model, network, info)
    say_assumed(args.model, viewer.spec.assumed, console)
    blank = viewer.spec.inputs(np.zeros((1, *viewer.spec.shape), np.uint8))
    outputs_of(args.model, network, info, Feed.of_inputs(blank))  # what it does not take, it says now
    answers = {"/model": (0, viewer.facts), "/see": (prod(viewer.sheet), viewer.see)}
    try:
        server = Server(answers, args.port, lambda error: console.warn(f"{type(error).__name__}: {error}"))
    except OSError as error:
        raise OSError(f"port {args.port} cannot be had: {error.strerror}; --port 0 takes any that is free") from error
    with server:
        console.line(f"draw on {server.address} (Ctrl-C ends it)", important=True)
        if not args.no_browser:
            _open(server.address)
        server.serve_forever()
    return 0


def _open(address: str) -> None:
    """In a browser, where there is a screen for one: those for terminals would take the one that this runs in."""
    import webbrowser

    with suppress(webbrowser.Error):  # there is none
        browser = webbrowser.get()
        if type(browser) is not webbrowser.GenericBrowser:
            threading.Thread(target=browser.open, args=[address], daemon=True).start()  # some wait until it is closed


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn.draw", draw, make_parser(), argv)
