"""A module in a notebook's cell: its layers with what they learn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastnn.html import notebook
from fastnn.html.markup import Html, tag

if TYPE_CHECKING:
    from fastnn.nn.module import Module

_OPEN = 30  # rows that are read at a glance: longer tables are folded


def cell(module: Module) -> Html:
    """The count of parameters, then a row for each layer: name, text, shapes of its parameters and their numbers."""
    parameters = list(module.parameters())
    count = sum(p.numel() for p in parameters)
    size = sum(p.numel() * p.dtype.itemsize for p in parameters)
    frozen = sum(p.numel() for p in parameters if not p.requires_grad)
    about = f"{count:,} parameters, {size:,} bytes" + (f", {frozen:,} of them frozen" if frozen else "")
    title = tag("b", type(module).__name__), " ", tag("span", about, class_="soft")
    rows = list(_rows(module))
    if not module._modules and not parameters:
        return notebook.cell(tag("b", repr(module)))
    table = notebook.table(("Name", "Layer", "Shapes", "Parameters"), rows, left=3)
    return notebook.cell(tag("details", tag("summary", *title), table, open=len(rows) <= _OPEN))


def _rows(module: Module) -> Iterator[tuple[str, str, str, str]]:
    for name, layer in module.named_modules():
        own = {key: p for key, p in layer._parameters.items() if p is not None}
        if layer._modules and not own:
            continue
        text = type(layer).__name__ if layer._modules else repr(layer)
        shapes = ", ".join(f"{key} {'x'.join(map(str, p.shape)) or '1'}" for key, p in own.items())
        yield name, text, shapes, f"{sum(p.numel() for p in own.values()):,}" if own else ""
