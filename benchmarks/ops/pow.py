"""Powers: a whole one by squaring, another by exp(p log x) in double."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from fastnn import _core
from fastnn.reference import pow as reference

from benchmarks.op_case import HIDDEN, LARGE, OpCase, positive, roundings


def cases() -> Iterator[OpCase]:
    """x^3 has at most 4 roundings; x^1.5 is rounded once, its error in double is far below that."""
    for shape in (HIDDEN, LARGE):
        for exponent in (3.0, 1.5):
            yield OpCase(
                f"{'x'.join(map(str, shape))} to {exponent}",
                partial(_core.pow, exponent=exponent),
                partial(reference.pow, exponent=exponent),
                positive(shape),
                bound=roundings(4),
                torch=f"pow_{exponent}",
                nbytes=8 * int(np.prod(shape)),
            )
