"""Recording: the list of primitive ops that a piece of eager code runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from fastnn import _core
from fastnn.eager import ops
from fastnn.eager.memory import owner_of
from fastnn.platform import after_fork_in_child

# How to go on with a model that has no compiled form.
EAGERLY = "call it without fastnn.compile, or train it with engine='eager'"


class RecordingError(RuntimeError):
    """The code cannot be compiled into a plan: it looks at values, or uses an op that has no compiled form."""


class Record(NamedTuple):
    """One call of a primitive: its name, its positional arguments (arrays and plain values) and the arrays it gave."""

    name: str
    args: list[Any]
    outputs: list[np.ndarray]


# Held around a Recorder: ``with one_at_a_time, Recorder() as recorder``. It is given back whatever exception comes,
# also between the two, and is free in the child of a fork where another thread had it.
one_at_a_time = _core.Lease()


def put_back() -> None:
    """The primitives as they are, whatever recording has been broken off in whatever line."""
    ops.recorder = None
    for name in ops.PRIMITIVES:
        present = getattr(ops, name)
        setattr(ops, name, getattr(present, "_recorded_from", present))


def _after_fork() -> None:
    """The child has only the thread that forked: a recording of another one ends here."""
    recorder = ops.recorder
    if recorder is None or not recorder.is_here():
        put_back()


after_fork_in_child(_after_fork)


class Recorder:
    """While active, every primitive op that this thread runs is appended to ``records``; inside ``one_at_a_time``.

    Other threads are not recorded. state: arrays that belong to modules, the only ones that recorded code may change in
    place.
    """

    joins = False  # whether arrays one after the other are an op like any other; plans fill memory part by part

    def __init__(self, state: Iterable[np.ndarray] = ()) -> None:
        self.records: list[Record] = []
        self._state = {id(owner_of(array)) for array in state}
        self._turn = -1  # whose number the lease gives while this one records

    def is_here(self) -> bool:
        """Whether it is this thread that records, and this recorder."""
        return one_at_a_time.turn() == self._turn

    def __enter__(self) -> Recorder:
        present = ops.recorder
        if present is not None and present.is_here():
            raise RecordingError(
                "a compiled plan was called while another one is being recorded: call the model itself in forward()"
            )
        put_back()
        self._turn = one_at_a_time.turn()
        for name in ops.PRIMITIVES:
            setattr(ops, name, self._recording(name, getattr(ops, name)))
        ops.recorder = self
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._turn = -1
        put_back()

    def _recording(self, name: str, original: Callable) -> Callable:
        def recorded(*args: Any) -> Any:
            result = original(*args)
            if self.is_here():
                outputs = list(result) if isinstance(result, tuple) else [result]
                self.records.append(Record(name, list(args), outputs))
            return result

        recorded._recorded_from = original  # type: ignore[attr-defined]
        return recorded

    def may_change(self, array: np.ndarray) -> bool:
        """Whether recorded code may write into an array."""
        return id(owner_of(array)) in self._state

    def refuse(self, what: str, why: str = "the value differs from batch to batch, so a plan cannot follow it") -> None:
        """Stops code that reads a value while this thread records, or does what a plan cannot do."""
        if not self.is_here():
            return None
        raise RecordingError(
            f"{what} on a tensor while a plan is being recorded: {why}. "
            "Such a model stays eager: call it without compile(), or move the call out of forward()"
        )


class Listener(Recorder):
    """A recorder of what is to be looked at, not repeated: it lets code read values, and be hooked."""

    def __enter__(self) -> Listener:
        super().__enter__()
        ops.recorder = None
        return self
