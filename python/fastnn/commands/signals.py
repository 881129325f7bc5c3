"""SIGINT and SIGTERM: work that may be stopped at once, and work that is stopped where it is safe."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import FrameType

from fastnn.platform import take_stop_signals


class Interrupted(BaseException):
    """A signal asked the program to stop; the work so far is safe."""

    def __init__(self, number: int) -> None:
        self.number = number


class Signals:
    """SIGINT and SIGTERM: the first stops at once, or at ``deferred`` work's next check; the second at once."""

    def __init__(self) -> None:
        self.received = 0
        self.deferred = False
        self._give_back: Callable[[], None] | None = None

    def install(self) -> None:
        """Takes the signals, where that can be done: in the main thread."""
        if threading.current_thread() is threading.main_thread():
            self._give_back = take_stop_signals(self._handle)
            self._hook, sys.unraisablehook = sys.unraisablehook, self._unraisable

    def restore(self) -> None:
        """Gives the signals back to whoever had them."""
        if self._give_back is not None:
            self._give_back()
            sys.unraisablehook = self._hook

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            os._exit(128 + number)
        self.received = number
        if not self.deferred:
            raise Interrupted(number)

    def _unraisable(self, found: sys.UnraisableHookArgs) -> None:
        """An exception that Python cannot pass on: raised in a finalizer, as an import's, it would be lost."""
        if isinstance(found.exc_value, Interrupted):
            os._exit(128 + found.exc_value.number)
        self._hook(found)

    def check(self) -> None:
        """Raises Interrupted where a signal came during deferred work."""
        if self.received:
            raise Interrupted(self.received)
