"""``fastnn <command>``, also ``python -m fastnn <command>``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from fastnn.text import did_you_mean, say

# Each command's module has main(argv) -> exit code; what it does, in English and in Chinese.
COMMANDS = {
    "train": ("fastnn.commands.train", "train a network on images and test it\n用图片训练网络并测试"),
    "evaluate": ("fastnn.commands.evaluate", "test a saved network\n测试保存的网络"),
    "report": (
        "fastnn.commands.report",
        "test a saved network and write what was found as one HTML page\n测试保存的网络, 结果写成一个网页",
    ),
    "predict": ("fastnn.commands.predict", "tell the class of images\n识别图片的类别"),
    "draw": (
        "fastnn.commands.draw",
        "draw on a page and watch what a saved network makes of it\n在网页上画, 看保存的网络怎样识别",
    ),
    "export": (
        "fastnn.commands.export",
        "write a saved network as C source, as ONNX or in the other format\n把保存的网络写成 C 源码, ONNX 或另一种格式",
    ),
    "data": ("fastnn.commands.data", "write a data set as a tree of PNG files\n把数据集写成 PNG 文件"),
    "run": (
        "fastnn.commands.run",
        "run a PyTorch or Keras script on fastnn, without a change\n用 fastnn 运行 PyTorch 或 Keras 的脚本, 不用改动",
    ),
    "examples": (
        "fastnn.commands.examples",
        "copy the examples, notebooks and a lesson plan into a folder\n把例子, 笔记本和教案复制到一个文件夹",
    ),
    "info": ("fastnn.commands.info", "what fastnn found on this machine\n显示本机环境"),
    "selftest": (
        "fastnn.commands.selftest",
        "whether this machine computes the promised bits\n这台机器算出的结果是否逐位相同",
    ),
}


def usage() -> str:
    from fastnn.commands.cli import spoken

    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {spoken(about)}" for name, (_, about) in COMMANDS.items()]
    form, more = spoken("usage\n用法"), spoken("fastnn COMMAND --help tells more.\n更多说明: fastnn COMMAND --help")
    return "\n".join([f"{form}: fastnn COMMAND [options]", "", spoken("commands:\n命令:"), *lines, "", more])


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that the first argument names; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        say(usage() + "\n", sys.stdout)
        return 0 if words else 2
    if words[0] == "--version":
        from fastnn import __version__

        say(f"fastnn {__version__}\n", sys.stdout)
        return 0
    if words[0] not in COMMANDS:
        from fastnn.chinese import noted

        hint, other = did_you_mean(words[0], COMMANDS), noted("", f"没有命令 {words[0]}\n")
        say(f"fastnn: error: unknown command {words[0]!r}{hint}\n{other}{usage()}\n", sys.stderr)
        return 2
    from fastnn.commands import cli

    with cli.through_fastnn():
        return importlib.import_module(COMMANDS[words[0]][0]).main(words[1:])


if __name__ == "__main__":
    sys.exit(main())
