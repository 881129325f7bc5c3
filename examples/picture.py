"""What the examples share: their options, and their pictures - a window, a GIF or an MP4 that moves, or a PNG.

matplotlib draws them, ffmpeg makes the MP4. Without it, and without a display, an example runs and prints all the same.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
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
    parser.add_argument(
        "--save", type=target, metavar="FILE", help="write the picture: .gif and .mp4 move, .png is its last frame"
    )
    parser.add_argument(
        "--size", type=pixels, metavar="WxH", help="of the picture, in pixels: 1920x1080 for a projector"
    )
    parser.add_argument("--no-plot", action="store_true", help="print only")
    return parser


def target(path: str) -> str:
    """A file to write, looked at before anything is computed."""
    folder, ending = Path(path).parent, Path(path).suffix.lower()
    if not folder.is_dir():
        raise SystemExit(f"{path}: there is no folder {folder}")
    if ending not in (".gif", ".mp4", ".png", ".jpg", ".svg", ".pdf"):
        raise SystemExit(f"{path}: its name must end with .gif, .mp4 or .png")
    if ending == ".mp4" and shutil.which("ffmpeg") is None:
        raise SystemExit(f"{path}: an MP4 needs ffmpeg, which is not on the PATH; --save FILE.gif does without")
    return path


def pixels(text: str) -> tuple[int, int]:
    """1920x1080 as two numbers."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 100):
        raise argparse.ArgumentTypeError(f"{text!r} is no size of at least 100x100 pixels, such as 1920x1080")
    return int(width), int(height)


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
    width, height, dpi = 5 * columns, 3.6 * rows, 80.0
    count = rows * columns
    if args.size:  # texts and lines grow with it, and the panels fill it
        columns = max(range(1, count + 1), key=lambda n: min(args.size[0] / n, args.size[1] / -(-count // n)))
        rows = -(-count // columns)
        dpi = max(args.size[0] / (5 * columns), 0.16 * args.size[1])
        width, height = (side / dpi for side in args.size)
    figure, grid = pyplot.subplots(rows, columns, figsize=(width, height), dpi=dpi, squeeze=False, layout="constrained")
    axes = grid.flat[:count]
    for each in grid.flat[count:]:
        each.remove()

    def update(frame: Any) -> None:
        for each in axes:
            each.clear()
        draw(axes, frame)

    if args.save:
        update(frames[-1])
        figure.canvas.draw()
        figure.set_layout_engine("none")  # the same places in every frame, worked out once
        aside = Path(args.save).with_name(f".part-{Path(args.save).name}")
        try:
            count = _write(str(aside), figure, update, frames)
            aside.replace(args.save)
        finally:
            aside.unlink(missing_ok=True)
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
    """Writes all frames to a GIF or MP4, the last one to any other file; returns how many."""
    if path.lower().endswith(".mp4"):
        return _film(path, figure, update, frames)
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


def _film(path: str, figure: Any, update: Callable[[Any], None], frames: Sequence[Any]) -> int:
    """The same as a film, through ffmpeg."""
    from matplotlib.animation import FFMpegWriter

    writer = FFMpegWriter(fps=1000 // FRAME_MS)
    with writer.saving(figure, path, dpi=figure.dpi):
        for frame in [*frames, *[frames[-1]] * (LAST_MS // FRAME_MS - 1)]:
            update(frame)
            writer.grab_frame()
    return len(frames)
