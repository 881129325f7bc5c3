"""``fastnn examples [DIR]``: the examples, the notebooks and the lesson plans, copied out of the package."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from fastnn.commands import cli
from fastnn.commands.signals import Signals


def home() -> Path:
    """Where they lie: in the installed package, or beside the sources.

    Raises:
        FileNotFoundError: neither.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "examples", package.parents[1] / "examples"):
        if (folder / "or_gate.py").is_file():
            return folder
    raise FileNotFoundError("this installation has no examples: install fastnn again from its wheel or its sources")


def copy(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command: a file that is there already stays, whatever is in it."""
    from fastnn.io.atomic import write_atomic
    from fastnn.io.checks import shown_path
    from fastnn.training.console import Console

    console, source, target = Console(), home(), Path(args.target)
    written, kept = 0, []
    if target.is_file():
        raise ValueError(f"{shown_path(target)} is a file; a folder is needed")
    for path in sorted(source.rglob("*")):
        place, data = target / path.relative_to(source), b"" if path.is_dir() else path.read_bytes()
        if path.is_dir() or "__pycache__" in path.parts or path.name.startswith("."):
            continue
        signals.check()
        if place.exists():
            kept += [] if place.read_bytes() == data else [place]
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, [data], durable=False)
        written += 1
    for place in kept:
        console.line(f"{shown_path(place)} was changed and stays as it is; delete it for a new copy")
    files = "1 file" if written == 1 else f"{written} files"
    console.line(f"{files} written to {shown_path(target)}; README.md there says what they show")
    notebooks = shown_path(target / "notebooks")
    lacking = " ".join(name for name in ("jupyterlab", "matplotlib") if find_spec(name) is None)
    console.line(f"the notebooks: {f'pip install {lacking}, then ' if lacking else ''}jupyter lab {notebooks}")
    return 0


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn examples",
        description="Copy the examples, the notebooks and an afternoon's lesson plan (English and Chinese) into a "
        "folder. Files that are there already stay."
        "\n把例子、笔记本和一个下午的教案 (英文和中文) 复制到一个文件夹。已有的文件保持不变。",
    )
    parser.add_argument("target", metavar="DIR", nargs="?", default="fastnn-examples", help="the folder\n目标文件夹")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn examples", copy, make_parser(), argv)
