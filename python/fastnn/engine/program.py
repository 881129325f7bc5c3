"""A lowered step as plain data: buffers, views, and the ops on them in their order.

Whatever runs, writes or prints a step reads this list: the compiled executor (:mod:`fastnn.engine.executor`), and one
for another machine or a file format in its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

MISSING = -1  # a view that is not there: an optional input, a program without a loss


class Buffer(NamedTuple):
    """Memory, of its own or shared with a buffer that is not used at the same time.

    role: ``input``, ``target``, ``parameter``, ``state`` (of an optimizer or a module), ``constant``, ``gradients`` or
    ``value``. contents: a constant's. shares: the number of the buffer whose memory it has, if not its own.
    """

    nbytes: int
    role: str
    contents: np.ndarray | None = None
    shares: int | None = None


class View(NamedTuple):
    """A window on a buffer. offset and strides in elements; panel: the width of the panels that a weight is kept in (0:
    strided memory).
    """

    buffer: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str
    panel: int = 0


class Op(NamedTuple):
    """An op of :func:`fastnn._core.instruction_facts`, an update, or ``view`` (the same memory seen otherwise).

    inputs, outputs: numbers of views. state: what the op changes besides its views, shared with Python: an optimizer's
    settings, a dropout module's draw.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attributes: dict[str, Any]
    state: Any = None


class Memory:
    """The buffers and views of all programs of a plan."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.views: list[View] = []
        self._numbers: dict[View, int] = {}

    def buffer(self, nbytes: int, role: str, contents: np.ndarray | None = None) -> int:
        """The number of a new buffer."""
        self.buffers.append(Buffer(nbytes, role, contents))
        return len(self.buffers) - 1

    def nbytes(self) -> int:
        """Of all buffers that have memory of their own."""
        return sum(buffer.nbytes for buffer in self.buffers if buffer.shares is None)

    def sizes(self) -> tuple[int, int]:
        """How many buffers and views there are."""
        return len(self.buffers), len(self.views)

    def cut(self, sizes: tuple[int, int]) -> None:
        """Forgets all that came after it had these sizes."""
        del self.buffers[sizes[0] :]
        for view in self.views[sizes[1] :]:
            del self._numbers[view]
        del self.views[sizes[1] :]

    def view(self, view: View) -> int:
        """The number of a view, the same for equal ones."""
        number = self._numbers.get(view)
        if number is None:
            number = self._numbers[view] = len(self.views)
            self.views.append(view)
        return number


class Program:
    """One step: its ops, the views that its batches go to and its results come from (MISSING: none).

    number: the executor's, once it has loaded it.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.ops: list[Op] = []
        self.input = self.target = self.loss = self.output = MISSING
        self.output_shape: tuple[int, ...] = ()
        self.dtype = np.dtype(np.float32)
        self.number = -1

    def lines(self) -> Iterator[str]:
        """The list as text, a line each: ``%5 (64, 256) = dense_forward(%0, %1, %2, relu=True)``."""
        for number in self._arguments():
            view = self.memory.views[number]
            yield f"%{number} {self._shape(number)}: {self.memory.buffers[view.buffer].role}"
        for op in self.ops:
            words = ["-" if i == MISSING else f"%{i}" for i in op.inputs]
            words += [f"{name}={value}" for name, value in op.attributes.items()]
            results = ", ".join(f"%{i} {self._shape(i)}" for i in op.outputs)
            yield f"{results} = {op.name}({', '.join(words)})"
        for name, number in (("loss", self.loss), ("output", self.output)):
            if number != MISSING:
                yield f"{name}: %{number}"

    def _arguments(self) -> list[int]:
        """The views that are read before an op of this program writes them."""
        written: set[int] = set()
        found: dict[int, None] = {}
        for op in self.ops:
            found.update((i, None) for i in op.inputs if i != MISSING and i not in written)
            written.update(op.outputs)
        return list(found)

    def _shape(self, number: int) -> str:
        view = self.memory.views[number]
        text = f"{view.dtype}{list(view.shape)}"
        if view.panel:
            return f"{text} in panels of {view.panel}"
        return text if view.strides == _c_strides(view.shape) else f"{text} with strides {list(view.strides)}"


def _c_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """In elements; 1 for a dimension of one element, as views have it."""
    items, strides = 1, []
    for extent in reversed(shape):
        strides.append(items if extent != 1 else 1)
        items *= extent
    return tuple(reversed(strides))
