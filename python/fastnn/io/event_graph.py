"""A model's operations as a graph for TensorBoard (tensorflow/core/framework/graph.proto), read off the tape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastnn.io.protobuf import integer, submessage, text


@dataclass(frozen=True)
class Node:
    """A parameter, an input or an operation: its name, with ``/`` between scopes, and those of what it takes."""

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]

    def message(self) -> bytes:
        """A NodeDef."""
        sizes = b"".join(submessage(2, integer(1, size)) for size in self.shape)
        shapes = submessage(1, submessage(7, sizes))  # an AttrValue: a list of one TensorShapeProto
        attribute = text(1, "_output_shapes") + submessage(2, shapes)
        taken = b"".join(text(3, name) for name in self.inputs)
        return text(1, self.name) + text(2, self.op) + taken + submessage(5, attribute)

    def __str__(self) -> str:
        return f"{self.name} = {self.op}({', '.join(self.inputs)}) {list(self.shape)}"


def graph_of(model: Any, inputs: Any) -> list[Node]:
    """The nodes of a model's operations on an input, a Tensor or several; each behind those it takes.

    Raises:
        ValueError: the model leaves nothing on the tape.
    """
    given = [_on_tape(each) for each in (inputs if isinstance(inputs, list | tuple) else [inputs])]
    with _evaluating(model):
        results = model(*given)
    root = type(model).__name__
    names = {id(tensor): (f"{root}/{name.replace('.', '/')}", "Parameter") for name, tensor in model.named_parameters()}
    names |= {id(tensor): (f"input/{number}", "Input") for number, tensor in enumerate(given)}
    outputs = _flat(results)
    if not any(getattr(tensor, "_node", None) is not None for tensor in outputs):
        raise ValueError(f"add_graph: {root} leaves nothing on the tape; call it outside no_grad()")
    nodes = _walk(outputs, names, root)
    last = [Node(f"output/{i}", "Output", (nodes[id(each)].name,), tuple(each.shape)) for i, each in enumerate(outputs)]
    return [*nodes.values(), *last]


def _walk(outputs: list[Any], names: dict[int, tuple[str, str]], root: str) -> dict[int, Node]:
    """The nodes of tensors and all that they were made of, by the tensors' ids."""
    found: dict[int, Node] = {}
    taken: set[str] = set()
    waiting = outputs[::-1]
    while waiting:
        tensor = waiting[-1]
        origin = None if id(tensor) in names else getattr(tensor, "_node", None)
        parents = () if origin is None else origin.inputs
        missing = [parent for parent in parents if id(parent) not in found]
        if missing and id(tensor) not in found:
            waiting += missing[::-1]
            continue
        waiting.pop()
        if id(tensor) in found:
            continue
        before = [found[id(parent)] for parent in parents]
        name, op = names.get(id(tensor)) or _named(origin, before, root)
        found[id(tensor)] = Node(_free(name, taken), op, tuple(node.name for node in before), tuple(tensor.shape))
    return found


def _named(origin: Any, before: list[Node], root: str) -> tuple[str, str]:
    """(name, kind) of an operation: in the scope of the parameters that it takes, or else of what comes before."""
    if origin is None:
        return f"{root}/constant", "Constant"
    kinds = [node for node in before if node.op == "Parameter"] or [node for node in before if node.op != "Input"]
    scope = kinds[0].name.rpartition("/")[0] if kinds else root
    return f"{scope}/{origin.name}", origin.name


def _free(name: str, taken: set[str]) -> str:
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _on_tape(tensor: Any) -> Any:
    """The input, so that operations on it alone are recorded too."""
    if not tensor.dtype.is_floating_point:
        return tensor
    return tensor.detach().requires_grad_()


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """The model as it evaluates: nothing is dropped, nothing is drawn."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def _flat(results: Any) -> list[Any]:
    if isinstance(results, dict):
        results = list(results.values())
    if not isinstance(results, list | tuple):
        return [results]
    return [tensor for part in results for tensor in _flat(part)]
