"""Where the numbers between layers lie: one piece of working memory, whose places are used again."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from fastnn.engine.program import MISSING, Op, Program, View

_BYTES = 4  # of a number


class Places:
    """The first number of each value's buffer, and how many there are in all (``size``).

    elsewhere: buffers that lie somewhere else. in_place: ops that may write over what they read.
    """

    def __init__(self, program: Program, elsewhere: Collection[int], in_place: Collection[str]) -> None:
        self._views = program.memory.views
        self._sizes = [buffer.nbytes // _BYTES for buffer in program.memory.buffers]
        self._spans: dict[int, list[int]] = {}  # the first and the last op that uses a buffer
        for number, op in enumerate(program.ops):
            for view in self._shown(op):
                if view.buffer not in elsewhere:
                    self._spans.setdefault(view.buffer, [number, number])[1] = number
        self.first: dict[int, int] = {}
        for buffer in sorted(self._spans, key=lambda each: self._spans[each][0]):
            number = self._spans[buffer][0]
            op = program.ops[number]
            over = self._ended(op, number) if op.name in in_place else None
            self.first[buffer] = self._gap(buffer) if over is None else self.first[over]
            if over is not None:
                self._spans[over][1] = number - 1
        self.size = max((self._end(buffer) for buffer in self.first), default=0)

    def _shown(self, op: Op) -> Iterator[View]:
        return (self._views[view] for view in (*op.inputs, *op.outputs) if view != MISSING)

    def _ended(self, op: Op, number: int) -> int | None:
        """A buffer that the op reads last, which lies as its result does."""
        result = self._views[op.outputs[0]]
        for view in self._shown(op):
            alike = (
                view._replace(buffer=result.buffer) == result and self._sizes[view.buffer] == self._sizes[result.buffer]
            )
            if alike and view.buffer in self.first and self._spans[view.buffer][1] == number:
                return view.buffer
        return None

    def _end(self, buffer: int) -> int:
        return self.first[buffer] + self._sizes[buffer]

    def _gap(self, buffer: int) -> int:
        """The first place that is free as long as it is needed; all that have one have begun before."""
        begin, start = self._spans[buffer][0], 0
        taken = [(self.first[each], self._end(each)) for each in self.first if self._spans[each][1] >= begin]
        for first, end in sorted(taken):
            if start + self._sizes[buffer] <= first:
                break
            start = max(start, end)
        return start
