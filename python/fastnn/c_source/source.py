"""The C text of a program: its tables, and the body of the function that computes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastnn.c_source import tables
from fastnn.c_source.listing import Listing
from fastnn.c_source.places import Places
from fastnn.engine.program import MISSING, Op, View

INPUT, OUTPUT, MEMORY = "x", "y", "memory"
_LETTERS = "ijklmnop"


class Source:
    """Lines of C for the ops of a listing; what they compute with by the names of tables.

    in_place: ops that may write over what they read.
    """

    def __init__(self, listing: Listing, in_place: Sequence[str]) -> None:
        self.listing, self.program, self.views = listing, listing.program, listing.memory.views
        self.tables: list[str] = []
        self.lines: list[str] = []
        self.numbers = 0  # in tables of reals
        self._names: dict[tuple[object, ...], str] = {}
        end, start = self.views[self.program.output], self.views[self.program.input].buffer
        whole = (
            listing.memory.buffers[end.buffer].nbytes == 4 * int(np.prod(end.shape)) and end.buffer not in listing.flat
        )
        self._result = end.buffer if whole else MISSING
        self._start = start
        self.places = Places(self.program, {start, self._result, *listing.flat}, in_place)

    # -- where numbers are -------------------------------------------------------------------------------------------

    def base(self, view: View) -> tuple[str, int]:
        """The array that a view is on, and its first number there."""
        if view.buffer == self._start:
            return INPUT, view.offset
        if view.buffer == self._result:
            return OUTPUT, view.offset
        if view.buffer in self.listing.flat:
            return self.table(self.listing.flat[view.buffer], "buffer", view.buffer), view.offset
        return MEMORY, self.places.first[view.buffer] + view.offset

    def pointer(self, number: int) -> str:
        """To the first number of a view; the null pointer for none."""
        if number == MISSING:
            return "0"
        name, first = self.base(self.views[number])
        return f"{name} + {first}" if first else name

    def table(self, values: np.ndarray, *key: object) -> str:
        """A table of constant numbers, which others with this key have too."""
        if key not in self._names:
            name = f"nn_table{len(self._names)}"
            if values.dtype == np.int64:
                self._names[key] = name
                self.tables.append(tables.integers(name, values))
            else:
                self._names[key] = f"{name}.real"
                self.tables.append(tables.reals(name, values))
                self.numbers += values.size
        return self._names[key]

    def weight(self, number: int, order: tuple[int, ...]) -> str:
        """A constant weight as a table, its dimensions in this order in memory."""
        return self.table(self.known(number).transpose(order), number, order)

    def known(self, number: int) -> np.ndarray:
        """The numbers of a view that no op computes.

        Raises:
            ValueError: one does.
        """
        if not self.listing.is_known(number):
            raise ValueError("its weight, or places, are computed from the input")
        return self.listing.values(number)

    def row(self, number: int) -> str:
        """A pointer to a view in C order.

        Raises:
            ValueError: it lies otherwise.
        """
        return self._laid(number, range(len(self.views[number].shape)))

    def images(self, number: int) -> str:
        """A pointer to images (N, C, H, W) that lie [N][H][W][C].

        Raises:
            ValueError: they lie otherwise.
        """
        return self._laid(number, (0, 2, 3, 1))

    def _laid(self, number: int, order: Sequence[int]) -> str:
        view, items = self.views[number], 1
        for axis in reversed(order):
            if view.shape[axis] != 1 and view.strides[axis] != items:
                raise ValueError(f"its numbers lie with strides {view.strides}")
            items *= view.shape[axis]
        return self.pointer(number)

    # -- lines -------------------------------------------------------------------------------------------------------

    def say(self, line: str) -> None:
        self.lines.append(f"    {line}")

    def samples(self, number: int, call: str, *pointers: tuple[str, int]) -> None:
        """A call for each of a number of samples; %s: pointers, each with how much further it is for the next one."""
        if number == 1:
            self.say(call % tuple(pointer for pointer, _ in pointers))
        else:
            some = tuple(f"{pointer} + i * {step}" for pointer, step in pointers)
            self.say(f"for (int i = 0; i < {number}; ++i) {call % some}")

    def elementwise(self, op: Op, template: str) -> None:
        """A result for each element; %s: the elements of the inputs."""
        numbers = (op.outputs[0], *op.inputs)
        extents, steps = collapsed([self.views[number] for number in numbers])
        terms = [self._term(number, each) for number, each in zip(numbers, steps, strict=True)]
        heads = [f"for (int {i} = 0; {i} < {n}; ++{i})" for i, n in zip(_LETTERS, extents, strict=False)]
        self.say(" ".join([*heads, f"{terms[0]} = {template % tuple(terms[1:])};"]))

    def _term(self, number: int, steps: Sequence[int]) -> str:
        view = self.views[number]
        if self.listing.is_known(number) and not any(steps):
            return tables.number(self.listing.values(number).flat[0])
        name, first = self.base(view)
        parts = [
            letter if step == 1 else f"{letter} * {step}" for letter, step in zip(_LETTERS, steps, strict=False) if step
        ]
        return f"{name}[{' + '.join([str(first)] * (first > 0 or not parts) + parts)}]"


def collapsed(views: Sequence[View]) -> tuple[list[int], list[list[int]]]:
    """The extents of the loops over views of one shape, the first view's memory ascending, and each view's steps:
    dimensions that lie one behind the other in all of them are one.
    """
    order = sorted(range(len(views[0].shape)), key=lambda axis: -views[0].strides[axis])
    extents: list[int] = []
    steps: list[list[int]] = [[] for _ in views]
    for axis in order:
        extent, own = views[0].shape[axis], [view.strides[axis] for view in views]
        if extent == 1:
            continue
        if extents and all(each[-1] == step * extent for each, step in zip(steps, own, strict=True)):
            extents[-1] *= extent
            for each, step in zip(steps, own, strict=True):
                each[-1] = step
            continue
        extents.append(extent)
        for each, step in zip(steps, own, strict=True):
            each.append(step)
    return extents, steps
