"""A compiled training step as a table: a line a layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np

from fastnn.engine.executor import FACTS
from fastnn.engine.program import MISSING, Op, Program, View
from fastnn.io.checks import shown_bytes
from fastnn.reporting.table import table

_ROLES = {
    "input": "the batch",
    "target": "the batch",
    "parameter": "parameters",
    "state": "states of optimizer and layers",
    "value": "activations and gradients",
    "gradients": "activations and gradients",
    "constant": "constants",
}


@dataclass
class Layer:
    """What a step does for one layer.

    ops: forward. output: the shape of what the last of them gives, output_bytes its size. multiply_adds: of all
    products of the step with its weight: forward, gradient of the input, gradient of the weight.
    """

    name: str
    ops: list[str] = field(default_factory=list)
    output: tuple[int, ...] = ()
    output_bytes: int = 0
    multiply_adds: int = 0
    parameter_bytes: int = 0

    def row(self) -> tuple[str, ...]:
        """The cells of its line."""
        numbers = (self.multiply_adds, self.parameter_bytes, self.output_bytes)
        return (self.name, ", ".join(self.ops), str(self.output), *[f"{number:,}" for number in numbers])


def layers_of(program: Program, names: Mapping[int, str]) -> list[Layer]:
    """The batch, the layers of a training step in the order of their use, the loss.

    names: of the parameters, by the number of their buffer. An op without parameters stands with the layer that it
    follows, or where it changes the shape, in a line without a name.
    """
    views = program.memory.views
    found = [Layer("batch", [], *_size(views[program.input]))]
    products = _products(program)
    for op in _forward(program):
        own = [view for view in _inputs(program, op) if view.buffer in names]
        shape, nbytes = _size(views[op.outputs[0]])
        if own or shape != found[-1].output:
            name = names[own[0].buffer].rpartition(".")[0] if own else ""
            found.append(Layer("loss" if program.loss in op.outputs else name))
        layer = found[-1]
        layer.output, layer.output_bytes = shape, nbytes
        layer.ops += [op.name, *(name for name in FACTS[op.name]["epilogues"] if op.attributes.get(name))]
        layer.parameter_bytes += sum(_size(view)[1] for view in own)
        for weight in (view for view in own if _multiplies(op, view)):
            layer.multiply_adds += round(products[weight.buffer] * prod(shape) * prod(weight.shape[1:]))
    return found


def _forward(program: Program) -> Iterator[Op]:
    """The ops that make numbers, to the loss."""
    for op in program.ops[: _behind(program)]:
        if op.name in FACTS and op.name != "assign" and program.memory.views[op.outputs[0]].dtype.startswith("float"):
            yield op


def _products(program: Program) -> dict[int, float]:
    """How many products of a step are for one use of a weight forward, by the number of its buffer: that one, and where
    they are wanted the gradients of the input and of the weight. Each takes as many multiply-adds.
    """
    views = program.memory.views
    forward = list(_forward(program))
    uses = Counter(view.buffer for op in forward for view in _inputs(program, op) if _multiplies(op, view))
    backward = program.ops[_behind(program) :]
    changed = {views[each].buffer for op in backward for each in op.outputs}
    reads = Counter(
        view.buffer for op in backward for view in _inputs(program, op) if op.name in FACTS and view.buffer in uses
    )
    return {buffer: 1 + reads[buffer] / count + (buffer in changed) for buffer, count in uses.items()}


def _behind(program: Program) -> int:
    """Where the ops begin that follow the loss."""
    return 1 + next(number for number, op in enumerate(program.ops) if program.loss in op.outputs)


def _multiplies(op: Op, view: View) -> bool:
    """Whether it is a linear map's weight."""
    return bool(op.name in FACTS and FACTS[op.name]["epilogues"]) and len(view.shape) > 1


def _inputs(program: Program, op: Op) -> list[View]:
    return [program.memory.views[each] for each in op.inputs if each != MISSING]


def _size(view: View) -> tuple[tuple[int, ...], int]:
    """Shape and bytes."""
    return view.shape, prod(view.shape) * np.dtype(view.dtype).itemsize


def step_lines(program: Program, names: Mapping[int, str]) -> list[str]:
    """A training step as a table of its layers, and the memory that its plan has. names: see :func:`layers_of`."""
    layers = layers_of(program, names)
    sums = [
        sum(getattr(each, name) for each in layers) for name in ("multiply_adds", "parameter_bytes", "output_bytes")
    ]
    header = ("Layer", "Forward", "Output", "Multiply-adds", "Parameter bytes", "Output bytes")
    total = ("Total", "", "", *[f"{number:,}" for number in sums])
    return [
        *table(header, [layer.row() for layer in layers], total, left=3),
        "multiply-adds: of forward, the gradients of inputs and those of weights",
        f"behind the loss: {len(program.ops) - _behind(program)} ops, backward and updates",
        f"memory: {_memory(program)}",
    ]


def _memory(program: Program) -> str:
    nbytes: Counter[str] = Counter()
    for buffer in program.memory.buffers:
        nbytes[_ROLES[buffer.role]] += buffer.nbytes if buffer.shares is None else 0
    parts = [f"{what} {shown_bytes(count)}" for what, count in nbytes.most_common() if count]
    return f"{shown_bytes(nbytes.total())}: {', '.join(parts)}"
