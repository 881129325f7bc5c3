"""``python -m fastnn.predict MODEL IMAGE...``: the class of each image."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fastnn.commands import cli
from fastnn.commands.signals import Signals
from fastnn.io.checks import shown_path


def make_parser() -> cli.Parser:
    parser = cli.Parser(prog="fastnn.predict", description="Tell the class of images of any size with a saved network.")
    add = parser.add_argument
    add("model", metavar="MODEL", help="a .pth or .safetensors file")
    add("images", metavar="IMAGE", nargs="+")
    add(
        "--raw",
        action="store_true",
        help="only scale to the network's size: no inverting, cropping or centring of photos of digits",
    )
    add("--json", action="store_true", help="print JSON, an object for each image")
    return parser


def predict(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    import numpy as np

    from fastnn.data.images import open_image
    from fastnn.training.console import Console
    from fastnn.training.model_files import load_model
    from fastnn.training.preparation import prepare, spec_of

    console = Console()
    model, info = load_model(args.model)
    spec = spec_of(model, info)
    pixels = np.stack([prepare(open_image(path), spec, raw=args.raw) for path in args.images])
    inputs = spec.inputs(pixels)
    shown = _as_json if args.json else _as_text
    for path, best, row in zip(args.images, model.predict_classes(inputs), model.predict(inputs), strict=True):
        console.line(shown(path, int(best), row.tolist(), spec.classes), important=True)
    return 0


def _as_text(path: str, best: int, row: list[float], classes: Sequence[str]) -> str:
    others = sorted((i for i in range(len(row)) if i != best), key=lambda i: -row[i])[:2]
    then = ", ".join(f"{shown_path(classes[i])} {row[i]:.1%}" for i in others)
    return f"{shown_path(path)}: {shown_path(classes[best])} ({row[best]:.1%}; then {then})"


def _as_json(path: str, best: int, row: list[float], classes: Sequence[str]) -> str:
    import json

    probabilities = dict(zip(classes, row, strict=True))
    return json.dumps({"image": path, "label": classes[best], "index": best, "probabilities": probabilities})


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn.predict", predict, make_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
