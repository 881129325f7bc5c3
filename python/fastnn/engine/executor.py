"""Executors: what a lowered program is handed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from fastnn import _core
from fastnn.engine.program import MISSING, Memory, Program
from fastnn.engine.recording import EAGERLY, RecordingError

# The ops of a recording that have a compiled form, and what is to be known of each: its arguments, what it can be fused
# with (_core.pyi).
_compiled = frozenset(_core.instruction_names())
FACTS: Mapping[str, dict[str, Any]] = {name: f for name, f in _core.instruction_facts().items() if name in _compiled}


class Executor(Protocol):
    """Runs the programs of one plan, which share its memory."""

    def panel_width(self, dtype: np.dtype) -> int:
        """The width of the panels in which it keeps a weight that it multiplies with; 0 where weights stay strided."""

    def load(self, program: Program) -> None:
        """Takes a program over, with the buffers and views that are new, and gives it its number; all or nothing.

        Raises:
            RecordingError: it cannot run it.
        """

    def write(self, view: int, array: np.ndarray) -> None:
        """An array into a view."""

    def read(self, view: int, array: np.ndarray) -> None:
        """A view into an array."""

    def clear(self, view: int) -> None:
        """Zeros into a view."""

    def finite(self, view: int) -> bool:
        """Whether a view has finite values only."""

    def step(self, program: int) -> None:
        """One step on what lies in the input and target of the program of this number."""

    def run(
        self,
        program: int,
        source: _core.Source,
        first: int,
        steps: int,
        seconds: float,
        stop_at_nan: bool,
        losses: np.ndarray | None,
        outputs: np.ndarray | None,
    ) -> int:
        """Steps first .. first + steps - 1 of a source's order, back after about ``seconds``; how many were done."""


class CompiledExecutor:
    """The executor of ``cpp/plan`` on this machine's processors."""

    def __init__(self, memory: Memory) -> None:
        self.core = _core.Plan()
        self.step, self.run = self.core.step, self.core.run  # the calls of a training loop: without a hop between
        self._memory = memory
        self._buffers: list[int] = []  # the core's numbers of the memory's buffers and views
        self._views: list[int] = []

    def panel_width(self, dtype: np.dtype) -> int:
        return _core.panel_width(dtype == np.float64)

    def load(self, program: Program) -> None:
        buffers, views = len(self._buffers), len(self._views)
        try:
            self._load(program)
        except (ValueError, TypeError) as error:
            del self._buffers[buffers:], self._views[views:]
            raise RecordingError(f"{error}. Such a model stays eager: {EAGERLY}") from error

    def _load(self, program: Program) -> None:
        self._allocate()
        program.number = self.core.program()
        for op in program.ops:
            if op.name != "view":
                inputs, outputs = map(self._numbers, (op.inputs, op.outputs))
                self.core.emit(program.number, op.name, inputs, outputs, op.attributes, op.state)
        io = (program.input, program.target, program.loss, program.output)
        self.core.set_io(program.number, *self._numbers(io))

    def _allocate(self) -> None:
        new = self._memory.buffers[len(self._buffers) :]
        for buffer in new:
            shared = buffer.shares
            self._buffers.append(self.core.buffer(buffer.nbytes) if shared is None else self._buffers[shared])
        for view in self._memory.views[len(self._views) :]:
            place = (self._buffers[view.buffer], view.offset, list(view.shape), list(view.strides), view.dtype)
            self._views.append(self.core.view(*place, view.panel))
        for buffer, number in zip(reversed(new), reversed(self._buffers), strict=False):
            if buffer.contents is not None:
                flat = buffer.contents.reshape(-1)
                self.core.write(self.core.view(number, 0, [flat.size], [1], flat.dtype.name), flat)

    def _numbers(self, views: tuple[int, ...]) -> list[int]:
        return [MISSING if view == MISSING else self._views[view] for view in views]

    def write(self, view: int, array: np.ndarray) -> None:
        self.core.write(self._views[view], array)

    def read(self, view: int, array: np.ndarray) -> None:
        self.core.read(self._views[view], array)

    def clear(self, view: int) -> None:
        self.core.clear(self._views[view])

    def finite(self, view: int) -> bool:
        return self.core.finite(self._views[view])
