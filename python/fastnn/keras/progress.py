"""Keras' progress lines: a bar that moves on a terminal, its last state alone elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from fastnn.html import notebook
from fastnn.text import can_show, on_terminal, say
from fastnn.training.console import clear_line

_WIDTH = 20  # of the bar
_PAUSE = 0.05  # seconds between two drawings


class Progress:
    """Draws ``469/469 ━━━━ 1s 3ms/step - accuracy: 0.9256 - loss: 0.2567``.

    verbose: 0 nothing, 1 the bar, 2 one line at the end: ``469/469 - 1s - 3ms/step - accuracy: ...``. head: the line
    above. output: of a notebook's cell, which a bar renews; None: one of its own there.
    """

    def __init__(self, steps: int, verbose: int, head: str = "", output: notebook.Renewed | None = None) -> None:
        self.steps = steps
        self.verbose = verbose
        self._head = f"{head}\n" if head else ""
        self._output = (output or notebook.renewed(sys.stdout)) if verbose == 1 else None
        if head and self._output is None and verbose:
            show(head)
        self._started = time.perf_counter()
        self._drawn = 0.0

    def update(self, done: int, logs: Mapping[str, float]) -> None:
        """Moves the bar, where there is a terminal and it is time."""
        now = time.perf_counter()
        if self._output is not None:
            self._output.show(self._head + self._line(done, logs))
        elif self.verbose == 1 and on_terminal(sys.stdout) and now - self._drawn > _PAUSE:
            self._drawn = now
            clear_line(sys.stdout)
            say(_encodable(self._line(done, logs)), sys.stdout)

    def finish(self, logs: Mapping[str, float]) -> None:
        """The line that stays."""
        if self._output is not None:
            self._output.show(self._head + self._line(self.steps, logs))
        elif self.verbose:
            show(self._line(self.steps, logs))

    def _line(self, done: int, logs: Mapping[str, float]) -> str:
        seconds = time.perf_counter() - self._started
        pace = _per_step(seconds / max(done, 1))
        values = "".join(f" - {name}: {_number(value)}" for name, value in logs.items())
        if self.verbose == 2:
            return f"{done}/{self.steps} - {seconds:.0f}s - {pace}{values}"
        filled = _WIDTH * done // max(self.steps, 1)
        bar = "━" * filled + "╌" * (_WIDTH - filled)
        return f"{done:{len(str(self.steps))}}/{self.steps} {bar} {seconds:.0f}s {pace}{values}"


def show(text: str) -> None:
    """A line that stays, above the bar."""
    clear_line(sys.stdout)
    say(_encodable(text) + "\n", sys.stdout)


def _per_step(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}/step"
    return f"{seconds * 1e6:.0f}us/step"


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def _encodable(text: str) -> str:
    """The line as this terminal can show it: a bar of = and . where it has no better."""
    if not can_show(text, sys.stdout):
        text = text.replace("━", "=").replace("╌", ".")
    return text
