"""What the examples share: their options, and their pictures - a window, a GIF that moves, or a PNG.

matplotlib draws them. Without it, and without a display, an example runs and prints all the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

FRAME_MS = 200
LAST_MS = 2000  # a GIF begins again: time to look at its end


def options(text: str, count: str, default: int) -> argparse.ArgumentParser:
    """The parser of an example: ``text`` is its docstring, --``count`` how long it learns."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(f"--{count}", type=int, default=default, metavar="N", help=f"how many (default {default})")
    parser.add_argument("--seed", type=int, default=1, help="of the first weights and of every order (default 1)")
    parser.add_argument("--save", metavar="FILE", help="write the picture: .gif moves, .png is its last frame")
    parser.add_argument("--no-plot", action="store_true", help="print only")
    return parser


def moments(steps: int, frames: int = 25) -> list[int]:
    """The steps to draw, 0 to ``steps``: closer at the beginning, where learning is fastest."""
    return sorted({0, *np.geomspace(1, steps, frames).astype(int).tolist()})


def show(
    args: argparse.Namespace, draw: Callable[[Any, Any], None], frames: Sequence[Any], panels: tuple[int, int] = (1, 1)
) -> None:
    """draw(axes, frame) for one frame after the other, on ``panels`` (rows, columns) of empty axes."""
    if args.no_plot:
        return
    try:
        import matplotlib
    except ImportError:
        print("no picture: matplotlib is not installed; pip install matplotlib brings it")
        return
    if args.save:
        matplotlib.use("agg")
    from matplotlib import pyplot

    rows, columns = panels
    size = 5 * columns, 3.6 * rows
    figure, axes = pyplot.subplots(rows, columns, figsize=size, dpi=80, squeeze=False, layout="constrained")

    def update(frame: Any) -> None:
        for each in axes.flat:
            each.clear()
        draw(axes.flat, frame)

    if args.save:
        update(frames[-1])
        figure.canvas.draw()
        figure.set_layout_engine("none")  # the same places in every frame, worked out once
        count = _write(args.save, figure, update, frames)
        print(f"saved {args.save}: {count} frame{'s' if count > 1 else ''}")
    elif figure.canvas.required_interactive_framework is None:
        print("no picture: there is no display; --save FILE.gif or --save FILE.png writes one")
    else:
        from matplotlib.animation import FuncAnimation

        film = FuncAnimation(figure, update, frames, interval=FRAME_MS, repeat=False, cache_frame_data=False)
        pyplot.show()
        del film  # it moved as long as somebody held it
    pyplot.close(figure)


def _write(path: str, figure: Any, update: Callable[[Any], None], frames: Sequence[Any]) -> int:
    """Writes all frames to a GIF, the last one to any other file; returns how many."""
    if not path.lower().endswith(".gif"):
        figure.savefig(path)
        return 1
    pictures = []
    for frame in frames:
        update(frame)
        figure.canvas.draw()
        pictures.append(Image.fromarray(np.array(figure.canvas.buffer_rgba())).convert("RGB"))
    shown_ms = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=shown_ms, loop=0)
    return len(pictures)
