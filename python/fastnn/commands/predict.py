"""``python -m fastnn.predict MODEL IMAGE...``: the class of each image, or the numbers that a network gives for it, as
lines or as a table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fastnn.commands import cli
from fastnn.commands.cli import spoken
from fastnn.commands.signals import Signals
from fastnn.io.checks import shown_path

if TYPE_CHECKING:
    import numpy as np

    from fastnn.training.console import Console

_TOP = 3  # classes of a line


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn.predict",
        description="Tell the class of images of any size with a saved network, or the numbers that it gives for them."
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
    add(
        "--show",
        metavar="FILE",
        help="write a picture of what the network saw, beside each image (the first 100)\n"
        "画出网络看到的样子, 在每张图片旁边 (前 100 张)",
    )
    cli.add_on_bad_image(add, "error", "skip")
    cli.add_threads(add)
    _add_table(parser)
    return parser


def _add_table(parser: cli.Parser) -> None:
    """Other forms of the answer than lines."""
    add = parser.add_argument
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
        ValueError: with the option; OSError: a file could not be written.
    """
    from fastnn.data.folder import is_image_file

    is_image = is_image_file(args.model)
    if is_image or os.path.isdir(args.model):
        kind = "an image" if is_image else "a folder, not a regular file"
        raise ValueError(f"{shown_path(args.model)} is {kind}: the model comes first, then the images")
    if args.show is not None:
        from fastnn.data.image_files import format_of

        format_of(args.show, None, "--show")
        _check_writable("--show", args.show, "picture", args.model)
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
        _check_writable("--csv", args.csv, "table", args.model)
        if is_image_file(args.csv):
            raise ValueError(f"--csv {shown_path(args.csv)} is an image: the table would replace it")


def _check_writable(option: str, path: str, what: str, model: str) -> None:
    """Refuses what cannot be written, and the model's own name."""
    from fastnn.commands.results import check_writable

    check_writable(path, option)
    if os.path.realpath(path) == os.path.realpath(model):
        raise ValueError(f"{option} {shown_path(path)} is the model itself: the {what} would replace it")


class Run:
    """A network at work on the images that the arguments name.

    errors: what was wrong with some of them. unlike: the paths of those that are not at all like what it was trained
    on. seen: of the first ones, where they are to be shown: path, pixels (C, H, W), outputs (1, C).
    """

    def __init__(self, args: argparse.Namespace, console: Console) -> None:
        from fastnn.commands.networks import load
        from fastnn.training.preparation import spec_of

        self.args, self.console = args, console
        self.network, self.info = load(args.model, args.named, args.input_shape)
        self.spec = spec_of(self.network, self.info)
        self.kind = self.info.outputs or "softmax"
        self.errors: list[Exception] = []
        self.unlike: set[str] = set()
        self.seen: list[tuple[str, np.ndarray, np.ndarray]] = []

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
                outputs = outputs_of(args.model, self.network, self.info, feed, engine)
                self._look(batch.paths, batch.pixels, outputs)
                yield batch.paths, outputs
            done += len(batch.paths)
            if progress is not None:
                progress(done + len(self.errors), len(paths))
        if self.errors and (args.on_bad_image == "error" or not done):
            unwritten = "" if args.csv in (None, "-") else f"; {shown_path(args.csv)} was not written"
            raise pictures.refusal(self.errors, len(paths), unwritten)

    def _look(self, paths: Sequence[str], pixels: np.ndarray, outputs: np.ndarray) -> None:
        self.unlike.update(path for path, odd in zip(paths, self.spec.unlike(pixels), strict=True) if odd)
        if self.args.show is not None:
            from fastnn.reporting.seen import MOST_ROWS

            for place in range(min(len(paths), MOST_ROWS - len(self.seen))):
                self.seen.append((paths[place], pixels[place], outputs[place : place + 1]))


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
    if args.show is not None and os.path.realpath(args.show) in map(os.path.realpath, paths):
        raise ValueError(f"--show {shown_path(args.show)} is one of the images: the picture would replace it")
    if args.csv is not None:
        _write_table(run, paths)
    else:
        say_assumed(args.model, run.spec.assumed, console)
        shown = _as_json if args.json else _as_text
        for some, outputs in run.outputs(paths):
            for place, path in enumerate(some):
                console.line(shown(run, path, outputs[place : place + 1]), important=True)
    if args.show is not None:
        _write_seen(run)
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
    say_assumed(args.model, run.spec.assumed, run.console)
    table = [submission.header(classes, label)]
    for some, outputs in run.outputs(paths):
        table += submission.rows([ids[path] for path in some], outputs, classes, run.kind, label, args.clip)
    text = submission.text(table)
    if args.csv == "-":
        say(text, sys.stdout)
        return
    write_atomic(args.csv, [text.encode()])
    of = spoken("; label: the probability of {}\n; label 列是“{}”的概率").format(shown_path(classes[1]))
    of = of if len(classes) == 2 and label != "class" else ""
    images = spoken("images\n张图片")
    run.console.line(f"{shown_path(args.csv)}: {len(table) - 1:,} {images}{of}")
    if run.unlike:
        listed = ", ".join(map(shown_path, sorted(run.unlike)[:_TOP]))
        more = ", ..." if len(run.unlike) > _TOP else ""
        form = "{1:,} of {0:,} images are {2}: {3}\n{0:,} 张图片中有 {1:,} 张{2}: {3}"
        run.console.warn(spoken(form).format(len(table) - 1, len(run.unlike), _unlike(), listed + more))


def _write_seen(run: Run) -> None:
    """The picture of ``--show``."""
    from fastnn.data.image_files import file_of, format_of
    from fastnn.data.images import open_image
    from fastnn.io import write_atomic
    from fastnn.reporting.seen import seen_picture

    rows = ((open_image(path), pixels, _as_lines(run, path, outputs)) for path, pixels, outputs in run.seen)
    show = run.args.show
    write_atomic(show, [file_of(seen_picture(rows), format_of(show, None, "--show"))])


def _ranked(run: Run, outputs: np.ndarray) -> tuple[list[int], list[float]]:
    """Of outputs (1, C) the classes, the network's choice first and the others by their values, and these values."""
    from fastnn.nn.labels import class_values, predicted_classes

    best, row = int(predicted_classes(outputs)[0]), class_values(outputs, run.kind)[0].tolist()
    return [best, *sorted((i for i in range(len(row)) if i != best), key=lambda i: -row[i])], row


def _written(run: Run, outputs: np.ndarray, top: int) -> list[tuple[str, str]]:
    """The first classes and their values as they are written; of a network without classes its numbers, unnamed."""
    if not run.spec.classes:
        return [("", f"{value:.6g}") for value in outputs[0].tolist()]
    order, row = _ranked(run, outputs)
    form = "{:.3g}" if run.kind == "numbers" else "{:.1%}"
    return [(shown_path(run.spec.classes[i]), form.format(row[i])) for i in order[:top]]


def _unlike() -> str:
    return spoken("unlike the images that it was trained on\n与训练图片差别很大")


def _as_text(run: Run, path: str, outputs: np.ndarray) -> str:
    """A line on an image, whose outputs are (1, C)."""
    told = _written(run, outputs, run.args.top or _TOP)
    text = ", ".join(f"{name} {value}".lstrip() for name, value in told)
    if run.spec.classes:
        (best, value), *others = told
        then = ", ".join(f"{name} {value}" for name, value in others)
        then = spoken("; then \n; 其次 ") + then if then else ""
        text = f"{best} ({value}{then})"
    return f"{shown_path(path)}: {text}{f'; {_unlike()}' if path in run.unlike else ''}"


def _as_json(run: Run, path: str, outputs: np.ndarray) -> str:
    facts: dict[str, Any] = {"image": path}
    if not run.spec.classes:
        facts["outputs"] = outputs[0].tolist()
    else:
        (order, row), classes = _ranked(run, outputs), run.spec.classes
        told = range(len(row)) if run.args.top is None else order[: run.args.top]
        values = {classes[i]: row[i] for i in told}
        facts |= {"label": classes[order[0]], "index": order[0]}
        facts["outputs" if run.kind == "numbers" else "probabilities"] = values
    return json.dumps(facts | ({} if run.spec.typical is None else {"unlike": path in run.unlike}))


def _as_lines(run: Run, path: str, outputs: np.ndarray) -> str:
    """What stands beside the picture of an image."""
    told = [f"{name}  {value}".lstrip() for name, value in _written(run, outputs, _TOP)[:_TOP]]
    return "\n".join([os.path.basename(path), "", *told, *([_unlike()] if path in run.unlike else [])])


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn.predict", predict, make_parser(), with_limits(sys.argv[1:] if argv is None else argv))


if __name__ == "__main__":
    sys.exit(main())
