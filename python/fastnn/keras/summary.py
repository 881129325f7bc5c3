"""The table that ``model.summary()`` prints, drawn as Keras 3 draws it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastnn.text import can_show

if TYPE_CHECKING:
    from fastnn.keras.layers import Layer
    from fastnn.keras.models import Sequential

_HEADER = ("Layer (type)", "Output Shape", "Param #")
_WIDTHS = (34, 24, 15)
_LINES = ("┏━┳┓", "┃┃┃", "┡━╇┩", "│││", "├─┼┤", "└─┴┘")
_PLAIN = str.maketrans("┏━┳┓┃┡╇┩│├─┼┤└┴┘", "+=++|+++|+-+++++")  # where the terminal has no lines


def summary(
    model: Sequential, line_length: int | None = None, expand_nested: bool = False, show_trainable: bool = False
) -> str:
    """Layer by layer: output shape and number of parameters; then their sum and size.

    line_length: the table's width, or more where its texts need more. expand_nested: the layers of models within too.
    show_trainable: a column Y or N.
    """
    header = (*_HEADER, "Trainable") if show_trainable else _HEADER
    rows = [_cells(layer, depth, show_trainable) for layer, depth in _layers(model, expand_nested)]
    least = (*_WIDTHS, 9) if show_trainable else _WIDTHS
    if line_length is not None:
        room = line_length - 3 * len(header) - 1  # beside lines and margins
        others = tuple(width * room // sum(least) for width in least[1:])
        least = (room - sum(others), *others)
    widths = [max(least[i], *(len(row[i]) for row in [header, *rows])) for i in range(len(header))]
    top, head, under, body, between, bottom = _LINES
    drawn = [_rule(top, widths), _row(head, header, widths), _rule(under, widths)]
    for number, row in enumerate(rows):
        drawn += [_rule(between, widths)] if number else []
        drawn.append(_row(body, row, widths))
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


def _layers(model: Sequential, expand_nested: bool, depth: int = 0) -> Iterator[tuple[Layer, int]]:
    for layer in model.layers:
        yield layer, depth
        if expand_nested and hasattr(layer, "layers"):
            yield from _layers(layer, expand_nested, depth + 1)  # type: ignore[arg-type]


def _cells(layer: Layer, depth: int, show_trainable: bool) -> tuple[str, ...]:
    cells = (
        "  " * depth + f"{layer.name} ({type(layer).__name__})",
        str(layer.output_shape) if layer.built else "?",
        f"{layer.count_params():,}" if layer.built else "0 (unbuilt)",
    )
    return (*cells, "Y" if layer.trainable_weights else "-" if not layer.weights else "N") if show_trainable else cells


def _rule(signs: str, widths: list[int]) -> str:
    left, line, crossing, right = signs
    return left + crossing.join(line * (width + 2) for width in widths) + right


def _row(signs: str, cells: tuple[str, ...], widths: list[int]) -> str:
    left, between, right = signs
    shown = [cell.rjust(w) if i == 2 else cell.ljust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))]
    return f"{left} " + f" {between} ".join(shown) + f" {right}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f"{size:.2f} {unit}"
