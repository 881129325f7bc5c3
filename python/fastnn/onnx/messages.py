"""ONNX's messages: a graph of nodes, its tensors and attributes, to bytes and back.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto says which field has which number.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn._core import __version__
from fastnn.errors import FormatError
from fastnn.io.atomic import read_regular, write_atomic
from fastnn.io.checks import MAX_TENSORS, check_bool, element_count, shown_name, shown_path
from fastnn.io.protobuf import Reader, head, integer, single, submessage, text

OPSET = 17
_IR_VERSION = 8  # the file format of that opset
OPSETS = range(7, 29)  # that are read: before 7 elements were repeated otherwise
MOST_NODES = 100_000

_KINDS = {1: "f4", 2: "u1", 3: "i1", 4: "u2", 5: "i2", 6: "i4", 7: "i8", 9: "?", 11: "f8", 12: "u4", 13: "u8"}
_NUMBERS = {np.dtype(name): number for number, name in _KINDS.items()}
_NAMES = {8: "string", 10: "float16", 14: "complex64", 15: "complex128", 16: "bfloat16"}
FLOAT, INT, STRING, TENSOR, FLOATS, INTS = 1, 2, 3, 4, 6, 7  # AttributeProto.AttributeType
_DEPENDENT = {0: "an attribute without a kind", 5: "a graph", 10: "graphs", 11: "a sparse tensor"}

Size = int | str  # of a dimension; a name: not known before there is an input


@dataclass
class Node:
    """One operation: the names of what it takes ("" for what is left out) and of what it gives."""

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Graph:
    """A network. tensors: its initialisers by name; inputs and outputs: dtype and shape by name."""

    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    inputs: dict[str, tuple[np.dtype, tuple[Size, ...]]] = field(default_factory=dict)
    outputs: dict[str, tuple[np.dtype, tuple[Size, ...]]] = field(default_factory=dict)
    name: str = "fastnn"
    opset: int = OPSET


def number_of(dtype: np.dtype) -> int:
    """TensorProto.DataType."""
    return _NUMBERS[np.dtype(dtype)]


def dtype_of(number: int, where: str) -> np.dtype:
    """The NumPy dtype of a TensorProto.DataType.

    Raises:
        FormatError: there is none.
    """
    if number not in _KINDS:
        raise FormatError(f"{where} has elements of the type {_NAMES.get(number, number)}, which fastnn has not")
    return np.dtype(_KINDS[number]).newbyteorder("<")


# -- writing ---------------------------------------------------------------------------------------------------------


def write(path: str | os.PathLike[str], graph: Graph) -> None:
    """Writes a model of one graph, atomically.

    Raises:
        ValueError: it is larger than protobuf allows, 2 GiB.
        OSError: the file could not be written; an old one is unchanged.
    """
    pieces: list[Any] = [submessage(1, _node(node)) for node in graph.nodes]
    pieces.append(text(2, graph.name))
    for name, array in graph.tensors.items():
        pieces += _pieces(5, name, array)
    pieces += [submessage(11, _value(*item)) for item in graph.inputs.items()]
    pieces += [submessage(12, _value(*item)) for item in graph.outputs.items()]
    size = sum(memoryview(piece).nbytes for piece in pieces)
    if size >= 2**31 - 4096:
        raise ValueError(f"the model takes {size:,} bytes; an ONNX file holds less than 2 GiB")
    front = integer(1, _IR_VERSION) + text(2, "fastnn") + text(3, __version__)
    opset = submessage(8, text(1, "") + integer(2, graph.opset))
    write_atomic(path, [front, opset, head(7, size), *pieces])


def _node(node: Node) -> bytes:
    names = b"".join(text(1, name) for name in node.inputs) + b"".join(text(2, name) for name in node.outputs)
    attributes = b"".join(submessage(5, _attribute(*item)) for item in node.attributes.items())
    return names + text(3, f"/{node.outputs[0]}") + text(4, node.op) + attributes


def _attribute(name: str, value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        kind, body = TENSOR, b"".join(map(bytes, _pieces(5, "", value)))
    elif isinstance(value, str):
        kind, body = STRING, text(4, value)
    elif isinstance(value, float):
        kind, body = FLOAT, single(2, value)
    elif isinstance(value, int):
        kind, body = INT, integer(3, value)
    else:
        kind, body = INTS, b"".join(integer(8, each) for each in value)
    return text(1, name) + body + integer(20, kind)


def _pieces(number: int, name: str, array: np.ndarray) -> list[Any]:
    """A TensorProto as a field, in pieces, of which the last is the array's own memory where it lies in C order."""
    dense = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1)
    front = b"".join(integer(1, extent) for extent in array.shape) + integer(2, number_of(array.dtype))
    front += (text(8, name) if name else b"") + head(9, dense.nbytes)
    return [head(number, len(front) + dense.nbytes), front, memoryview(dense.view(np.uint8))]


def _value(name: str, kind: tuple[np.dtype, tuple[Size, ...]]) -> bytes:
    sizes = (text(2, size) if isinstance(size, str) else integer(1, size) for size in kind[1])
    shape = b"".join(submessage(1, size) for size in sizes)
    tensor = integer(1, number_of(kind[0])) + submessage(2, shape)
    return text(1, name) + submessage(2, submessage(1, tensor))


# -- reading ---------------------------------------------------------------------------------------------------------


def read(path: str | os.PathLike[str]) -> Graph:
    """The graph of a model.

    Raises:
        FormatError: a damaged file, or parts that are not known here: they are named.
        OSError: it cannot be read.
    """
    return parse(read_regular(path), shown_path(path))


def parse(data: memoryview, where: str) -> Graph:
    """:func:`read` of bytes. where: the path."""
    return _Model(where).model(data)


def parse_tensor(data: bytes, where: str) -> np.ndarray:
    """A file of one tensor, as ONNX's own tests have them."""
    return _Model(where).tensor(memoryview(data))[1]


class _Model(Reader):
    """Reads each of the messages that a model is made of. What no network needs is passed over."""

    def model(self, data: memoryview) -> Graph:
        graphs, opsets = [], {}
        for number, value in self.fields(data):
            if number == 7:
                graphs.append(self.bytes(value))
            elif number == 8:
                opsets.update([self._opset(self.bytes(value))])
            elif number in (20, 25):
                raise FormatError(f"{self.where} has {'training steps' if number == 20 else 'functions'} of its own")
        if len(graphs) != 1 or not opsets:
            raise self.damaged(f"{len(graphs)} graphs and {len(opsets)} sets of operations; it has one of each")
        opset = opsets.get("", opsets.get("ai.onnx"))
        if opset not in OPSETS:
            found = ", ".join(f"{name or 'ai.onnx'} {version}" for name, version in opsets.items())
            raise FormatError(
                f"{self.where} has operations of {found[:200]}; read are ai.onnx {OPSETS[0]} to {OPSETS[-1]}: "
                f"export it again with opset_version={OPSET}"
            )
        return self._graph(graphs[0], opset)

    def _opset(self, data: memoryview) -> tuple[str, int]:
        domain, version = "", 1
        for number, value in self.fields(data):
            domain = self.text(value) if number == 1 else domain
            version = self.number(value) if number == 2 else version
        return domain, version

    def _graph(self, data: memoryview, opset: int) -> Graph:
        graph = Graph(opset=opset)
        for number, value in self.fields(data):
            if number == 1:
                graph.nodes.append(self._node(self.bytes(value)))
            elif number == 2:
                graph.name = self.text(value)
            elif number == 5:
                self._put(graph.tensors, *self.tensor(self.bytes(value)))
            elif number in (11, 12):
                self._put(graph.inputs if number == 11 else graph.outputs, *self._value(self.bytes(value)))
            elif number == 15:
                raise FormatError(f"{self.where} has sparse tensors, which fastnn has not")
            if len(graph.nodes) > MOST_NODES or len(graph.tensors) > MAX_TENSORS:
                raise FormatError(f"{self.where} has more than {MOST_NODES:,} nodes or {MAX_TENSORS:,} tensors")
        return graph

    def _put(self, found: dict[str, Any], name: str, value: Any) -> None:
        if not name or name in found:
            raise self.damaged(f"{shown_name(name)} twice, or something without a name")
        found[name] = value

    def _node(self, data: memoryview) -> Node:
        node, domain = Node("", [], []), ""
        for number, value in self.fields(data):
            if number in (1, 2):
                (node.inputs if number == 1 else node.outputs).append(self.text(value))
            elif number == 4:
                node.op = self.text(value)
            elif number == 5:
                self._put(node.attributes, *self._attribute(self.bytes(value), node))
            elif number == 7:
                domain = self.text(value)
        if domain not in ("", "ai.onnx"):
            raise FormatError(f"{self.where} has the operation {shown_name(node.op)} of {shown_name(domain)}: unknown")
        return node

    def _attribute(self, data: memoryview, node: Node) -> tuple[str, Any]:
        name, kind, single, floats, ints = "", 0, {}, [], []
        for number, value in self.fields(data):
            if number == 1:
                name = self.text(value)
            elif number == 20:
                kind = self.number(value)
            elif number == 7:
                floats.append(self.floats(value, np.dtype("<f4")))
            elif number == 8:
                ints.append(self.numbers(value))
                self.spend(len(ints[-1]))
            else:
                single[number] = value
        what = f"{shown_name(name)} of {shown_name(node.op)}"
        readers: dict[int, tuple[int, Callable[[Any], Any]]] = {
            # The number that was meant, 1e-5: not what float32 makes of it, 9.99999974e-6.
            FLOAT: (2, lambda value: float(str(np.frombuffer(self.bytes(value, 4), "<f4")[0]))),
            INT: (3, self.number),
            STRING: (4, self.text),
            TENSOR: (5, lambda value: self.tensor(self.bytes(value))[1].copy()),
        }
        if kind in (FLOATS, INTS):
            joined = np.concatenate(floats or ints) if floats or ints else np.zeros(0)
            self.spend(len(joined))
            return name, joined.tolist()
        if kind not in readers:
            raise FormatError(
                f"{self.where}: the attribute {what} is {_DEPENDENT.get(kind, f'of kind {kind}')}: unknown"
            )
        place, read = readers[kind]
        if place not in single:
            zero: dict[int, Any] = {FLOAT: 0.0, INT: 0, STRING: ""}
            if kind not in zero:
                raise self.damaged(f"the attribute {what} has no value")
            return name, zero[kind]
        return name, read(single[place])

    def tensor(self, data: memoryview) -> tuple[str, np.ndarray]:
        """(name, array): read-only, in the memory of the file where it can be."""
        name, kind, dims, raw = "", 0, [], None
        typed: list[tuple[int, Any]] = []
        for number, value in self.fields(data):
            if number == 1:
                more = self.numbers(value)
                self.spend(len(more))
                dims += more.tolist()
            elif number == 2:
                kind = self.number(value)
            elif number == 8:
                name = self.text(value)
            elif number == 9:
                raw = self.bytes(value)
            elif number == 13 or (number == 14 and value == 1):
                raise FormatError(f"{self.where}: {shown_name(name)} lies in another file; save the model in one file")
            elif number in (4, 5, 7, 10, 11):
                typed.append((number, value))
        where = f"{self.where}: the tensor {shown_name(name)}"
        dtype, count = dtype_of(kind, where), element_count(dims, where)
        found = np.frombuffer(raw, "u1") if raw is not None else self._typed(typed, dtype, where)
        if raw is not None:
            if found.nbytes != count * dtype.itemsize:
                raise FormatError(f"{where} has shape {dims} of {dtype} and {found.nbytes:,} bytes")
            found = found.view(dtype)
        if found.size != count:
            raise FormatError(f"{where} has shape {dims} and {found.size:,} elements")
        check_bool(found, where)
        return name, found.reshape(dims)

    def _typed(self, values: list[tuple[int, Any]], dtype: np.dtype, where: str) -> np.ndarray:
        """The elements in fields of their type: floats (4, 10) as such, all others as integers."""
        expected = {"f4": 4, "f8": 10, "i8": 7, "u4": 11, "u8": 11}.get(dtype.str[1:], 5)
        if any(number != expected for number, _ in values):
            raise FormatError(f"{where} has elements of another type than {dtype}")
        parts = []
        for _, value in values:
            parts.append(self.floats(value, dtype) if dtype.kind == "f" else self.numbers(value))
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0, dtype)
        return joined.astype(dtype, copy=False)

    def _value(self, data: memoryview) -> tuple[str, tuple[np.dtype, tuple[Size, ...]]]:
        """A ValueInfoProto."""
        name, kind, shape = "", 1, []
        for number, value in self.fields(data):
            if number == 1:
                name = self.text(value)
            elif number == 2:
                for part, inner in self.fields(self.bytes(value)):
                    if part != 1:
                        raise FormatError(f"{self.where}: {shown_name(name)} is no tensor")
                    kind, shape = self._tensor_type(self.bytes(inner))
        return name, (dtype_of(kind, f"{self.where}: {shown_name(name)}"), tuple(shape))

    def _tensor_type(self, data: memoryview) -> tuple[int, list[Size]]:
        kind, shape = 0, []
        for number, value in self.fields(data):
            if number == 1:
                kind = self.number(value)
            elif number == 2:
                shape = [self._dimension(self.bytes(dim)) for part, dim in self.fields(self.bytes(value)) if part == 1]
        return kind, shape

    def _dimension(self, data: memoryview) -> Size:
        size: Size = "?"
        for number, value in self.fields(data):
            size = self.number(value) if number == 1 else self.text(value) if number == 2 else size
        return size
