"""What the command line prints: lines that every terminal can show, a progress bar where there is one to see it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from fastnn.html import notebook
from fastnn.text import GREEN, YELLOW, on_terminal, safe_text, say


def clear_line(stream: TextIO | None) -> None:
    """Wipes what a progress bar may have left where the cursor is; nothing where no terminal watches."""
    if on_terminal(stream):
        say("\r" + " " * (_columns(stream) - 1) + "\r", stream)


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (AttributeError, OSError, ValueError):
        return 80


class Console:
    """Prints lines; quiet ones only print what is marked important.

    all_lines: False, in a notebook's cell each line takes the place of the one before.
    """

    seconds_between = 0.04  # bars: no eye sees more, and steps may be thousands a second

    def __init__(self, quiet: bool = False, stream: TextIO | None = None, all_lines: bool = True) -> None:
        self.stream = stream or sys.stdout
        self.quiet = quiet
        self._output = None if all_lines else notebook.renewed(self.stream)
        self.interactive = not quiet and (self._output is not None or on_terminal(self.stream))
        self._bar_width = 0
        self._drawn = -self.seconds_between

    def line(self, text: str, important: bool = False, result: str = "") -> None:
        """One line, above the progress bar if there is one; ``result``, the part of it that matters, in green."""
        if self.quiet and not important:
            return
        if self._output is not None:
            self._output.show(text)
            return
        self.clear_bar()
        say(text + "\n", self.stream, result, GREEN)

    def warn(self, text: str) -> None:
        """One line to the error stream."""
        self.clear_bar()
        say(f"fastnn: {text}\n", sys.stderr, "fastnn:", YELLOW)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Writing a file (by ``write_atomic``) that the run does not depend on: where that fails, a line says so."""
        try:
            yield
        except OSError as error:
            self.warn(f"{error.strerror or error}. The run goes on without it")

    def bar(self, done: int, total: int, text: str = "", head: str = "") -> None:
        """Draws the bar over its old self, not too often; nothing where nobody watches. head: before it, where no line
        above it tells.
        """
        now = time.monotonic()
        if not self.interactive or (done < total and now - self._drawn < self.seconds_between):
            return
        self._drawn = now
        width = 30
        filled = width * done // max(total, 1)
        drawn = f"[{'=' * filled}{'.' * (width - filled)}] {done}/{total} {text}"
        if self._output is not None:
            self._output.show(head + drawn)
            return
        drawn = safe_text(drawn, self.stream.encoding)[: _columns(self.stream) - 1]  # a longer one would wrap
        say("\r" + drawn.ljust(self._bar_width), self.stream)
        self._bar_width = len(drawn)

    def progress(self, text: str) -> Callable[[int, int], None]:
        """A function of (done, total) that draws the bar."""
        return lambda done, total: self.bar(done, total, text)

    def clear_bar(self) -> None:
        if self._bar_width:
            clear_line(self.stream)
            self._bar_width = 0
