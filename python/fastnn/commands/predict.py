"""``python -m fastnn.predict MODEL IMAGE...``: the class of each image, or the numbers that a network gives for it, as
lines or as a table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from fastnn.commands import cli
from fastnn.commands.cli import spoken
from fastnn.commands.signals import Signals
from fastnn.io.checks import shown_path

if TYPE_CHECKING:
    import numpy as np

    from fastnn.training.console import Console
    from fastnn.training.preparation import InputSpec

_TOP = 3  # classes of a line


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn.predict",
        description="Tell the class of images of any size with a saved network, or the numbers that it gives for them."
        ""
        "\n用保存的网络识别任意大小的图片的类别, 或给出它的输出。",
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="a .pth or .safetensors file\n模型文件 (.pth 或 .safetensors)")
    add(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="a file, or a folder: all images in it, 2.jpg before 10.jpg\n"
        "图片文件, 或文件夹: 其中所有图片, 2.jpg 在 10.jpg 之前",
    )
    cli.add_named(add)
    add(
        "--raw",
        action="store_true",
        help="only scale to the network's size: no inverting, cropping or centring of photos for a network of digits, "
        "no cropping or turning of photographs\n只缩放到网络的大小: 不反色、不裁剪、不居中, 照片也不转正",
    )
    add(
        "--top",
        type=cli.at_least(1),
        metavar="K",
        help=f"name the K most probable classes ({_TOP}; in JSON all)\n"
        f"列出最可能的 K 个类别 (默认 {_TOP}; JSON 里为全部)",
    )
    cli.add_on_bad_image(add, "error", "skip")
    cli.add_threads(add)
    form = parser.add_mutually_exclusive_group().add_argument
    form("--json", action="store_true", help="print JSON, an object for each image\n写成 JSON, 每张图片一个对象")
    form(
        "--csv",
        metavar="FILE",
        help="write a table (-: print it): id,label with the probability of the second class of two; of more classes "
        "a column each\n写成表格 (-: 直接显示): 两类时是 id,label, label 是第二类的概率; 更多类时每类一列",
    )
    add(
        "--id-from-name",
        action="store_true",
        help="ids of --csv: the number that each name ends with, rows by number\n"
        "--csv 的 id 用文件名末尾的编号, 按编号排列",
    )
    add(
        "--label",
        choices=("probability", "class"),
        help="what --csv has of each image (probability)\n--csv 里写什么 (默认概率)",
    )
    add(
        "--clip",
        nargs=2,
        type=_probability,
        metavar=("LOW", "HIGH"),
        help="keep the probabilities of --csv between these; without numbers: 0.005 and 0.995\n"
        "把 --csv 的概率限制在这两个数之间; 不写数字时是 0.005 和 0.995",
    )
    return parser


def _probability(text: str) -> float:
    """An argparse type."""
    if not _is_number(text) or not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return float(text)


def with_limits(words: Sequence[str]) -> list[str]:
    """The words of a command, with the usual limits behind a ``--clip`` that no number follows: what comes next is an
    image there."""
    from fastnn.commands.submission import CLIP

    found: list[str] = []
    for place, word in enumerate(words):
        found.append(word)
        if word == "--clip" and not _is_number([*words, ""][place + 1]):
            found += map(str, CLIP)
    return found


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def check(args: argparse.Namespace) -> None:
    """Refuses options that do not go together, before anything is read.

    Raises:
        ValueError: with the option; OSError: the table could not be written.
    """
    if args.csv is None:
        for option in ("--id-from-name", "--label", "--clip"):
            if getattr(args, option[2:].replace("-", "_")):
                raise ValueError(f"{option} is of the table that --csv FILE writes")
        return
    if args.clip is not None and args.clip[0] >= args.clip[1]:
        raise ValueError(f"--clip is {args.clip[0]:g} {args.clip[1]:g}: the first must be less than the second")
    if args.clip is not None and args.label == "class":
        raise ValueError("--clip is of probabilities, and --label class writes none")
    if args.csv != "-":
        from fastnn.commands.results import check_writable
        from fastnn.data.folder import is_image_file

        check_writable(args.csv, "--csv")
        if os.path.realpath(args.csv) == os.path.realpath(args.model) or is_image_file(args.csv):
            what = "an image" if is_image_file(args.csv) else "the model itself"
            raise ValueError(f"--csv {shown_path(args.csv)} is {what}: the table would replace it")


class Run:
    """A network at work on the images that the arguments name; ``errors``: what was wrong with some of them."""

    def __init__(self, args: argparse.Namespace, console: Console) -> None:
        from fastnn.commands.networks import load
        from fastnn.training.preparation import spec_of

        self.args, self.console = args, console
        self.network, self.info = load(args.model, args.named)
        self.spec = spec_of(self.network, self.info)
        self.kind = self.info.outputs or "softmax"
        self.errors: list[Exception] = []

    def outputs(self, paths: Sequence[str]) -> Iterator[tuple[list[str], np.ndarray]]:
        """Paths of images that could be read, and the outputs (N, C) for them, batch after batch.

        Raises:
            FormatError, OSError: in the end, where images could not be read and are not to be left out.
        """
        import numpy as np

        from fastnn.commands import pictures
        from fastnn.commands.testing import outputs_of
        from fastnn.training.engines import FallbackEngine
        from fastnn.training.feed import Feed
        from fastnn.training.preparation import ground_note

        args, engine, done = self.args, FallbackEngine("plan", self.network), 0
        progress = self.console.progress("images") if args.csv not in (None, "-") else None
        for batch in pictures.read(paths, self.spec, args.raw):
            self.errors += batch.errors
            if batch.pixels is not None:
                if done == 0 and (note := ground_note(batch.pixels, self.spec)):
                    self.console.warn(note)
                feed = Feed(batch.pixels, np.zeros(len(batch.paths), np.int64), self.spec.mean, self.spec.std)
                yield batch.paths, outputs_of(args.model, self.network, self.info, feed, engine)
            done += len(batch.paths)
            if progress is not None:
                progress(done + len(self.errors), len(paths))
        if self.errors and (args.on_bad_image == "error" or not done):
            unwritten = "" if args.csv in (None, "-") else f"; {shown_path(args.csv)} was not written"
            raise pictures.refusal(self.errors, len(paths), unwritten)


def predict(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    from fastnn import _core
    from fastnn.commands import pictures
    from fastnn.commands.testing import say_assumed
    from fastnn.training.console import Console

    check(args)
    if args.threads is not None:
        _core.set_num_threads(args.threads)
    console = Console()
    run = Run(args, console)
    paths = pictures.images_of(args.images)
    if args.csv is not None:
        _write_table(run, paths)
    else:
        say_assumed(args.model, run.spec, console)
        shown = _shown_as(args, run.spec, run.kind)
        for some, outputs in run.outputs(paths):
            for place, path in enumerate(some):
                console.line(shown(path, outputs[place : place + 1]), important=True)
    if run.errors:
        console.warn(pictures.left_out(run.errors, len(paths)))
    return 0


def _write_table(run: Run, paths: list[str]) -> None:
    from fastnn.commands import submission
    from fastnn.commands.testing import say_assumed
    from fastnn.io import write_atomic
    from fastnn.text import say

    args, classes = run.args, run.spec.classes
    label = args.label or "probability"
    submission.check_predictions(classes, run.kind, label)
    ids = dict(zip(paths, submission.ids_of(paths, args.id_from_name), strict=True))
    if args.id_from_name:
        paths = sorted(paths, key=ids.__getitem__)
    say_assumed(args.model, run.spec, run.console)
    table = [submission.header(classes, label)]
    for some, outputs in run.outputs(paths):
        table += submission.rows([ids[path] for path in some], outputs, classes, run.kind, label, args.clip)
    text = submission.text(table)
    if args.csv == "-":
        say(text, sys.stdout)
        return
    write_atomic(args.csv, [text.encode()])
    of = spoken("; label: the probability of \n; label: 概率, 类别 ") + shown_path(classes[1])
    images = spoken("images\n张图片")
    of = of if len(classes) == 2 and label != "class" else ""
    run.console.line(f"{shown_path(args.csv)}: {len(table) - 1:,} {images}{of}")


def _shown_as(args: argparse.Namespace, spec: InputSpec, kind: str) -> Callable[[str, np.ndarray], str]:
    """What makes a line of an image's path and the outputs (1, C) for it."""
    from fastnn.nn.labels import class_values, predicted_classes

    if not spec.classes:
        numbers = _numbers_as_json if args.json else _numbers_as_text
        return lambda path, outputs: numbers(path, outputs[0].tolist())
    line = _as_json if args.json else _as_text

    def shown(path: str, outputs: np.ndarray) -> str:
        best, row = int(predicted_classes(outputs)[0]), class_values(outputs, kind)[0].tolist()
        others = sorted((i for i in range(len(row)) if i != best), key=lambda i: -row[i])
        return line(path, [best, *others], row, spec.classes, kind, args.top)

    return shown


def _numbers_as_text(path: str, row: list[float]) -> str:
    return f"{shown_path(path)}: {', '.join(f'{value:.6g}' for value in row)}"


def _numbers_as_json(path: str, row: list[float]) -> str:
    return json.dumps({"image": path, "outputs": row})


def _as_text(path: str, order: list[int], row: list[float], classes: Sequence[str], kind: str, top: int | None) -> str:
    written = [f"{value:.3g}" if kind == "numbers" else f"{value:.1%}" for value in row]
    best, *others = order[: top or _TOP]
    then = ", ".join(f"{shown_path(classes[i])} {written[i]}" for i in others)
    then = spoken("; then \n; 其次 ") + then if then else ""
    return f"{shown_path(path)}: {shown_path(classes[best])} ({written[best]}{then})"


def _as_json(path: str, order: list[int], row: list[float], classes: Sequence[str], kind: str, top: int | None) -> str:
    told = range(len(row)) if top is None else order[:top]
    values = {"outputs" if kind == "numbers" else "probabilities": {classes[i]: row[i] for i in told}}
    return json.dumps({"image": path, "label": classes[order[0]], "index": order[0], **values})


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn.predict", predict, make_parser(), with_limits(sys.argv[1:] if argv is None else argv))


if __name__ == "__main__":
    sys.exit(main())
