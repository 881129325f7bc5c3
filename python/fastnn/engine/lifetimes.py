"""Lifetimes: memory of a step that is used again as soon as nobody reads it any more.

A value takes the memory of one that is dead where both lie alike: as many bytes, of the same type, in as many rows. So
two that a thread has for some samples are in the same place of its caches, and no chain of instructions that treat each
sample by itself is cut (cpp/plan/schedule.h keeps the order of whatever shares memory). An elementwise op writes over
what nobody reads behind it: that is in the cache, and fresh memory would have to come there first.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastnn.engine.executor import FACTS
from fastnn.engine.program import MISSING, Program

# Smaller values are not worth an order among instructions that have none: the caches hold many of them.
LEAST_BYTES = 64 * 1024

_Kind = tuple[int, str, int]


def share_memory(program: Program, first_buffer: int) -> None:
    """Gives values of the program, the buffers from this number on, the memory of earlier ones."""
    memory = program.memory
    kept = {memory.views[view].buffer for view in (program.loss, program.output) if view != MISSING}
    uses: dict[int, list[int]] = {}  # numbers of the ops that use a buffer
    kinds: dict[int, _Kind] = {}
    for number, op in enumerate(program.ops):
        for view in (memory.views[each] for each in (*op.outputs, *op.inputs) if each != MISSING):
            buffer = memory.buffers[view.buffer]
            if view.buffer < first_buffer or buffer.role != "value" or buffer.nbytes < LEAST_BYTES:
                continue
            uses.setdefault(view.buffer, []).append(number)
            kinds.setdefault(view.buffer, (buffer.nbytes, view.dtype, view.shape[0] if view.shape else 1))
    in_place = [FACTS.get(op.name, {}).get("in_place", False) for op in program.ops]
    for buffer, place in _places(uses, kinds, kept, in_place):
        memory.buffers[buffer] = memory.buffers[buffer]._replace(shares=place)


def _places(
    uses: dict[int, list[int]], kinds: dict[int, _Kind], kept: set[int], in_place: list[bool]
) -> Iterable[tuple[int, int]]:
    """Buffers, each with an earlier one that is free before the first op that uses it, or in it."""
    free: dict[_Kind, list[tuple[int, int]]] = {}  # the last use of what lies there, and the place
    for buffer in sorted(uses, key=lambda each: uses[each][0]):
        places = free.setdefault(kinds[buffer], [])
        first, last = uses[buffer][0], uses[buffer][-1]
        found = max((entry for entry in places if entry[0] < first + in_place[first]), default=None)
        if found is not None:
            places.remove(found)
            yield buffer, found[1]
        if buffer not in kept:
            places.append((last, buffer if found is None else found[1]))
