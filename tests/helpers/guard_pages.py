"""python guard_pages.py ISA | overrun WHERE: ops and augmentation on arrays that touch pages nobody may read or write.

Each array of a call ends (then: begins) exactly where a page without access does, so that reading or writing one byte
too far ends the process by SIGSEGV. A case is printed before it runs: the last line names the one that crashed.
"overrun end" and "overrun start" step over on purpose, to show that the pages are really there.
"""

from __future__ import annotations

import ctypes
import importlib
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import oracle  # noqa: F401
from fastnn import _core
from harness import OpTests

PAGE = mmap.PAGESIZE
ROOM = 512 * PAGE  # 2 MB: the largest of the small shapes is half of that


class GuardedMemory:
    """Memory between two pages without access."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, ROOM + 2 * PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for page in (start, start + PAGE + ROOM):
            if libc.mprotect(page, PAGE, 0) != 0:
                raise OSError(ctypes.get_errno(), "mprotect failed")
        self._memory = np.frombuffer(self._map, np.uint8, ROOM, PAGE)

    def place(self, array: np.ndarray, at_end: bool) -> np.ndarray:
        """A copy whose last (or first) byte is next to a guard page."""
        begin = ROOM - array.nbytes if at_end else 0
        view = self._memory[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
        view[...] = array
        return view


def op_tests() -> Iterator[type[OpTests]]:
    """Every test class of tests/ops that has an Op."""
    folder = Path(__file__).parents[1] / "ops"
    sys.path.insert(0, str(folder))
    for path in sorted(folder.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, OpTests) and hasattr(value, "op"):
                yield value


def run_all(isa: str) -> int:
    """All small shapes of all ops in both precisions; the number of calls."""
    _core.set_isa(isa)
    memory = [GuardedMemory() for _ in range(6)]
    rng, calls = np.random.default_rng(0), 0
    for tests in op_tests():
        op = tests.op
        for dtype in (np.float32, np.float64):
            for shape in op.small:
                inputs = op.draw(rng, shape, dtype)
                print(tests.__name__, dtype.__name__, shape, flush=True)
                result = op.results(tuple(array.copy() for array in inputs))[-1]
                for at_end in (True, False):
                    placed = tuple(m.place(x, at_end) for m, x in zip(memory, inputs, strict=False))
                    out = {"out": memory[-1].place(np.zeros_like(result, order="C"), at_end)} if op.takes_out else {}
                    op.results(placed, **out)
                    calls += 1
    return calls + run_augmented(memory[0])


def run_augmented(memory: GuardedMemory) -> int:
    """Images of sizes down to a pixel, in both orders of memory; the number of calls."""
    calls = 0
    for n, c, h, w in ((1, 1, 1, 1), (2, 3, 2, 3), (3, 3, 17, 9), (2, 4, 8, 40), (40, 1, 28, 28), (9, 3, 64, 48)):
        for name in ("light", "strong"):
            print("augmented", name, (n, c, h, w), flush=True)
            for last in (False, True):
                for at_end in (True, False):
                    x = memory.place(np.full((n, h, w, c) if last else (n, c, h, w), 7, np.uint8), at_end)
                    x = x.transpose(0, 3, 1, 2) if last else x
                    for epoch in range(5):
                        _core.augmented(x, np.arange(n), name, 0, epoch)
                        calls += 1
    return calls


def overrun(where: str) -> None:
    """Reads one byte beyond the end, or before the start."""
    memory = GuardedMemory()
    array = memory.place(np.zeros(10, np.uint8), where == "end")
    print(f"overrun at the {where}", flush=True)
    ctypes.string_at(array.ctypes.data + (1 if where == "end" else -1), 10)


if __name__ == "__main__":
    if sys.argv[1] == "overrun":
        overrun(sys.argv[2])
    else:
        print(run_all(sys.argv[1]), "calls")
