"""Recording: the list of primitive ops that a piece of eager code runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from fastnn.eager import ops
from fastnn.eager.memory import owner_of
from fastnn.platform import after_fork_in_child


class RecordingError(RuntimeError):
    """The code cannot be compiled into a plan: it looks at values, or uses an op that has no compiled form."""


class Record(NamedTuple):
    """One call of a primitive: its name, its positional arguments (arrays and plain values) and the arrays it gave."""

    name: str
    args: list[Any]
    outputs: list[np.ndarray]


_one_at_a_time = threading.Lock()


def _after_fork() -> None:
    """The child has only the thread that forked: a recording of another one ends here."""
    global _one_at_a_time
    recorder = ops.recorder
    if recorder is not None and not recorder.is_here():
        recorder.restore()
        _one_at_a_time = threading.Lock()


after_fork_in_child(_after_fork)


class Recorder:
    """While active, every primitive op that this thread runs is appended to ``records``.

    Other threads are not recorded. state: arrays that belong to modules, the only ones that recorded code may change in
    place.
    """

    def __init__(self, state: Iterable[np.ndarray] = ()) -> None:
        self.records: list[Record] = []
        self._state = {id(owner_of(array)) for array in state}
        self._thread = threading.get_ident()
        self._originals: dict[str, Callable] = {}

    def is_here(self) -> bool:
        """Whether it is this thread that records."""
        return threading.get_ident() == self._thread

    def __enter__(self) -> Recorder:
        present = ops.recorder
        if present is not None and present.is_here():
            raise RecordingError(
                "a compiled plan was called while another one is being recorded: call the model itself in forward()"
            )
        _one_at_a_time.acquire()
        for name in ops.PRIMITIVES:
            self._originals[name] = getattr(ops, name)
            setattr(ops, name, self._recording(name, self._originals[name]))
        ops.recorder = self
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.restore()
        _one_at_a_time.release()

    def restore(self) -> None:
        """Puts the primitives back."""
        ops.recorder = None
        for name, original in self._originals.items():
            setattr(ops, name, original)

    def _recording(self, name: str, original: Callable) -> Callable:
        def recorded(*args: Any) -> Any:
            result = original(*args)
            if self.is_here():
                outputs = list(result) if isinstance(result, tuple) else [result]
                self.records.append(Record(name, list(args), outputs))
            return result

        return recorded

    def may_change(self, array: np.ndarray) -> bool:
        """Whether recorded code may write into an array."""
        return id(owner_of(array)) in self._state

    def refuse(self, what: str) -> None:
        """Stops code that reads a value while this thread records."""
        if not self.is_here():
            return None
        raise RecordingError(
            f"{what} on a tensor while a plan is being recorded: the value differs from batch to batch, so a plan "
            f"cannot follow it. "
            "Such a model stays eager: call it without compile(), or move the call out of forward()"
        )
