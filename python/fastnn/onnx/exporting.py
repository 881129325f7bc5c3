"""``fastnn.onnx.export``: a model as an ONNX file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastnn import random
from fastnn.arrays import to_array
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.engine.recording import one_at_a_time
from fastnn.nn.contexts import modes
from fastnn.nn.module import Module
from fastnn.onnx.messages import OPSET, Graph, Node, write
from fastnn.onnx.operations import emit
from fastnn.onnx.tracing import Builder, Tracer

_BATCHES = (2, 3)  # rows of the two inputs that the model is recorded with: what differs then depends on the batch
# Operations that repeat a dimension of one element as they need.
_REPEAT = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "And", "Or", "Xor", "Equal"}
_REPEAT |= {"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "MatMul"}


def export(
    model: Any,
    example: Any,
    path: str | os.PathLike[str],
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_batch: bool = True,
    dynamic_axes: Mapping[str, Any] | None = None,
    opset_version: int = OPSET,
    export_params: bool = True,
    do_constant_folding: bool = True,
) -> None:
    """Writes a model as it evaluates as an ONNX file, opset 17, for onnxruntime and other programs.

    model: a Module, a :class:`fastnn.Network` or a Keras model; its forward is run twice on rows of the example, and it
    is as before afterwards. The file's tensors have the names of ``state_dict()``, of Keras' those of ``model.net``.

    example: what the model is called with, a tensor or array, or a tuple of several; its values do not matter, but that
    row numbers for an Embedding are such. The first dimension is the batch, of any size in the file, where
    dynamic_batch is True.

    input_names, output_names: default ``input`` and ``output``, or of several ``input_0``, ``input_1``, ...

    dynamic_axes, opset_version, export_params, do_constant_folding: PyTorch's, for scripts that have them. The first
    dimension is the only one that can vary, weights are always in the file, constants always folded.

    Raises:
        ValueError: an operation that ONNX lacks, a forward that looks at values, draws numbers or depends on the size
            of the batch; names that do not fit; another opset, another dynamic axis, a file without weights.
        TypeError: model or example is none.
        OSError: the file could not be written; an old one is unchanged.
    """
    _check_words(dynamic_axes or {}, opset_version, export_params)
    given, model = model, model if isinstance(model, Module) else getattr(model, "net", None)
    if not isinstance(model, Module):
        kind, hint = type(given).__name__, ": give its to_network()" if hasattr(given, "to_network") else ""
        raise TypeError(f"[onnx.export] expected a Module, a Network or a Keras model, got {kind}{hint}")
    state = [(name, tensor._data) for name, tensor in model._named_state(persistent=False)]
    real = next((array.dtype for _, array in state if array.dtype.kind == "f"), None)
    arrays = [_input(each, real) for each in (example if isinstance(example, tuple | list) else (example,))]
    names = _names("input", input_names, len(arrays))
    batches = _BATCHES if dynamic_batch else (0, 0)
    if dynamic_batch and any(array.ndim == 0 or not len(array) for array in arrays):
        raise ValueError("[onnx.export] the example has no rows; dynamic_batch=False takes it as it is")
    built, drawn = [], []
    with modes(model, training=False), no_grad(), _fixed(model):
        for rows in batches:
            given = {name: _rows(array, rows) for name, array in zip(names, arrays, strict=True)}
            built.append(_traced(model, given, rows, state, output_names))
            drawn.append(random.state.as_dict())
    if drawn[0] != drawn[1]:
        raise ValueError("[onnx.export] forward() draws random numbers, and a file has none: give them as an input")
    write(path, _Joined(*built).graph())


@contextmanager
def _fixed(model: Module) -> Iterator[None]:
    """Parameters without a gradient: elements that are picked of them by an input stay such."""
    learned = [each for each in model.parameters() if each.requires_grad]
    for each in learned:
        each.requires_grad = False
    try:
        yield
    finally:
        for each in learned:
            each.requires_grad = True


def _check_words(dynamic_axes: Mapping[str, Any], opset: int, parameters: bool) -> None:
    """Of PyTorch's words those that cannot be followed."""
    if opset != OPSET:
        raise ValueError(
            f"[onnx.export] files are written for opset {OPSET}, not {opset}: leave opset_version out "
            f"(onnxruntime reads opset {OPSET} since 1.12)"
        )
    if not parameters:
        raise ValueError("[onnx.export] the weights are always in the file: leave export_params out")
    for name, axes in dynamic_axes.items():
        if further := [axis for axis in axes if axis != 0]:
            raise ValueError(
                f"[onnx.export] dynamic_axes of {name!r}: only the first dimension can vary in the file, not {further}"
            )


def _input(value: Any, real: np.dtype | None) -> np.ndarray:
    """An array of a dtype that tensors have; real numbers, as NumPy makes them, in the model's."""
    array = to_array(value)
    if array.dtype.kind == "f" and real is not None:
        array = array.astype(real, copy=False)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"[onnx.export] the example must be a tensor or array of numbers, got {array.dtype}")
    return Tensor(array)._data


def _rows(array: np.ndarray, rows: int) -> np.ndarray:
    """So many rows of an array, in memory of their own; 0: as it is."""
    return np.array(array[np.arange(rows) % len(array)] if rows else array, order="C")


def _names(word: str, given: Sequence[str] | None, count: int) -> list[str]:
    names = [word] if count == 1 else [f"{word}_{i}" for i in range(count)]
    if given is None:
        return names
    if len(given) != count or len(set(given)) != count or not all(given) or isinstance(given, str):
        raise ValueError(f"[onnx.export] {word}_names must be {count} different names, got {given!r}")
    return list(given)


def _traced(
    model: Module, given: Mapping[str, np.ndarray], rows: int, state: list, output_names: Sequence[str] | None
) -> Builder:
    tracer = Tracer(array for _, array in state)
    with one_at_a_time, tracer:
        results = model(*map(Tensor, given.values()))
    listed = [results] if isinstance(results, Tensor) else results
    if not isinstance(listed, tuple | list) or not all(isinstance(each, Tensor) for each in listed):
        raise TypeError(
            f"[onnx.export] forward() must return a tensor or a tuple of tensors, got {type(results).__name__}"
        )
    names = _names("output", output_names, len(listed))
    if taken := {*given} & {*names} | {name for name, _ in state} & {*given, *names}:
        raise ValueError(
            f"[onnx.export] {sorted(taken)} are names of the model's state, or of an input and an output: give others"
        )
    build = Builder(rows, given, state, names)
    for changed, first in tracer.before.values():
        if not build.is_value(changed):
            build.put(changed, build.constant(first))
    for record in tracer.records:
        emit(build, record)
    build.finish({name: each._data for name, each in zip(names, listed, strict=True)})
    build.records = tracer.records  # type: ignore[attr-defined]  # their arrays' ids are the builder's keys
    return build


class _Joined:
    """The graph of two recordings of one model, which differ in the rows of their inputs alone."""

    def __init__(self, one: Builder, other: Builder) -> None:
        self.one, self.other = one, other
        self._nodes: list[Node] = []
        self._made: dict[str, str] = {}  # by the name that was wanted

    def graph(self) -> Graph:
        """What both have in common; sizes that follow from the batch are computed from it.

        Raises:
            ValueError: they differ in other ways.
        """
        graph, other = self.one.graph, self.other.graph
        if len(graph.nodes) != len(other.nodes):
            raise ValueError("[onnx.export] forward() runs other operations for other batches: dynamic_batch=False")
        for node, twin in zip(graph.nodes, other.nodes, strict=True):
            if (node.op, node.attributes, node.inputs) != (twin.op, twin.attributes, twin.inputs):
                raise ValueError(
                    f"[onnx.export] {node.op} {node.attributes} for {self.one.batch} rows is {twin.op} "
                    f"{twin.attributes} for {self.other.batch}: write forward() for any batch, or dynamic_batch=False"
                )
            node.inputs = [self._value(node, name) for name in node.inputs]
            self._nodes.append(node)
        graph.nodes = self._nodes
        for mine, theirs in ((graph.inputs, other.inputs), (graph.outputs, other.outputs)):
            for name, (dtype, shape) in mine.items():
                mine[name] = (dtype, self._shape(shape, theirs[name][1]))
        return graph

    def _shape(self, shape: tuple, other: tuple) -> tuple:
        if len(shape) != len(other):
            raise ValueError("[onnx.export] the outputs have other dimensions for other batches: dynamic_batch=False")
        sizes = zip(shape, other, strict=True)
        times = [(a, None if a == b else self._multiple(a, b)) for a, b in sizes]
        return tuple(a if k is None else "batch" if k == 1 else f"batch*{k}" for a, k in times)

    def _multiple(self, a: int, b: int) -> int:
        """How many times the batch a size is."""
        times, rest = divmod(a, self.one.batch)
        if rest or times * self.other.batch != b:
            raise ValueError(
                f"[onnx.export] a size is {a} for {self.one.batch} rows and {b} for {self.other.batch}: no multiple of "
                f"the batch; dynamic_batch=False writes the file for the example's alone"
            )
        return times

    def _value(self, node: Node, name: str) -> str:
        """The name of a node's input; an array that both have is written before it."""
        if name not in self.one.constants:
            return name
        a, b = self.one.constants[name], self.other.constants[name]
        if a.dtype != b.dtype or a.ndim != b.ndim:
            raise self._differing(node)
        if node.op in ("Reshape", "Expand") and name == node.inputs[1]:
            return self._sizes(node, name, a, b)
        if a.shape == b.shape:
            if a.tobytes() != b.tobytes():
                raise self._differing(node)
            return self._constant(name, a)
        # As many rows as the batch, all of them alike: one row, repeated.
        sizes = tuple(1 if x != y else x for x, y in zip(a.shape, b.shape, strict=True))
        first = tuple(slice(1) if x != y else slice(None) for x, y in zip(a.shape, b.shape, strict=True))
        if not ((a == a[first]).all() and (b == a[first]).all()):
            raise self._differing(node)
        row = self._constant(name, a[first].reshape(sizes))
        if node.op in _REPEAT:
            return row
        shape = self._sizes(Node("Expand", [], []), f"{name}_sizes", np.array(a.shape), np.array(b.shape))
        return self._node("Expand", [row, shape], f"{name}_rows")

    def _differing(self, node: Node) -> ValueError:
        return ValueError(
            f"[onnx.export] forward() makes numbers for {node.op} that differ from run to run: it draws them, looks at "
            f"values, or depends on the size of the batch (dynamic_batch=False writes the example's)"
        )

    def _sizes(self, node: Node, name: str, a: np.ndarray, b: np.ndarray) -> str:
        """The shape that Reshape or Expand makes: -1 where it follows, else put together from the input's rows."""
        times = [None if x == y else self._multiple(int(x), int(y)) for x, y in zip(a, b, strict=True)]
        moved = [axis for axis, k in enumerate(times) if k is not None]
        if not moved or (node.op == "Reshape" and len(moved) == 1):
            return self._constant(
                name, np.array([x if k is None else -1 for x, k in zip(a, times, strict=True)], np.int64)
            )
        parts = []
        for axis, (extent, k) in enumerate(zip(a, times, strict=True)):
            part = "" if k == 1 else self._constant(f"{name}_{axis}", np.array([extent if k is None else k], np.int64))
            rows = "" if k is None else self._rows()
            parts.append(self._node("Mul", [part, rows], f"{part}_rows") if part and rows else part or rows)
        return self._node("Concat", parts, name, axis=0)

    def _rows(self) -> str:
        shape = self._node("Shape", [next(iter(self.one.graph.inputs))], "batch_shape")
        return self._node(
            "Gather", [shape, self._constant("batch_first", np.array([0], np.int64))], "batch_rows", axis=0
        )

    def _node(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        if name not in self._made:
            graph, free = self.one.graph, name
            while free in graph.inputs or free in graph.outputs or free in graph.tensors:
                free += "_"
            self._made[name] = free
            self._nodes.append(Node(op, inputs, [free], attributes))
        return self._made[name]

    def _constant(self, name: str, array: np.ndarray) -> str:
        return self._node("Constant", [], name, value=array)
