"""The table that ``model.summary()`` prints, drawn as Keras 3 draws it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from fastnn.text import can_show

if TYPE_CHECKING:
    from fastnn.keras.models import Sequential

_HEADER = ("Layer (type)", "Output Shape", "Param #")
_WIDTHS = (34, 24, 15)
_LINES = ("┏━┳┓", "┃┃┃", "┡━╇┩", "│││", "├─┼┤", "└─┴┘")
_PLAIN = str.maketrans("┏━┳┓┃┡╇┩│├─┼┤└┴┘", "+=++|+++|+-+++++")  # where the terminal has no lines


def summary(model: Sequential) -> str:
    """Layer by layer: output shape and number of parameters; then their sum and size."""
    rows = [
        (
            f"{layer.name} ({type(layer).__name__})",
            str(layer.output_shape) if layer.built else "?",
            f"{layer.count_params():,}" if layer.built else "0 (unbuilt)",
        )
        for layer in model.layers
    ]
    widths = [max(least, *(len(row[i]) for row in [_HEADER, *rows])) for i, least in enumerate(_WIDTHS)]
    top, head, under, body, between, bottom = _LINES
    drawn = [_rule(top, widths), _row(head, _HEADER, widths), _rule(under, widths)]
    for number, row in enumerate(rows):
        drawn += [_rule(between, widths)] if number else []
        drawn.append(_row(body, row, widths))
    drawn.append(_rule(bottom, widths))
    count = model.count_params() if model.built else 0
    frozen = sum(layer.count_params() for layer in model.layers if not layer.trainable)
    drawn += [
        f" Total params: {count:,} ({_size(count * 4)})",
        f" Trainable params: {count - frozen:,} ({_size((count - frozen) * 4)})",
        f" Non-trainable params: {frozen:,} ({_size(frozen * 4)})",
    ]
    text = "\n".join([f'Model: "{model.name}"', *drawn])
    return text if can_show(text, sys.stdout) else text.translate(_PLAIN)


def _rule(signs: str, widths: list[int]) -> str:
    left, line, crossing, right = signs
    return left + crossing.join(line * (width + 2) for width in widths) + right


def _row(signs: str, cells: tuple[str, ...], widths: list[int]) -> str:
    left, between, right = signs
    *texts, number = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"{left} " + f" {between} ".join([*texts, number.strip().rjust(widths[-1])]) + f" {right}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f"{size:.2f} {unit}"
