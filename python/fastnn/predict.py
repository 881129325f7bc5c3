"""``python -m fastnn.predict MODEL IMAGE...``: the class of each image."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fastnn import cli


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


def predict(args: argparse.Namespace, signals: cli.Signals) -> int:
    """Runs the command."""
    import numpy as np

    from fastnn.console import Console
    from fastnn.data.images import open_image
    from fastnn.preparation import prepare, spec_of
    from fastnn.serialization import load_model

    console = Console()
    model, info = load_model(args.model)
    spec = spec_of(model, info)
    pixels = np.stack([prepare(open_image(path), spec, raw=args.raw) for path in args.images])
    probabilities = model.predict(spec.inputs(pixels))
    for path, row in zip(args.images, probabilities, strict=True):
        console.line(
            _as_json(path, row, spec.classes) if args.json else _as_text(path, row, spec.classes), important=True
        )
    return 0


def _as_text(path: str, row: Sequence[float], classes: Sequence[str]) -> str:
    ranked = sorted(range(len(row)), key=lambda i: -row[i])
    others = ", ".join(f"{classes[i]} {row[i]:.1%}" for i in ranked[1:3])
    return (
        f"{path}: {classes[ranked[0]]} ({row[ranked[0]]:.1%}; then {others})"
        if others
        else f"{path}: {classes[ranked[0]]}"
    )


def _as_json(path: str, row: Sequence[float], classes: Sequence[str]) -> str:
    import json

    best = max(range(len(row)), key=lambda i: row[i])
    shown = {"image": path, "label": classes[best], "index": best}
    return json.dumps({**shown, "probabilities": {name: float(p) for name, p in zip(classes, row, strict=True)}})


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn.predict", predict, make_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
