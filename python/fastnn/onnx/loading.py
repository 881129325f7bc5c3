"""``fastnn.onnx.load``: the network of an ONNX file as a Module."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace as Settings
from typing import Any

import numpy as np

from fastnn import _core
from fastnn.eager.dtypes import has
from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError
from fastnn.io.checks import shown_bytes, shown_name, shown_path
from fastnn.io.memory import fits_memory
from fastnn.nn.dropout import Dropout
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.onnx import windows  # noqa: F401  (its operators)
from fastnn.onnx.messages import Graph, Node, read
from fastnn.onnx.operators import OPERATORS, Operator

# Inputs of operators that say how to compute, or are not learned by gradients.
_RUNNING = {("BatchNormalization", 3), ("BatchNormalization", 4)}
_FIXED = {("Clip", 1), ("Clip", 2), ("Pad", 2), ("Resize", 1), ("Resize", 2), ("Pow", 1), ("Range", 0), ("Dropout", 1)}
# Of attributes without a default; others are lists of integers.
_KINDS = {"axis": int, "end": int, "num_outputs": int, "value_int": int, "min": float, "max": float}
_KINDS |= {"value_float": float, "value": np.ndarray}
# How weights lie in memory: by axes, outermost first.
_LYING = {("Conv", 1, 4): (2, 3, 1, 0), ("Conv", 1, 3): (2, 1, 0), ("ConvTranspose", 1, 4): (2, 3, 1, 0)}


def load(path: str | os.PathLike[str]) -> Loaded:
    """The network of an ONNX file, which computes what the file says and can be trained further.

    Its parameters have the file's names, also as modules: ``model.layer1.weight`` of ``layer1.weight``. All tensors of
    real numbers are parameters (but those of a single number, and what batch norm keeps: buffers). It starts in
    evaluation mode; ``train()`` turns Dropout and the batch's mean and variance on, as in PyTorch.

    Opsets 7 to 28, the operators of :data:`fastnn.onnx.operators.OPERATORS`. Nothing in a file is executed; what is
    read is no larger than the file, and a tensor that no memory holds is refused before it is made.

    Raises:
        FormatError: a damaged file, or operators, attributes or parts that are not known: they are named.
        OSError: it cannot be read.
    """
    return Loaded(read(path), shown_path(path)).eval()  # type: ignore[return-value]


@dataclass
class _Step:
    """A node that is ready to run: data alone, which files of whole modules can hold."""

    node: Node
    settings: Settings
    free: list[str] = field(default_factory=list)  # what nothing takes any more; own: of that, what nodes made
    own: set[str] = field(default_factory=set)


class Loaded(Module):
    """The network of a graph. Parameters and buffers are those of the modules that their names' dots name.

    Raises:
        FormatError: see :func:`load`. where: the file.
    """

    unrecorded = Module.unrecorded | {"_steps", "_homes", "_constants"}

    def __init__(self, graph: Graph, where: str) -> None:
        super().__init__()
        self.where = where
        self.inputs = {name: shape for name, (_, shape) in graph.inputs.items() if name not in graph.tensors}
        self.outputs = list(graph.outputs)
        self._steps = list(_checked(graph, where))
        self._homes: dict[str, tuple[Module, str, str]] = {}
        self._constants: dict[str, np.ndarray] = {}
        uses: dict[str, set[tuple[str, int]]] = {}
        for node in graph.nodes:
            for place, name in enumerate(node.inputs):
                uses.setdefault(name, set()).add((node.op, place))
        for name, array in graph.tensors.items():
            self._keep(name, array, uses.get(name, set()))
        for number, step in enumerate(self._steps):
            if step.node.op == "Dropout":
                step.settings.layer = self._dropout(number, step)

    def _keep(self, name: str, array: np.ndarray, uses: set[tuple[str, int]]) -> None:
        array = array.astype(array.dtype.newbyteorder("="))  # a copy: the file's memory is let go of
        if array.dtype.kind != "f" or not array.ndim or uses & _FIXED:
            self._constants[name] = array
            return
        *path, leaf = name.split(".") if all(name.split(".")) else [name]
        home: Module = self
        for part in path:
            child = home._modules.get(part)
            if child is None:
                child = home._modules[part] = Module()
                if not hasattr(home, part):
                    home.__dict__[part] = child
            home = child
        kind = "_buffers" if uses & _RUNNING else "_parameters"
        order = next((_LYING[use] for use in ((*each, array.ndim) for each in uses) if use in _LYING), None)
        if order is None and ("Gemm", 1) in uses and array.ndim == 2:
            order = (1, 0)
        if order is not None:
            array = _core.copy(array.transpose(order)).transpose(np.argsort(order))
        value = Tensor(array) if kind == "_buffers" else Parameter(array)
        getattr(home, kind)[leaf] = value
        if not hasattr(home, leaf):
            home.__dict__[leaf] = value
        self._homes[name] = (home, kind, leaf)

    def _dropout(self, number: int, step: _Step) -> Dropout:
        ratio = step.settings.ratio
        if len(step.node.inputs) > 1 and step.node.inputs[1]:
            given = self._constants.get(step.node.inputs[1])
            if given is None or given.size != 1:
                raise FormatError(f"{self.where}: {_shown(step.node)} has a ratio that is no constant")
            ratio = given.item()
        if not 0 <= ratio < 1:
            raise FormatError(f"{self.where}: {_shown(step.node)} has the ratio {ratio}")
        name = f"dropout_{number}"
        while name in self._modules:
            name += "_"
        layer = self._modules[name] = Dropout(ratio)
        return layer

    def forward(self, *inputs: Any) -> Any:
        """What the graph gives: a tensor, or a tuple of them.

        Raises:
            ValueError: other inputs than the file's, or sizes that do not fit.
        """
        values: dict[str, Any] = {name: getattr(home, kind)[leaf] for name, (home, kind, leaf) in self._homes.items()}
        values |= self._constants
        values |= self._given(inputs)
        held = 0  # bytes of what nodes made
        for step in self._steps:
            outputs = self._run(step, values)
            held += sum(map(_size, outputs))
            if not fits_memory(held):
                raise FormatError(f"{self.where}: what its nodes make takes {shown_bytes(held)}: no memory for it")
            values |= zip(step.node.outputs, outputs, strict=True)
            for name in step.free:
                value = values.pop(name)
                held -= _size(value) if name in step.own else 0
        results = tuple(
            Tensor(each) if isinstance(each, np.ndarray) else each for each in map(values.get, self.outputs)
        )
        return results[0] if len(results) == 1 else results

    def _run(self, step: _Step, values: Mapping[str, Any]) -> tuple[Any, ...]:
        node, step.settings.training = step.node, self.training
        given = [values[name] if name else None for name in node.inputs]
        try:
            with np.errstate(all="ignore"):
                results = OPERATORS[node.op].run(step.settings, *given)
        except (ValueError, TypeError, IndexError, RuntimeError) as error:
            error.add_note(f"in {_shown(node)} of {self.where}")
            raise
        except (ArithmeticError, AttributeError, LookupError) as error:  # of numbers that make no sense
            raise FormatError(f"{self.where}: {_shown(node)} cannot be computed: {error}") from error
        outputs = results if isinstance(results, tuple) else (results,)
        if len(outputs) != len(node.outputs):
            raise FormatError(f"{self.where}: {_shown(node)} makes {len(outputs)} values, not {len(node.outputs)}")
        return outputs

    def _given(self, inputs: tuple[Any, ...]) -> dict[str, Tensor]:
        if len(inputs) != len(self.inputs):
            raise ValueError(
                f"{self.where} takes {len(self.inputs)} inputs ({', '.join(self.inputs)}), got {len(inputs)}"
            )
        given = {name: x if isinstance(x, Tensor) else Tensor(x) for name, x in zip(self.inputs, inputs, strict=True)}
        for name, shape in self.inputs.items():
            sizes = tuple(given[name].shape)
            fits = len(sizes) == len(shape) and all(
                a == b or isinstance(b, str) for a, b in zip(sizes, shape, strict=True)
            )
            if shape and not fits:
                wanted = ", ".join(map(str, shape))
                raise ValueError(f"the input {shown_name(name)} of {self.where} has shape ({wanted}), got {sizes}")
        return given

    def extra_repr(self) -> str:
        return f"{self.where}, {len(self._steps)} operations"


def _size(value: Any) -> int:
    return (value._to_read() if isinstance(value, Tensor) else value).nbytes


def _shown(node: Node) -> str:
    return f"{shown_name(node.op)} (which makes {', '.join(map(shown_name, node.outputs[:3]))})"


def _checked(graph: Graph, where: str) -> Iterator[_Step]:
    """The nodes of a graph as steps, each behind those it takes from.

    Raises:
        FormatError: operators or attributes that are not known, values that nothing gives or several do.
    """
    known = set(graph.tensors) | set(graph.inputs)
    unknown = sorted({shown_name(node.op) for node in graph.nodes if node.op not in OPERATORS})
    if unknown:
        raise FormatError(f"{where} has operators that fastnn has not: {', '.join(unknown[:20])}")
    if not graph.outputs:
        raise FormatError(f"{where} has no outputs")
    for name, (dtype, _) in graph.inputs.items():
        if not has(dtype):
            raise FormatError(f"{where}: the input {shown_name(name)} is of {dtype}, of which fastnn has no tensors")
    steps = []
    for node in graph.nodes:
        operator = OPERATORS[node.op]
        _check_node(node, operator, known, where)
        known.update(name for name in node.outputs if name)
        settings = Settings(**{**operator.settings, **node.attributes})
        settings.op, settings.opset, settings.count = node.op, graph.opset, len(node.outputs)
        steps.append(_Step(node, settings))
    if lacking := [name for name in graph.outputs if name not in known]:
        raise FormatError(f"{where} has the output {shown_name(lacking[0])}, which no node makes")
    needed, made = set(graph.outputs), {name for node in graph.nodes for name in node.outputs}
    for step in reversed(steps):
        names = {*step.node.inputs, *step.node.outputs}
        step.free = sorted(names - needed - {""})
        step.own = made.intersection(step.free)
        needed |= names
    yield from steps


def _check_node(node: Node, operator: Operator, known: set[str], where: str) -> None:
    what = f"{where}: {_shown(node)}"
    if not operator.least <= len(node.inputs) <= operator.most or "" in node.inputs[: operator.least]:
        raise FormatError(f"{what} has {len(node.inputs)} inputs; it takes {operator.least} to {operator.most}")
    if not 1 <= len([name for name in node.outputs if name]) <= operator.outputs or not node.outputs[0]:
        raise FormatError(f"{what} has {len(node.outputs)} outputs; fastnn has {operator.outputs} of them")
    for name in node.inputs:
        if name and name not in known:
            raise FormatError(f"{what} takes {shown_name(name)}, which nothing before it makes: a cycle, or a gap")
    if twice := [name for name in node.outputs if name and name in known]:
        raise FormatError(f"{what} makes {shown_name(twice[0])} once more")
    for name, value in node.attributes.items():
        if name not in operator.settings:
            raise FormatError(f"{what} has the attribute {shown_name(name)}, which is not known")
        kind = _KINDS.get(name, list) if operator.settings[name] is None else type(operator.settings[name])
        number = float if name == "value_floats" else int
        if type(value) is not kind or (kind is list and not all(type(each) is number for each in value)):
            raise FormatError(f"{what}: the attribute {name} is {shown_name(value)}; expected {kind.__name__}")
