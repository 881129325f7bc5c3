"""Tensors as text, as PyTorch prints them: four decimals, lines of 80 characters, long tensors cut in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor

PRECISION, LINE_WIDTH = 4, 80
SUMMARIZED_FROM, EDGE_ITEMS = 1000, 3  # more elements than that: so many of each dimension's ends
INDENT = len("tensor(")

# Decimals do where the largest number is below this, no number but 0 is smaller than the last digit that counts, and
# the largest is not this many times the smallest; else powers of ten.
_LARGEST, _SMALLEST, _RATIO = 1e8, 1e-4, 1000.0


_WITHOUT_DTYPE = frozenset(np.dtype(kind) for kind in (np.float32, np.int64, np.bool_))


def tensor_text(x: Tensor) -> str:
    """``tensor(...)``: the values, with what else is to be said behind them (``dtype=...``)."""
    data, suffixes = x._data, []
    if data.size == 0 and data.ndim != 1:
        suffixes.append(f"size={tuple(data.shape)}")
    if data.dtype not in _WITHOUT_DTYPE or (data.size == 0 and data.dtype != np.float32):
        suffixes.append(f"dtype={x.dtype!r}")
    if x._node is not None:
        suffixes.append(f"grad_fn={x._node!r}")
    elif x.requires_grad:
        suffixes.append("requires_grad=True")
    return _array_text(data, suffixes)


def _array_text(data: np.ndarray, suffixes: Sequence[str]) -> str:
    if data.size == 0:
        body = "[]"
    else:
        summarized = data.size > SUMMARIZED_FROM
        text = _element_texts(_summary(data) if summarized else data)
        body = _body(data, INDENT, text, summarized)
    return _with_suffixes("tensor(" + body, suffixes) + ")"


def _with_suffixes(body: str, suffixes: Sequence[str]) -> str:
    """Behind the last line where they fit it, else in lines of their own."""
    parts, used = [body], len(body) - body.rfind("\n") + 1
    for suffix in suffixes:
        if used + len(suffix) + 2 > LINE_WIDTH:
            parts.append(",\n" + " " * INDENT + suffix)
            used = INDENT + len(suffix)
        else:
            parts.append(", " + suffix)
            used += len(suffix) + 2
    return "".join(parts)


def _summary(data: np.ndarray) -> np.ndarray:
    """The ends of each dimension, as far as they are printed."""
    ends = [*range(EDGE_ITEMS), *range(-EDGE_ITEMS, 0)]
    return data[np.ix_(*(ends if extent > 2 * EDGE_ITEMS else range(extent) for extent in data.shape))]


def _body(data: np.ndarray, indent: int, text: tuple[Callable[[object], str], int], summarized: bool) -> str:
    """The elements in brackets; of dimension after dimension, the inner ones further to the right."""
    write, width = text
    if data.ndim == 0:
        return write(data.item())
    cut = summarized and len(data) > 2 * EDGE_ITEMS
    if data.ndim > 1:
        rows = [_body(row, indent + 1, text, summarized) for row in _ends(data, cut)]
        between = "," + "\n" * (data.ndim - 1) + " " * (indent + 1)
        if cut:
            rows.insert(EDGE_ITEMS, "...")
        return "[" + between.join(rows) + "]"
    elements = [write(value.item()) for value in _ends(data, cut)]
    if cut:
        elements.insert(EDGE_ITEMS, " ...")
    in_line = max(1, (LINE_WIDTH - indent) // (width + 2))
    lines = [", ".join(elements[i : i + in_line]) for i in range(0, len(elements), in_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _ends(rows: np.ndarray, cut: bool) -> Iterator:
    """All of them, or the first and the last."""
    yield from rows[:EDGE_ITEMS] if cut else rows
    yield from rows[-EDGE_ITEMS:] if cut else ()


def _element_texts(data: np.ndarray) -> tuple[Callable[[object], str], int]:
    """How one element is written, right-justified to the width of the longest, and that width."""
    write = _float_text(data) if data.dtype.kind == "f" else str
    counted = data[np.isfinite(data) & (data != 0)] if data.dtype.kind == "f" else data  # as PyTorch has it
    width = max((len(write(value)) for value in counted.ravel().tolist()), default=1)
    return lambda value: write(value).rjust(width if data.ndim else 0), width


def _float_text(data: np.ndarray) -> Callable[[float], str]:
    """One format for all numbers of an array."""
    numbers = np.abs(data[np.isfinite(data) & (data != 0)].astype(np.float64))
    if not len(numbers):
        return lambda value: f"{value:.0f}." if np.isfinite(value) else str(value)
    whole = bool((numbers == np.ceil(numbers)).all())
    low, high = numbers.min(), numbers.max()
    if high / low > _RATIO or high > _LARGEST or (not whole and low < _SMALLEST):
        return lambda value: f"{value:.{PRECISION}e}"
    if whole:
        return lambda value: f"{value:.0f}." if np.isfinite(value) else str(value)
    return lambda value: f"{value:.{PRECISION}f}"
