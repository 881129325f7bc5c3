"""SIGINT and SIGTERM: work that may be stopped at once, and work that is stopped where it is safe."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any


class Interrupted(BaseException):
    """A signal asked the program to stop; the work so far is safe."""

    def __init__(self, number: int) -> None:
        self.number = number


class Signals:
    """SIGINT and SIGTERM: the first stops at once, or at ``deferred`` work's next check; the second at once."""

    def __init__(self) -> None:
        self.received = 0
        self.deferred = False
        self._before: dict[int, Any] = {}

    def install(self) -> None:
        """Takes the signals, where that can be done: in the main thread."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore(self) -> None:
        """Gives the signals back to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            os._exit(128 + number)
        self.received = number
        if not self.deferred:
            raise Interrupted(number)

    def check(self) -> None:
        """Raises Interrupted where a signal came during deferred work."""
        if self.received:
            raise Interrupted(self.received)
