"""What the command line prints: lines that every terminal can show, a progress bar where there is one to see it."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

from fastnn.training.engines import Chunk
from fastnn.training.trainer import Callback, Trainer


def safe_text(text: str, encoding: str | None) -> str:
    """Text with what an encoding (ascii, cp936) lacks as escapes, and without control characters of file names."""
    printable = "".join(c if c.isprintable() or c in "\n\r\t" else c.encode("unicode_escape").decode() for c in text)
    encoding = encoding or "ascii"
    return printable.encode(encoding, "backslashreplace").decode(encoding)


def clear_line(stream: TextIO | None) -> None:
    """Wipes what a progress bar may have left where the cursor is; nothing where no terminal watches."""
    if stream is not None and stream.isatty():
        stream.write("\r" + " " * (_columns(stream) - 1) + "\r")
        stream.flush()


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


class Console:
    """Prints lines; quiet ones only print what is marked important."""

    def __init__(self, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.quiet = quiet
        self.interactive = not quiet and self.stream.isatty()
        self._bar_width = 0

    def line(self, text: str, important: bool = False) -> None:
        """One line, above the progress bar if there is one."""
        if self.quiet and not important:
            return
        self.clear_bar()
        self.stream.write(safe_text(text, self.stream.encoding) + "\n")
        self.stream.flush()

    def warn(self, text: str) -> None:
        """One line to the error stream."""
        self.clear_bar()
        sys.stderr.write(safe_text(f"fastnn: {text}", sys.stderr.encoding) + "\n")
        sys.stderr.flush()

    def bar(self, done: int, total: int, text: str = "") -> None:
        """Draws the bar over its old self; nothing where no terminal watches."""
        if not self.interactive:
            return
        width = 30
        filled = width * done // max(total, 1)
        drawn = f"[{'=' * filled}{'.' * (width - filled)}] {done}/{total} {text}"
        drawn = safe_text(drawn, self.stream.encoding)[: _columns(self.stream) - 1]  # a longer one would wrap
        self.stream.write("\r" + drawn.ljust(self._bar_width))
        self.stream.flush()
        self._bar_width = len(drawn)

    def clear_bar(self) -> None:
        if self._bar_width:
            clear_line(self.stream)
            self._bar_width = 0


class BatchLines(Callback):
    """The tutorial's lines: the loss every 100 batches, time and speed of every epoch."""

    batches_between = 100

    def __init__(self, console: Console) -> None:
        self.console = console
        self._started = 0.0

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        self._started = time.perf_counter()
        self._trained_from = trainer.position.step

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        number, total = trainer.position.epoch + 1, trainer.steps_per_epoch
        for i, loss in enumerate(chunk.losses):
            if (chunk.first + i) % self.batches_between == 0:
                self.console.line(
                    f"Epoch {number}/{trainer.epochs} | Batch {chunk.first + i}/{total} | Loss: {loss:.4f}"
                )
        self.console.bar(trainer.position.step, total, f"loss {chunk.losses[-1]:.4f}")

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        seconds = trainer.epoch_seconds[-1]
        share = 1 - self._trained_from / trainer.steps_per_epoch
        speed = trainer.samples * share / seconds
        extra = "".join(f" | {name} {value:.4f}" for name, value in metrics.items() if name != "loss")
        self.console.line(
            f"Epoch {epoch + 1}/{trainer.epochs} | {seconds:.2f} s | {speed:,.0f} images/s | mean loss "
            f"{metrics['loss']:.4f}{extra}"
        )


class EpochLines(Callback):
    """One line an epoch, for ``Network.fit(verbose=1)``."""

    def __init__(self) -> None:
        self.console = Console()

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        self.console.bar(trainer.position.step, trainer.steps_per_epoch, f"loss {chunk.losses[-1]:.4f}")

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        values = " - ".join(f"{name}: {value:.4f}" for name, value in metrics.items())
        self.console.line(f"Epoch {epoch + 1}/{trainer.epochs} - {trainer.epoch_seconds[-1]:.2f} s - {values}")
