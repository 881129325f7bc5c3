"""Files that are damaged, foreign or hostile: one error that names the file, and memory as the file is long."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import FormatError, nn, onnx
from fastnn.io import memory, protobuf
from fastnn.io.protobuf import head, integer, submessage, text, varint
from fastnn.onnx import messages
from fastnn.onnx.loading import Loaded
from fastnn.onnx.messages import Graph, Node, parse, read, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx_models import exported, numbers

F4 = np.dtype("f4")
SLACK = 2**21  # bytes that any file may take: the objects of a small one


def small() -> nn.Module:
    fastnn.manual_seed(0)
    flat = (nn.Flatten(), nn.Linear(32, 5), nn.Softmax(1))
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Upsample((4, 2)), *flat
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return exported(small(), (numbers(2, 2, 4, 4),), tmp_path_factory.mktemp("onnx")).read_bytes()


def loaded(data: bytes) -> Loaded:
    return Loaded(parse(memoryview(data), "a.onnx"), "a.onnx").eval()  # type: ignore[return-value]


def attempt(data: bytes, x: np.ndarray) -> bool:
    """Whether a file can be read; if so it is run too. Nothing but what is documented is raised, and no more allocated
    than a few times the file.
    """
    tracemalloc.start()
    try:
        model = loaded(data)
        assert tracemalloc.get_traced_memory()[1] < 40 * len(data) + SLACK
        try:
            with fastnn.no_grad():
                model(x)
        except (ValueError, TypeError, IndexError, RuntimeError):
            pass
        assert tracemalloc.get_traced_memory()[1] < 2 * memory.ALWAYS_FINE, "what always fits, and once more"
    except FormatError as error:
        assert str(error).startswith("a.onnx")
        return False
    finally:
        tracemalloc.stop()
    return True


def test_every_truncation_is_refused(file: bytes) -> None:
    assert attempt(file, numbers(2, 2, 4, 4))
    for size in range(len(file)):
        with pytest.raises(FormatError, match=r"^a\.onnx"):
            loaded(file[:size])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_changed_bytes_do_no_harm(file: bytes, data: st.DataObject) -> None:
    changed = bytearray(file)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(changed) - 1))
        kind = data.draw(st.sampled_from(["set", "insert", "cut", "repeat"]))
        if kind == "set":
            changed[place] = data.draw(st.integers(0, 255))
        elif kind == "insert":
            changed[place:place] = data.draw(st.binary(min_size=1, max_size=12))
        else:
            part = changed[place : place + data.draw(st.integers(1, 40))]
            changed[place : place + len(part)] = b"" if kind == "cut" else part * 2
    attempt(bytes(changed), numbers(2, 2, 4, 4))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_do_no_harm(data: bytes) -> None:
    attempt(data, numbers(1))


def model(*graph: bytes, opset: int = 17, more: bytes = b"") -> bytes:
    return integer(1, 8) + submessage(8, integer(2, opset)) + more + submessage(7, b"".join(graph))


def node(op: str, inputs: str, outputs: str, *attributes: bytes, domain: str = "") -> bytes:
    names = b"".join(text(1, name) for name in inputs.split()) + b"".join(text(2, name) for name in outputs.split())
    return submessage(1, names + text(4, op) + b"".join(submessage(5, each) for each in attributes) + text(7, domain))


def value(field: int, name: str, kind: int = 1) -> bytes:
    return submessage(field, text(1, name) + submessage(2, submessage(1, integer(1, kind))))


X, Y = value(11, "x"), value(12, "y")
RAW = submessage(9, bytes(4))
OK = model(node("Relu", "x", "y"), X, Y)


def tensor(*parts: bytes, name: str = "w") -> bytes:
    return submessage(5, b"".join(parts) + text(8, name))


REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "0 graphs"),
    "text": (b"not a model\n" * 4, "damaged or no ONNX file"),
    "a zip file": (b"PK\x03\x04" + bytes(60), "damaged or no ONNX file"),
    "an endless integer": (b"\x08" + b"\xff" * 11, "an integer without an end"),
    "an overlong integer": (b"\x08" + b"\x80" * 10 + b"\x01", "an integer without an end"),
    "a length that lies": (varint(7 << 3 | 2) + varint(2**40) + b"abc", "says 1,099,511,627,776 bytes, 3 are left"),
    "a length over 64 bits": (varint(7 << 3 | 2) + varint(2**64 - 1), "bytes, 0 are left"),
    "a group": (b"\x3b\x3c", "kind 3"),
    "field 0": (b"\x02\x00", "field of number 0"),
    "a number for a graph": (integer(7, 3) + submessage(8, integer(2, 17)), "a number where bytes should be"),
    "two graphs": (OK + submessage(7, b""), "2 graphs"),
    "no opset": (submessage(7, node("Relu", "x", "y") + X + Y), "0 sets of operations"),
    "an old opset": (model(node("Relu", "x", "y"), X, Y, opset=6), "read are ai.onnx 7 to 28"),
    "a new opset": (model(node("Relu", "x", "y"), X, Y, opset=2**40), "read are ai.onnx 7 to 28"),
    "functions": (model(more=submessage(25, b"")), "functions of its own"),
    "training steps": (model(more=submessage(20, b"")), "training steps of its own"),
    "an unknown operator": (model(node("Lstm", "x", "y"), X, Y), "operators that fastnn has not: 'Lstm'"),
    "another domain": (model(node("Relu", "x", "y", domain="com.acme"), X, Y), "of 'com.acme': unknown"),
    "an unknown attribute": (
        model(node("Relu", "x", "y", text(1, "depth") + integer(20, 2)), X, Y),
        "'depth', which is not known",
    ),
    "an attribute of another kind": (
        model(node("Elu", "x", "y", text(1, "alpha") + integer(20, 2)), X, Y),
        "expected float",
    ),
    "a graph as an attribute": (
        model(node("Elu", "x", "y", text(1, "alpha") + integer(20, 5)), X, Y),
        "is a graph: unknown",
    ),
    "an attribute that refers": (
        model(node("Elu", "x", "y", text(1, "alpha") + text(21, "a")), X, Y),
        "without a kind",
    ),
    "too few inputs": (model(node("Add", "x", "y"), X, Y), "has 1 inputs; it takes 2 to 2"),
    "too many outputs": (model(node("Relu", "x", "y z"), X, Y), "has 2 outputs"),
    "no outputs": (model(node("Relu", "x", "y"), X), "no outputs"),
    "an output of nothing": (model(node("Relu", "x", "z"), X, Y), "the output 'y', which no node makes"),
    "a cycle": (
        model(node("Add", "x b", "a"), node("Add", "x a", "b"), node("Relu", "a", "y"), X, Y),
        "a cycle, or a gap",
    ),
    "itself": (model(node("Add", "x y", "y"), X, Y), "a cycle, or a gap"),
    "a value made twice": (model(node("Relu", "x", "y"), node("Relu", "x", "y"), X, Y), "makes 'y' once more"),
    "an input made again": (model(node("Relu", "x", "x"), X, Y), "makes 'x' once more"),
    "a tensor twice": (model(tensor(integer(2, 1), RAW), tensor(integer(2, 1), RAW), X, Y), "'w' twice"),
    "a tensor without a name": (model(tensor(integer(2, 1), RAW, name=""), X, Y), "without a name"),
    "a name that is not UTF-8": (model(submessage(1, submessage(4, b"\xff"))), "not UTF-8"),
    "a shape that lies": (model(tensor(integer(1, 2**38), integer(2, 1), RAW), X, Y), "and 4 bytes"),
    "an impossible shape": (model(tensor(*[integer(1, 2**33)] * 2, integer(2, 1), RAW), X, Y), "impossible shape"),
    "a negative size": (model(tensor(integer(1, -1), integer(2, 1), RAW), X, Y), "dimension -1"),
    "nine dimensions": (model(tensor(*[integer(1, 1)] * 9, integer(2, 1), RAW), X, Y), "9 dimensions"),
    "half of a number": (model(tensor(integer(2, 1), submessage(9, bytes(3))), X, Y), "and 3 bytes"),
    "floats that are none": (model(tensor(integer(2, 1), submessage(4, bytes(3))), X, Y), "3 bytes of float32"),
    "elements of another type": (
        model(tensor(integer(2, 1), submessage(7, b"\x01")), X, Y),
        "of another type than float32",
    ),
    "truth of 2": (model(tensor(integer(2, 9), submessage(9, b"\x02")), X, Y), "truth values other than 0 and 1"),
    "an endless packed integer": (model(tensor(integer(2, 7), submessage(7, b"\x80")), X, Y), "without an end"),
    "half precision": (model(tensor(integer(2, 10), submessage(9, bytes(2))), X, Y), "the type float16"),
    "strings": (model(tensor(integer(2, 8), submessage(6, b"a")), X, Y), "the type string"),
    "external data": (
        model(tensor(integer(2, 1), submessage(13, b""), integer(14, 1)), X, Y),
        "'' lies in another file|'w' lies",
    ),
    "a sparse tensor": (model(submessage(15, b""), X, Y), "sparse tensors"),
    "a sequence as an input": (
        model(submessage(11, text(1, "x") + submessage(2, submessage(4, b""))), Y),
        "'x' is no tensor",
    ),
    "an input of half precision": (model(node("Relu", "x", "y"), value(11, "x", 10), Y), "float16"),
    "an input of int8": (model(node("Relu", "x", "y"), value(11, "x", 3), Y), "the input 'x' is of int8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_part_is_named(name: str) -> None:
    data, words = REFUSED[name]
    with pytest.raises(FormatError, match=words) as caught:
        loaded(data)
    assert str(caught.value).startswith("a.onnx")
    assert loaded(OK)(numbers(2)).shape == (2,), "what is refused above is not the rest of the file"


def test_many_small_things_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MOST_NODES", 20)
    monkeypatch.setattr(protobuf, "MOST_FIELDS", 1000)
    with pytest.raises(FormatError, match="more than 20 nodes"):
        loaded(model(b"".join([node("Relu", "x", "y")] * 21), X, Y))
    with pytest.raises(FormatError, match="more than 1,000 values"):
        loaded(model(submessage(1, text(1, "x") * 1001), X, Y))
    ints = text(1, "perm") + integer(20, 7) + submessage(8, bytes(1001))
    with pytest.raises(FormatError, match="more than 1,000 values"):
        loaded(model(node("Transpose", "x", "y", ints), X, Y))


def test_packed_integers() -> None:
    few = [1, 300, -5, 2**63 - 1, -(2**63), 0]
    assert protobuf.Reader("a").numbers(memoryview(b"".join(map(varint, few)))).tolist() == few
    assert protobuf.Reader("a").numbers(memoryview(b"")).tolist() == []
    with pytest.raises(FormatError, match="bytes of packed integers; at most"):
        loaded(model(tensor(integer(2, 7), submessage(7, bytes(2**22 + 1))), X, Y))


def test_nested_messages_are_not_descended() -> None:
    """Depth costs nothing: only what has a meaning is looked into, and nothing with a meaning contains itself."""
    deep = b""
    for _ in range(5_000):
        deep = submessage(6, submessage(1, deep))  # a graph in an attribute in a node in a graph
    with pytest.raises(FormatError, match="is a graph: unknown"):
        loaded(model(node("Elu", "x", "y", text(1, "alpha") + integer(20, 5) + deep), X, Y))


# -- sizes that no memory holds --------------------------------------------------------------------------------------


def asking(op: str, x: str, sizes: list[int], **attributes: Any) -> Graph:
    graph = Graph(inputs={"x": (F4, ("n",))}, outputs={"y": (F4, ())})
    graph.nodes = [
        Node("Constant", [], ["s"], {"value": np.array(sizes, np.int64)}),
        Node(op, x.split(), ["y"], attributes),
    ]
    return graph


def chain(op: str, count: int, **attributes: Any) -> Graph:
    """Each node joins what the one before made with itself."""
    graph = Graph(inputs={"x": (F4, ("n",))}, outputs={f"y{count}": (F4, ())})
    names = ["x", *(f"y{i + 1}" for i in range(count))]
    graph.nodes = [Node(op, [a, a], [b], attributes) for a, b in pairwise(names)]
    return graph


def outer(op: str) -> Graph:
    """A column and a row of 2^20 numbers, of a file of 8 MB, combined to 2^40."""
    graph = Graph(inputs={"x": (F4, ("n",))}, outputs={"y": (F4, ())})
    graph.tensors = {"a": np.zeros((2**20, 1), "f4"), "b": np.zeros((1, 2**20), "f4")}
    graph.nodes = [Node(op, ["a", "b"], ["y"])]
    return graph


HOSTILE: dict[str, Callable[[], Graph]] = {
    "Expand": lambda: asking("Expand", "x s", [2**20, 2**20]),
    "Tile": lambda: asking("Tile", "x s", [2**50]),
    "ConstantOfShape": lambda: asking("ConstantOfShape", "s", [2**31, 2**31]),
    "Pad": lambda: asking("Pad", "x s", [2**45, 2**45]),
    "MatMul": lambda: outer("MatMul"),
    "Add": lambda: outer("Add"),
    "Greater": lambda: outer("Greater"),
    "Max": lambda: outer("Max"),
    "Pow": lambda: outer("Pow"),
    "Gemm": lambda: outer("Gemm"),
    "doubled again and again": lambda: chain("Concat", 45, axis=0),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_memory_holds_is_refused_before_it_is_made(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "ALWAYS_FINE", 2**20)
    monkeypatch.setattr(memory, "free_memory", lambda: 2**24)  # half of it may be taken
    path = tmp_path / "a.onnx"
    write(path, HOSTILE[name]())
    network = onnx.load(path)
    tracemalloc.start()
    with fastnn.no_grad(), pytest.raises(FormatError, match="no memory for it"):
        network(np.zeros(1 if name != "doubled again and again" else 1024, "f4"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


def test_names_of_a_file_hide_no_methods(tmp_path: Path) -> None:
    """A file may call a tensor what it likes: ``forward.weight`` is a parameter, and nothing else is lost."""
    graph = Graph(inputs={"x": (F4, ("n", 3))}, outputs={"y": (F4, ("n", 3))})
    names = ["forward.weight", "training", "_modules.a", "a", "a.b", ".c", "d..e", "where", "__class__"]
    graph.tensors = {name: np.full(3, i, "f4") for i, name in enumerate(names)}
    values = ["x", *(f"y{i}" for i in range(len(names) - 1)), "y"]
    graph.nodes = [Node("Add", [a, name], [b]) for a, name, b in zip(values, names, values[1:], strict=False)]
    write(tmp_path / "a.onnx", graph)
    network = onnx.load(tmp_path / "a.onnx")
    assert sorted(network.state_dict()) == sorted(names)
    assert network(fastnn.zeros(2, 3)).tolist() == [[36.0] * 3] * 2
    assert read(tmp_path / "a.onnx").tensors.keys() == graph.tensors.keys()
    assert head(1, 300) == b"\x0a\xac\x02"
