"""What a network computes, as a list: the program of one evaluation, and the numbers that it has from the start."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fastnn.engine.plan import Plan
from fastnn.engine.program import Memory, Program
from fastnn.engine.recording import RecordingError
from fastnn.nn.module import Module


class Listing:
    """An executor that runs nothing: it keeps a program, and what is written into its memory."""

    def __init__(self) -> None:
        self.program: Program
        self.flat: dict[int, np.ndarray] = {}  # by number of a buffer: parameters, modules' states, constants

    @property
    def memory(self) -> Memory:
        return self.program.memory

    def panel_width(self, dtype: np.dtype) -> int:
        return 0

    def load(self, program: Program) -> None:
        self.program, program.number = program, 0
        for number, buffer in enumerate(self.memory.buffers):
            if buffer.contents is not None:
                self.flat[number] = buffer.contents.reshape(-1)

    def write(self, view: int, array: np.ndarray) -> None:
        place = self.memory.views[view]
        items = self.memory.buffers[place.buffer].nbytes // np.dtype(place.dtype).itemsize
        if place.buffer not in self.flat:
            self.flat[place.buffer] = np.zeros(items, place.dtype)
        self._seen_as(view)[...] = array

    def settle(self) -> None:
        """Forgets what the program writes over: results that are put together of several.

        Raises:
            RecordingError: that is a buffer of a module.
        """
        for op in self.program.ops:
            for buffer in {self.memory.views[view].buffer for view in op.outputs} & self.flat.keys():
                if self.memory.buffers[buffer].role != "constant":
                    raise RecordingError("a change of a module's buffer")
                del self.flat[buffer]

    def values(self, view: int) -> np.ndarray:
        """What a view shows of what is known."""
        return self._seen_as(view).copy()

    def is_known(self, view: int) -> bool:
        """Whether it shows what is known from the start."""
        return self.memory.views[view].buffer in self.flat

    def _seen_as(self, view: int) -> np.ndarray:
        place = self.memory.views[view]
        flat = self.flat[place.buffer]
        return as_strided(flat[place.offset :], place.shape, [step * flat.itemsize for step in place.strides])


def listed(model: Module, x: np.ndarray) -> Listing:
    """The evaluation of inputs like x.

    Raises:
        RecordingError: it has no compiled form, or has other constants when it is recorded once more.
    """
    listing, again = _recorded(model, x), _recorded(model, x)
    if any(again.flat[number].tobytes() != array.tobytes() for number, array in listing.flat.items()):
        raise RecordingError("a forward that draws random numbers")
    return listing


def _recorded(model: Module, x: np.ndarray) -> Listing:
    listing = Listing()
    plan = Plan(model, executor=lambda memory: listing)  # type: ignore[arg-type, return-value]  # it runs nothing
    plan.eval_program(x)
    plan.release()
    listing.settle()
    return listing
