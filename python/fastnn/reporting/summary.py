"""summary(): what a model is made of, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.html import notebook
from fastnn.html.markup import tag
from fastnn.nn.contexts import listening, modes
from fastnn.nn.module import Module
from fastnn.reporting.table import Row, table


class Summary(str):
    """The table as text, which it also is where Python shows a value by itself; in a notebook as HTML."""

    _kind: str
    _parts: tuple[Row, Sequence[Row], Row]

    def __new__(cls, kind: str, header: Row, rows: Sequence[Row], total: Row) -> Summary:
        self = super().__new__(cls, "\n".join([kind, *table(header, rows, total, left=2)]))
        self._kind, self._parts = kind, (header, rows, total)
        return self

    def __repr__(self) -> str:
        return str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._kind, *self._parts)

    def _repr_html_(self) -> str:
        header, rows, total = self._parts
        last = [tag("b", each) for each in total]
        return notebook.cell(tag("b", self._kind), notebook.table(header, [*rows, last], left=2))


def summary(model: Module, input_shape: tuple[int, ...]) -> Summary:
    """Layer by layer: output shape, parameters, bytes, multiply-adds for one input of ``input_shape`` (without the
    batch).
    """
    rows: list[tuple[str, str, str, str, str]] = []
    total_macs = 0
    for name, module, shape in _outputs(model, input_shape):
        params = sum(p.numel() for p in module.parameters())
        size = sum(p.numel() * p.dtype.itemsize for p in module.parameters())
        macs = module.multiply_adds(shape)
        total_macs += macs
        kind = f"{name} ({type(module).__name__})"
        rows.append(
            (kind, f"(N{''.join(f', {extent}' for extent in shape[1:])})", f"{params:,}", f"{size:,}", f"{macs:,}")
        )
    parameters = list(model.parameters())
    count = sum(p.numel() for p in parameters)
    size = sum(p.numel() * p.dtype.itemsize for p in parameters)
    header = ("Layer", "Output shape", "Parameters", "Bytes", "Multiply-adds")
    total = ("Total", "", f"{count:,}", f"{size:,}", f"{total_macs:,}")
    return Summary(kind_of(model), header, rows, total)


def kind_of(model: Module) -> str:
    """The class of a model, or of the only module in it where that stands under the empty name: a wrapper's."""
    while list(model._modules) == [""]:
        model = model._modules[""]
    return type(model).__name__


def _outputs(model: Module, input_shape: tuple[int, ...]) -> list[tuple[str, Module, tuple[int, ...]]]:
    """Each leaf module in the order of its use, with the shape it gave."""
    seen: list[tuple[str, Module, tuple[int, ...]]] = []
    leaves = [(name, module) for name, module in model.named_modules() if name and not module._modules]
    names = {id(module): name for name, module in leaves}

    def heard(module: Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
        seen.append((names[id(module)], module, tuple(out.shape)))

    dtype = next((param._to_read().dtype for param in model.parameters()), np.dtype(np.float32))
    with modes(model, training=False), listening([module for _, module in leaves], heard), no_grad():
        model(Tensor(np.zeros((1, *input_shape), dtype=dtype)))
    return seen
