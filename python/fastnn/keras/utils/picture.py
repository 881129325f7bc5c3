"""A model's layers as a picture: what ``plot_model`` draws, without Graphviz."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.keras.models import Sequential

_MARGIN, _GAP, _LINE = 12, 24, 16  # pixels around boxes, between them, and of a line of text
_LETTER = 7  # width of Pillow's built-in letters, and a little


def plot_model(
    model: Sequential,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 96,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> None:
    """Writes a picture (PNG, or what Pillow makes of the file's ending) of a box for each layer, from top to bottom.

    Raises:
        ValueError: a vector format, or another direction than top to bottom.
    """
    from PIL import Image, ImageDraw

    ending = os.path.splitext(os.fspath(to_file))[1].lower()
    if ending in (".pdf", ".svg", ".dot"):
        raise ValueError(f"plot_model draws pixels, no {ending} files: name the file .png")
    if rankdir != "TB":
        raise ValueError(f"rankdir is {rankdir!r}; plot_model draws from top to bottom, 'TB'")
    shown = {
        "shapes": show_shapes,
        "dtype": show_dtype,
        "names": show_layer_names,
        "activations": show_layer_activations,
        "trainable": show_trainable,
    }
    boxes = [_lines(layer, shown) for layer in _layers(model, expand_nested)]
    width = max(len(line) for box in boxes for line in box) * _LETTER + 4 * _MARGIN
    height = sum(len(box) * _LINE + _MARGIN for box in boxes) + (len(boxes) - 1) * _GAP + 2 * _MARGIN
    picture = Image.new("RGB", (width, height), "white")
    draw, top, middle = ImageDraw.Draw(picture), _MARGIN, width // 2
    for number, box in enumerate(boxes):
        bottom = top + len(box) * _LINE + _MARGIN
        draw.rectangle((_MARGIN, top, width - _MARGIN, bottom), outline="black")
        draw.multiline_text((2 * _MARGIN, top + _MARGIN // 2), "\n".join(box), fill="black")
        if number + 1 < len(boxes):
            draw.line((middle, bottom, middle, bottom + _GAP), fill="black")
            arrow = ((middle - 4, bottom + _GAP - 6), (middle + 4, bottom + _GAP - 6), (middle, bottom + _GAP))
            draw.polygon(arrow, fill="black")
        top = bottom + _GAP
    picture.save(os.fspath(to_file), dpi=(dpi, dpi))


def _layers(model: Any, expand_nested: bool) -> list[Any]:
    if not expand_nested:
        return list(model.layers)
    return [own for each in model.layers for own in (_layers(each, True) if hasattr(each, "layers") else [each])]


def _lines(layer: Any, shown: dict[str, bool]) -> list[str]:
    kind = layer.class_name()
    lines = [f"{layer.name} ({kind})" if shown["names"] else kind]
    if shown["activations"] and hasattr(layer, "activation"):
        lines.append(f"activation: {getattr(layer.activation, '__name__', layer.activation)}")
    if shown["shapes"]:
        lines += [f"input: {layer.input_shape}", f"output: {layer.output_shape}"]
    if shown["dtype"]:
        lines.append(f"dtype: {layer.dtype}")
    if shown["trainable"]:
        lines.append(f"trainable: {layer.trainable}")
    return lines
