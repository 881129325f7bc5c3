"""``python -m fastnn.predict MODEL IMAGE...``: the class of each image, or the numbers that a network gives for it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from fastnn.commands import cli
from fastnn.commands.signals import Signals
from fastnn.io.checks import shown_path


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn.predict",
        description="Tell the class of images of any size with a saved network, or the numbers that it gives for them.",
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="a .pth or .safetensors file")
    add("images", metavar="IMAGE", nargs="+")
    add(
        "--raw",
        action="store_true",
        help="only scale to the network's size: no inverting, cropping or centring of photos for a network of digits",
    )
    add("--json", action="store_true", help="print JSON, an object for each image")
    return parser


def predict(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    import numpy as np

    from fastnn.commands.testing import outputs_of, say_assumed
    from fastnn.data.images import open_image
    from fastnn.nn.labels import class_values, predicted_classes
    from fastnn.training.console import Console
    from fastnn.training.feed import Feed
    from fastnn.training.model_files import load_model
    from fastnn.training.preparation import ground_note, prepare, spec_of

    console = Console()
    model, info = load_model(args.model)
    spec, kind = spec_of(model, info), info.outputs or "softmax"
    pixels = np.stack([prepare(open_image(path), spec, raw=args.raw) for path in args.images])
    say_assumed(args.model, spec, console)
    if note := ground_note(pixels, spec):
        console.warn(note)
    outputs = outputs_of(args.model, model, info, Feed.of_inputs(spec.inputs(pixels)))
    if not spec.classes:
        shown = _numbers_as_json if args.json else _numbers_as_text
        for path, row in zip(args.images, outputs, strict=True):
            console.line(shown(path, row.tolist()), important=True)
        return 0
    say = _as_json if args.json else _as_text
    for path, best, row in zip(args.images, predicted_classes(outputs), class_values(outputs, kind), strict=True):
        console.line(say(path, int(best), row.tolist(), spec.classes, kind), important=True)
    return 0


def _numbers_as_text(path: str, row: list[float]) -> str:
    return f"{shown_path(path)}: {', '.join(f'{value:.6g}' for value in row)}"


def _numbers_as_json(path: str, row: list[float]) -> str:
    return json.dumps({"image": path, "outputs": row})


def _as_text(path: str, best: int, row: list[float], classes: Sequence[str], kind: str) -> str:
    others = sorted((i for i in range(len(row)) if i != best), key=lambda i: -row[i])[:2]
    written = [f"{value:.3g}" if kind == "numbers" else f"{value:.1%}" for value in row]
    then = ", ".join(f"{shown_path(classes[i])} {written[i]}" for i in others)
    return f"{shown_path(path)}: {shown_path(classes[best])} ({written[best]}; then {then})"


def _as_json(path: str, best: int, row: list[float], classes: Sequence[str], kind: str) -> str:
    values = {"outputs" if kind == "numbers" else "probabilities": dict(zip(classes, row, strict=True))}
    return json.dumps({"image": path, "label": classes[best], "index": best, **values})


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn.predict", predict, make_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
