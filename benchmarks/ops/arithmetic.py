"""Elementwise + - * / with and without a repeated operand: NumPy's bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from fastnn import _core
from fastnn.reference import arithmetic as reference

from benchmarks.op_case import HIDDEN, LARGE, OpCase, normal


def cases() -> Iterator[OpCase]:
    for shape in (HIDDEN, LARGE):
        for operation in ("add", "divide"):
            yield OpCase(
                f"{operation} {'x'.join(map(str, shape))}",
                getattr(_core, operation),
                getattr(reference, operation),
                normal(shape, shape),
                torch=operation,
                nbytes=12 * int(np.prod(shape)),
            )
    rows, columns = HIDDEN
    yield OpCase(
        f"add {rows}x{columns} + {columns}",
        _core.add,
        reference.add,
        normal(HIDDEN, (columns,)),
        torch="add",
        nbytes=8 * rows * columns + 4 * columns,
    )
