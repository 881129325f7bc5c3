"""A recorded forward as a graph: which array is which value, and what views of arrays are as operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from fastnn.eager.memory import address_of, owner_of
from fastnn.engine.recording import Recorder
from fastnn.onnx.messages import Graph, Node

_BACK_TO_FIRST = -(2**63)  # the end of a slice that goes backwards


# Functions that read numbers of places, for a primitive that is recorded.
_SEEN = {"embedding()", "gather()", "index_select()", "indexing by a tensor", "sort()", "topk()"}


class Tracer(Recorder):
    """Records a forward that is to be written down: changes in place are values like any others."""

    def __init__(self, state: Iterable[np.ndarray]) -> None:
        super().__init__(state)
        self.before: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # arrays that are changed, and what they held first

    def refuse(
        self, what: str, why: str = "what follows depends on values, and a file has one graph for all of them"
    ) -> None:
        # What the forward() of a Function does is recorded; a file has no gradients.
        if self.is_here() and what not in _SEEN and not what.endswith(".apply()"):
            raise ValueError(f"[onnx.export] {what} in forward(): {why}: move it out of forward()")

    joins = True

    def may_change(self, array: np.ndarray) -> bool:
        """But a module's own state; what it holds before is kept."""
        owner = owner_of(array)
        if id(owner) not in self.before:
            self.before[id(owner)] = owner, owner.copy()
        return id(owner) not in self._state


class Builder:
    """Builds the graph of one recording. batch: the extent of first dimensions that are the batch's."""

    def __init__(
        self,
        batch: int,
        inputs: Mapping[str, np.ndarray],
        state: Iterable[tuple[str, np.ndarray]],
        outputs: Iterable[str],
    ) -> None:
        self.graph = Graph()
        self.batch = batch
        self.constants: dict[str, np.ndarray] = {}
        self._values: dict[int, tuple[str, np.ndarray]] = {}  # id of the owner -> its name, the array of that shape
        self._state: dict[str, np.ndarray] = {}
        self._taken = {*inputs, *outputs}
        for name, array in state:
            if id(owner_of(array)) not in self._values:
                self._state[name] = array
                self._taken.add(name)
                self.put(array, name)
        for name, array in inputs.items():
            self.graph.inputs[name] = (array.dtype, array.shape)
            self.put(array, name)

    # -- the graph -----------------------------------------------------------------------------------------------------

    def put(self, array: np.ndarray, name: str) -> None:
        """From here on, an array's memory holds the value of a name."""
        self._values[id(owner_of(array))] = (name, array)

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """The name of what an operation gives."""
        name = self._free(op.lower())
        self.graph.nodes.append(Node(op, list(inputs), [name], attributes))
        return name

    def second(self, op: str, *inputs: str, **attributes: Any) -> str:
        """The name of the second of two values that an operation gives."""
        self.add(op, *inputs, **attributes)
        self.graph.nodes[-1].outputs.append(self._free(op.lower()))
        return self.graph.nodes[-1].outputs[1]

    def constant(self, values: Any, dtype: Any = None) -> str:
        """The name of an array that the file has; integers are int64."""
        array = np.array(values, dtype=dtype, order="C")
        name = self._free("constant")
        self.constants[name] = array
        return name

    def _free(self, word: str) -> str:
        number = len(self.graph.nodes) + len(self.constants)
        name = f"{word}_{number}"
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def finish(self, outputs: Mapping[str, np.ndarray]) -> Graph:
        """The graph of what these arrays hold in the end; nothing that they do not need is in it."""
        values = [self.name_of(array) for array in outputs.values()]
        made = {name for node in self.graph.nodes for name in node.outputs}
        renamed: dict[str, str] = {}
        for (name, array), value in zip(outputs.items(), values, strict=True):
            if value in made and value not in renamed:
                renamed[value] = name
            else:
                self.graph.nodes.append(Node("Identity", [value], [name]))
            self.graph.outputs[name] = (array.dtype, array.shape)
        for node in self.graph.nodes:
            node.inputs = [renamed.get(name, name) for name in node.inputs]
            node.outputs = [renamed.get(name, name) for name in node.outputs]
        needed, nodes = set(outputs), []
        for node in reversed(self.graph.nodes):
            if needed.intersection(node.outputs):
                needed.update(node.inputs)
                nodes.append(node)
        self.graph.nodes = nodes[::-1]
        self.graph.tensors = {name: array for name, array in self._state.items() if name in needed}
        self.constants = {name: array for name, array in self.constants.items() if name in needed}
        return self.graph

    # -- arrays --------------------------------------------------------------------------------------------------------

    def name_of(self, array: np.ndarray, repeats: bool = False) -> str:
        """The value that an array is, or a view of. repeats: the operation repeats dimensions of one element itself."""
        owner = id(owner_of(array))
        if owner not in self._values:
            return self.constant(array)
        name, whole = self._values[owner]
        return self._view(name, whole, array, repeats)

    def is_value(self, array: object) -> bool:
        """Whether it is an array that the graph makes, not one that is the same for all inputs."""
        return isinstance(array, np.ndarray) and id(owner_of(array)) in self._values

    def operand(self, value: Any, dtype: np.dtype) -> str:
        """The value of an array or a number that an operation repeats as it needs."""
        return self.name_of(value, True) if isinstance(value, np.ndarray) else self.constant(value, dtype)

    def copy(self, array: np.ndarray, made: np.ndarray) -> None:
        """made has the values of array: the same value, where that has its dimensions in another order."""
        owner = id(owner_of(array))
        name, whole = self._values.get(owner, ("", array))
        order = _turned(whole, array) if name else None
        if order is None:
            self.put(made, self.name_of(array))
        else:
            ones = [axis for axis in range(made.ndim) if axis not in order]
            self.put(made.transpose(order + ones).reshape(whole.shape), name)

    def assign(self, target: np.ndarray, value: np.ndarray) -> None:
        """A change in place, of all of an array."""
        if target.size != self._values.get(id(owner_of(target)), ("", target))[1].size:
            raise ValueError("[onnx.export] a change in place of a part of a tensor: use torch.cat or torch.where")
        self.put(target, self.name_of(value))

    def _view(self, name: str, whole: np.ndarray, part: np.ndarray, repeats: bool) -> str:
        if whole.dtype != part.dtype or not part.size:
            raise ValueError("[onnx.export] a view of memory in another dtype, or of no elements: it has no operation")
        shape = tuple(1 if stride == 0 else extent for extent, stride in zip(part.shape, part.strides, strict=True))
        if not _same(whole, part):
            found = self._sliced(name, whole, part, shape)
            name = self._reshaped(name, whole, part, shape) if found is None else found
        if shape == part.shape or repeats:
            return name
        return self.add("Expand", name, self.constant(part.shape))

    def reshape(self, name: str, before: Sequence[int], shape: Sequence[int]) -> str:
        return (
            name if tuple(before) == tuple(shape) else self.add("Reshape", name, self.constant(list(shape), np.int64))
        )

    def transpose(self, name: str, order: Sequence[int]) -> str:
        order = [int(axis) for axis in order]
        return name if order == sorted(order) else self.add("Transpose", name, perm=order)

    def _sliced(self, name: str, whole: np.ndarray, part: np.ndarray, shape: tuple[int, ...]) -> str | None:
        """A part that is slices of dimensions, in any order; None where it is something else."""
        offset = (address_of(part) - address_of(whole)) // part.itemsize
        axes = sorted((a for a in range(whole.ndim) if whole.shape[a] > 1), key=lambda a: -whole.strides[a])
        cuts: dict[int, tuple[int, int, int]] = {}  # axis -> first, step, count
        for axis in axes:
            stride = whole.strides[axis] // whole.itemsize
            first, offset = divmod(offset, stride)
            cuts[axis] = (first, 1, 1)
        order = []
        for extent, wide in zip(part.shape, part.strides, strict=True):
            stride = wide // part.itemsize
            if extent == 1 or stride == 0:
                continue
            axis = next((a for a in axes if whole.strides[a] <= abs(wide)), None)
            if axis is None or axis in order or wide % whole.strides[axis]:
                return None
            cuts[axis] = (cuts[axis][0], wide // whole.strides[axis], extent)
            order.append(axis)
        for axis, (first, step, count) in cuts.items():
            if not (0 <= first < whole.shape[axis] and 0 <= first + step * (count - 1) < whole.shape[axis]):
                return None
        if offset:
            return None
        name = self.slices(name, whole.shape, cuts)
        rest = iter([axis for axis in range(whole.ndim) if axis not in order])
        wanted = iter(order)
        if order != sorted(order):
            order = [next(wanted) if extent > 1 else next(rest, None) for extent in shape]  # type: ignore[misc]
            order = [*(axis for axis in order if axis is not None), *rest]
            name = self.transpose(name, order)
        else:
            order = list(range(whole.ndim))
        left = [cuts[axis][2] if axis in cuts else 1 for axis in order]
        return self.reshape(name, left, shape)

    def slices(self, name: str, shape: Sequence[int], cuts: Mapping[int, tuple[int, int, int]]) -> str:
        """name of a shape, along some axes only count elements from the first on, step apart."""
        cut = {axis: part for axis, part in cuts.items() if part != (0, 1, shape[axis])}
        if not cut:
            return name
        ends = [
            first + step * count if first + step * count >= 0 else _BACK_TO_FIRST for first, step, count in cut.values()
        ]
        columns = ([first for first, _, _ in cut.values()], ends, list(cut), [step for _, step, _ in cut.values()])
        return self.add("Slice", name, *map(self.constant, columns))

    def _reshaped(self, name: str, whole: np.ndarray, part: np.ndarray, shape: tuple[int, ...]) -> str:
        """A part that has the elements of whole in their order of memory, or picks some of them."""
        order = sorted(range(whole.ndim), key=lambda axis: (-whole.strides[axis], axis))
        lying = whole.transpose(order)
        if not lying.flags.c_contiguous:
            raise ValueError("[onnx.export] a view of memory with gaps: use clone() before it")
        name, back = self.transpose(name, order), sorted(range(part.ndim), key=lambda axis: -abs(part.strides[axis]))
        kept = [axis for axis in back if shape[axis] > 1]
        dense = np.empty([shape[axis] for axis in kept], part.dtype)
        strides = tuple(part.strides[axis] for axis in kept)
        if dense.size == whole.size and address_of(part) == address_of(whole) and dense.strides == strides:
            if kept == sorted(kept):
                return self.reshape(name, lying.shape, shape)
            name = self.transpose(self.reshape(name, lying.shape, dense.shape), np.argsort(kept))
            return self.reshape(name, [extent for extent in shape if extent > 1], shape)
        places = np.full(shape, (address_of(part) - address_of(whole)) // part.itemsize)
        for axis in kept:
            along = np.arange(shape[axis]) * (part.strides[axis] // part.itemsize)
            places += along.reshape(-1, *[1] * (part.ndim - axis - 1))
        return self.picked(name, lying.shape, places)

    # -- elements by their numbers -------------------------------------------------------------------------------------

    def picked(self, name: str, shape: tuple[int, ...], places: np.ndarray) -> str:
        """Elements of a value of a shape by their numbers in it."""
        axes = along_axes(shape, places)
        if axes is not None:
            return self._along(name, shape, axes)
        rows, size = shape[0], prod(shape[1:])
        if rows == self.batch and places.shape[0] == rows:
            each = places.reshape(rows, -1) - np.arange(rows)[:, None] * size
            if (each == each[0]).all():
                name = self.add("Gather", self.reshape(name, shape, (rows, size)), self.constant(each[0]), axis=1)
                return self.reshape(name, each.shape, places.shape)
        return self.add("Gather", self.reshape(name, shape, (prod(shape),)), self.constant(places), axis=0)

    def _along(self, name: str, shape: tuple[int, ...], axes: Sequence[np.ndarray]) -> str:
        cuts, picks = {}, {}
        for axis, numbers in enumerate(axes):
            steps = set(np.diff(numbers).tolist()) or {1}
            if len(steps) == 1 and steps != {0}:
                cuts[axis] = (int(numbers[0]), steps.pop(), len(numbers))
            else:
                picks[axis] = numbers
        name = self.slices(name, shape, cuts)
        for axis, numbers in picks.items():
            name = self.add("Gather", name, self.constant(numbers), axis=axis)
        return name


def along_axes(shape: Sequence[int], places: np.ndarray) -> list[np.ndarray] | None:
    """The numbers along each axis, where elements (by their numbers in an array of a shape) are picked so."""
    if places.ndim != len(shape) or not places.size:
        return None
    grid = np.unravel_index(places, shape)
    axes = []
    for axis, numbers in enumerate(grid):
        line = numbers[tuple(slice(None) if other == axis else slice(1) for other in range(places.ndim))]
        if not (numbers == line).all():
            return None
        axes.append(line.reshape(-1))
    return axes


def _strided(array: np.ndarray) -> list[tuple[int, int]]:
    """(extent, stride) of each dimension; one of a single element has none to speak of."""
    return [(extent, stride if extent > 1 else 0) for extent, stride in zip(array.shape, array.strides, strict=True)]


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return _strided(a) == _strided(b) and address_of(a) == address_of(b)


def _turned(whole: np.ndarray, part: np.ndarray) -> list[int] | None:
    """The order of axes, but for those of one element, in which part is whole; None where it is no such view."""
    left = [pair for pair in enumerate(_strided(part)) if pair[1][0] > 1]
    wanted, order = [pair for pair in _strided(whole) if pair[0] > 1], []
    if address_of(whole) != address_of(part) or len(wanted) != len(left):
        return None
    for pair in wanted:
        found = next((axis for axis, other in left if other == pair and axis not in order), None)
        if found is None:
            return None
        order.append(found)
    return order
