"""The table that ``model.summary()`` prints, drawn as Keras 3 draws it."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING

from fastnn.text import can_show

if TYPE_CHECKING:
    from fastnn.keras.layers import Layer
    from fastnn.keras.layers.symbol import Symbol
    from fastnn.keras.model import Model

_COLUMNS = {"Layer (type)": 34, "Output Shape": 24, "Param #": 15}  # and the least width of each
_CONNECTED = {"Layer (type)": 29, "Output Shape": 25, "Param #": 15, "Connected to": 26}
_LINES = ("┏━┳┓", "┃┃┃", "┡━╇┩", "│││", "├─┼┤", "└─┴┘")
_PLAIN = str.maketrans("┏━┳┓┃┡╇┩│├─┼┤└┴┘", "+=++|+++|+-+++++")  # where the terminal has no lines


def summary(
    model: Model, line_length: int | None = None, expand_nested: bool = False, show_trainable: bool = False
) -> str:
    """Layer by layer: output shape, number of parameters and, where layers do not simply follow each other, of which
    layers' outputs it is called with, ``name[call][0]``; then their sum and size.

    line_length: the table's width, or more where its words need more. expand_nested: the layers of models within too.
    show_trainable: a column Y or N.
    """
    sources = _sources(model)
    columns = (_CONNECTED if sources else _COLUMNS) | ({"Trainable": 9} if show_trainable else {})
    header, least = tuple(columns), tuple(columns.values())
    rows = [_cells(layer, depth, columns, sources) for layer, depth in _layers(model, expand_nested)]
    if line_length is not None:
        room = line_length - 3 * len(header) - 1  # beside lines and margins
        others = tuple(width * room // sum(least) for width in least[1:])
        least = (room - sum(others), *others)
    widths = [max(least[i], *(_longest(row[i]) for row in [header, *rows])) for i in range(len(header))]
    top, head, under, body, between, bottom = _LINES
    drawn = [_rule(top, widths), *_row(head, header, widths), _rule(under, widths)]
    for number, row in enumerate(rows):
        drawn += [_rule(between, widths)] if number else []
        drawn += _row(body, row, widths)
    drawn.append(_rule(bottom, widths))
    count = model.count_params() if model.built else 0
    frozen = sum(weight.numel() for weight in model.non_trainable_weights)
    drawn += [
        f" Total params: {count:,} ({_size(count * 4)})",
        f" Trainable params: {count - frozen:,} ({_size((count - frozen) * 4)})",
        f" Non-trainable params: {frozen:,} ({_size(frozen * 4)})",
    ]
    text = "\n".join([f'Model: "{model.name}"', *drawn])
    return text if can_show(text, sys.stdout) else text.translate(_PLAIN)


def _sources(model: Model) -> dict[int, list[str]]:
    """Of each layer, what it is called with: nothing of any where every layer has one input and follows another."""
    calls: list[Symbol] = getattr(model, "_calls", [])
    names, counts = {}, Counter[int]()
    for call in calls:
        names[id(call)] = f"{call.layer.name}[{counts[id(call.layer)]}][0]"
        counts[id(call.layer)] += 1
    if all(count == 1 for count in counts.values()) and all(len(call.parents) < 2 for call in calls):
        return {}
    found: dict[int, list[str]] = {}
    for call in calls:
        found.setdefault(id(call.layer), []).extend(names[id(parent)] for parent in call.parents)
    return found


def _layers(model: Model, expand_nested: bool, depth: int = 0) -> Iterator[tuple[Layer, int]]:
    for layer in model.layers:
        yield layer, depth
        if expand_nested and hasattr(layer, "layers"):
            yield from _layers(layer, expand_nested, depth + 1)  # type: ignore[arg-type]


def _cells(layer: Layer, depth: int, columns: dict[str, int], sources: dict[int, list[str]]) -> tuple[str, ...]:
    cells = [
        "  " * depth + f"{layer.name} ({layer.class_name()})",
        str(layer.output_shape) if layer.built else "?",
        f"{layer.count_params():,}" if layer.built else "0 (unbuilt)",
    ]
    if "Connected to" in columns:
        cells.append(", ".join(sources.get(id(layer), [])) or "-")
    if "Trainable" in columns:
        cells.append("Y" if layer.trainable_weights else "-" if not layer.weights else "N")
    return tuple(cells)


def _rule(signs: str, widths: list[int]) -> str:
    left, line, crossing, right = signs
    return left + crossing.join(line * (width + 2) for width in widths) + right


def _longest(cell: str) -> int:
    """The width that a cell needs: of its longest word, and of a nested layer's first with the space before it."""
    return max(map(len, _lines(cell, 1)))


def _lines(cell: str, width: int) -> list[str]:
    return textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False)


def _row(signs: str, cells: tuple[str, ...], widths: list[int]) -> Iterator[str]:
    """As many lines as the longest text needs."""
    left, between, right = signs
    texts = (_lines(cell, width) for cell, width in zip(cells, widths, strict=True))
    for parts in zip_longest(*texts, fillvalue=""):
        shown = [
            part.rjust(w) if i == 2 else part.ljust(w) for i, (part, w) in enumerate(zip(parts, widths, strict=True))
        ]
        yield f"{left} " + f" {between} ".join(shown) + f" {right}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f"{size:.2f} {unit}"
