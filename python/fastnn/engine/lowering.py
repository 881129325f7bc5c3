"""Lowering: recorded ops as a program of buffers, views and ops (:mod:`fastnn.engine.program`)."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from fastnn.arrays import has_dense_rows
from fastnn.eager.memory import address_of, owner_of
from fastnn.engine.executor import FACTS, Executor
from fastnn.engine.lifetimes import share_memory
from fastnn.engine.program import MISSING, Memory, Op, Program, View
from fastnn.engine.recording import EAGERLY, Record, RecordingError
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter

_PLAIN: dict[str, Callable[[Any], Any]] = {
    "bool": bool,
    "int": int,
    "float": float,
    "ints": lambda values: [int(value) for value in values],
}


class ModuleState:
    """A buffer of a module in a plan's memory: its view, and whether a step changes it.

    The tensor is looked up by its name each time: anybody may have put another one in its place.
    """

    def __init__(self, module: Module, name: str, view: View, number: int) -> None:
        self._module = module
        self._name = name
        self._shape, self._dtype = view.shape, view.dtype
        self.view = number
        self.changed = False

    @property
    def array(self) -> np.ndarray:
        """Its values as they are now.

        Raises:
            RuntimeError: it is gone, or has another shape or dtype than when the plan was recorded.
        """
        tensor = self._module._buffers.get(self._name)
        if tensor is None or (tensor._data.shape, tensor._data.dtype.name) != (self._shape, self._dtype):
            found = "gone" if tensor is None else f"{tensor._data.dtype} of shape {tensor._data.shape}"
            raise RuntimeError(
                f"the compiled step was recorded with buffer '{self._name}' of {type(self._module).__name__} as "
                f"{self._dtype} of shape {self._shape}, it is now {found}: compile the model again"
            )
        return tensor._data


class Constant(NamedTuple):
    """An array that a step reads, and no step changes: its view in a plan's memory, and itself, while it lives."""

    view: int
    array: weakref.ref[np.ndarray]


class ParameterSlot(NamedTuple):
    """A parameter in a plan's memory: its view, its buffer, and the panel width where it is kept in panels."""

    param: Parameter
    view: int
    buffer: int
    panel: int


class Lowering:
    """Builds one program: gives every array of the recording a buffer, every use of one a view, every record an op.

    state_of: the object that a record's state is shared through (a dropout's draw).
    """

    def __init__(
        self,
        memory: Memory,
        executor: Executor,
        slots: dict[int, ParameterSlot],
        states: dict[tuple[int, str], ModuleState],
        constants: list[Constant],
        state_of: Callable[[Record], Any],
    ) -> None:
        self.program = Program(memory)
        self._memory = memory
        self._first_buffer = memory.sizes()[0]
        self._executor = executor
        self._slots = slots
        self._states = states
        self._constants = constants
        self._state_of = state_of
        self._places: dict[int, tuple[int, int]] = {}  # owner -> its buffer, and its first byte there
        self._first_views: dict[tuple[int, int], int] = {}  # of each place
        self._seen: set[int] = set()  # other views of them
        self._copies: dict[int, View] = {}  # gradient -> its place in the arena, where it has other memory
        self._parameters: dict[int, ParameterSlot] = {}
        self._alive: list[np.ndarray] = []  # ids stay unique while the arrays live

    # -- memory ------------------------------------------------------------------------------------------------------

    def register_parameters(self, params: Iterable[Parameter], records: list[Record]) -> None:
        """Gives each parameter its place, in panels where it is multiplied with and the executor wants it so."""
        weights = {id(record.args[1]) for record in records if FACTS.get(record.name, {}).get("weight_in_panels")}
        for param in params:
            if not isinstance(param, Parameter):
                raise RecordingError(
                    "the optimizer has a tensor that is no Parameter: make it one with nn.Parameter(...)"
                )
            data = param._data
            if owner_of(data).nbytes != data.nbytes or id(owner_of(data)) in self._parameters:
                raise RecordingError(
                    f"a parameter of shape {data.shape} shares its memory with another tensor: make it of a copy, "
                    f"nn.Parameter(x.clone())"
                )
            slot = self._slots.get(id(param))
            if slot is None:
                panel = self._executor.panel_width(data.dtype) if id(data) in weights else 0
                slot = self._slots[id(param)] = self._new_slot(param, panel, "parameter")
            self._parameters[id(owner_of(data))] = slot
            self._alive.append(owner_of(data))

    def _new_slot(self, param: Parameter, panel: int, role: str) -> ParameterSlot:
        data = param._data
        nbytes = owner_of(data).nbytes
        if panel:
            outputs, inputs = len(data), data.size // max(len(data), 1)
            nbytes = -(-outputs // panel) * panel * inputs * data.itemsize
        buffer = self._memory.buffer(nbytes, role)
        return ParameterSlot(param, self._parameter_view(data, buffer, panel), buffer, panel)

    def _parameter_view(self, data: np.ndarray, buffer: int, panel: int) -> int:
        strides = (1,) * data.ndim if panel else _strides(data)
        offset = 0 if panel else _offset(data)
        return self._memory.view(View(buffer, offset, data.shape, strides, _name_of(data.dtype), panel))

    def like_parameter(self, slot: ParameterSlot) -> int:
        """A fresh view with a parameter's layout, for one of its optimizer's state arrays."""
        return self._new_slot(slot.param, slot.panel, "state").view

    def register_states(self, model: Module, records: list[Record]) -> None:
        """Gives the buffers of a model's modules a place, where a step reads or changes them.

        Raises:
            RecordingError: one shares its memory, with another that a step changes or with anything larger.
        """
        written = {id(owner_of(output)) for record in records for output in record.outputs}
        read = {id(owner_of(arg)) for record in records for arg in record.args if isinstance(arg, np.ndarray)}
        homes: set[int] = set()
        for module in model.modules():
            for name, tensor in module._buffers.items():
                if tensor is None:
                    continue
                owner = owner_of(tensor._data)
                if id(owner) not in read | written:
                    continue
                if owner.nbytes != tensor._data.nbytes or (id(owner) in homes and id(owner) in written):
                    raise RecordingError(
                        f"buffer '{name}' of {type(module).__name__} shares its memory with another tensor, so this "
                        f"model stays eager: register a clone()"
                    )
                if id(owner) not in homes:
                    homes.add(id(owner))
                    self._register_state(module, name, tensor._data, id(owner) in written)

    def _register_state(self, module: Module, name: str, data: np.ndarray, changed: bool) -> None:
        key = (id(module), name)
        if key not in self._states:
            buffer = self._memory.buffer(owner_of(data).nbytes, "state")
            view = View(buffer, _offset(data), data.shape, _strides(data), _name_of(data.dtype))
            self._states[key] = ModuleState(module, name, view, self._memory.view(view))
        state = self._states[key]
        state.changed = state.changed or changed
        self._place(owner_of(data), self._memory.views[state.view].buffer)

    def inputs(self, x: np.ndarray, y: np.ndarray | None) -> None:
        """Buffers for a batch and its targets, which the executor fills."""
        self._batch = owner_of(x)
        self.program.input = self._input(x, "input")
        self.program.target = MISSING if y is None else self._input(y, "target")

    def _input(self, array: np.ndarray, role: str) -> int:
        owner = owner_of(array)
        if not has_dense_rows(array) or owner.nbytes != array.nbytes:
            raise RecordingError("a plan is recorded from batches of their own, without gaps")
        self._place(owner, self._memory.buffer(array.nbytes, role))
        return self.view(array)

    def arena(self, gradients: Iterable[np.ndarray]) -> list[int]:
        """One buffer for all gradients of a dtype, in their order; flat views of them. Before the ops that make them.

        One whose memory is not its own alone is copied to its place by :meth:`gradient`.
        """
        by_dtype: dict[str, list[np.ndarray]] = {}
        for gradient in gradients:
            by_dtype.setdefault(_name_of(gradient.dtype), []).append(gradient)
        return [self._arena(dtype, group) for dtype, group in by_dtype.items()]

    def _arena(self, dtype: str, gradients: list[np.ndarray]) -> int:
        size, first = sum(gradient.size for gradient in gradients), 0
        buffer = self._memory.buffer(size * gradients[0].itemsize, "gradients")
        for gradient in gradients:
            owner = owner_of(gradient)
            if owner.nbytes == gradient.nbytes and id(owner) not in self._places:
                self._place(owner, buffer, first * gradient.itemsize)
            else:
                strides = np.empty(gradient.shape, gradient.dtype).strides
                items = tuple(stride // gradient.itemsize for stride in strides)
                self._copies[id(gradient)] = View(buffer, first, gradient.shape, items, dtype)
            first += gradient.size
        return self._memory.view(View(buffer, 0, (size,), (1,), dtype))

    def gradient(self, gradient: np.ndarray) -> int:
        """The view of a final gradient: in the arena, where there is one."""
        copy = self._copies.get(id(gradient))
        if copy is None:
            return self.view(gradient)
        number = self._memory.view(copy)
        self.program.ops.append(Op("copy", (self.view(gradient),), (number,), {}))
        return number

    def _place(self, owner: np.ndarray, buffer: int, first: int = 0) -> None:
        self._places[id(owner)] = (buffer, first)
        self._alive.append(owner)

    def _place_of(self, owner: np.ndarray) -> tuple[int, int]:
        """Where an array lies that no record has made: a constant."""
        if id(owner) not in self._places:
            contents = np.ascontiguousarray(owner).reshape(-1)
            buffer = self._memory.buffer(owner.nbytes, "constant", contents.copy())
            self._place(owner, buffer)
            view = self._memory.view(View(buffer, 0, contents.shape, (1,), _name_of(owner.dtype)))
            self._constants.append(Constant(view, weakref.ref(owner)))
        return self._places[id(owner)]

    def view(self, array: np.ndarray, shape: tuple[int, ...] | None = None) -> int:
        """The view of an array of the recording, repeated over a shape where one is given."""
        owner = owner_of(array)
        slot = self._parameters.get(id(owner))
        if slot is not None and slot.panel:
            if shape is None and array.shape == slot.param._data.shape and array.strides == slot.param._data.strides:
                return slot.view
            place = self._unpacked(owner, slot)
        else:
            place = (slot.buffer, 0) if slot is not None else self._place_of(owner)
        wide = array if shape is None else np.broadcast_to(array, shape)
        offset = place[1] // array.itemsize + _offset(array)
        number = self._memory.view(View(place[0], offset, wide.shape, _strides(wide), _name_of(wide.dtype)))
        first = self._first_views.setdefault(place, number)
        if number != first and number not in self._seen:
            self._seen.add(number)
            self.program.ops.append(Op("view", (first,), (number,), {}))
        return number

    def _unpacked(self, owner: np.ndarray, slot: ParameterSlot) -> tuple[int, int]:
        """A strided copy of a panel weight, made anew in each step, for uses other than a dense layer's."""
        if id(owner) not in self._places:
            self._place(owner, self._memory.buffer(owner.nbytes, "value"))
            target = self._parameter_view(slot.param._data, self._places[id(owner)][0], 0)
            self.program.ops.append(Op("unpack", (slot.view,), (target,), {}))
        return self._places[id(owner)]

    def contiguous(self, array: np.ndarray) -> int:
        """A view in C order: of the array itself, or of a copy made by an op."""
        return self.view(array) if array.flags.c_contiguous else self._copied(array)

    def _copied(self, array: np.ndarray) -> int:
        """A view in C order of a copy made by an op."""
        dense = np.empty(array.shape, dtype=array.dtype)
        self._allocate(dense)
        self.program.ops.append(Op("copy", (self.view(array),), (self.view(dense),), {}))
        return self.view(dense)

    def _allocate(self, array: np.ndarray) -> None:
        owner = owner_of(array)
        if id(owner) not in self._places:
            self._place(owner, self._memory.buffer(owner.nbytes, "value"))

    # -- ops ---------------------------------------------------------------------------------------------------------

    def emit_all(self, records: list[Record]) -> None:
        """Ops for all records in their order."""
        for record in records:
            self.emit(record)

    def emit(self, record: Record) -> None:
        """One op.

        Raises:
            RecordingError: it has no compiled form.
        """
        if record.name not in FACTS:
            name = next((each for each in record.args if isinstance(each, str)), record.name)  # as exact: absolute
            raise RecordingError(
                f"the op '{name}' has no compiled form, so this model stays eager: {EAGERLY}. "
                f"Compiled are: {', '.join(sorted(FACTS))}"
            )
        inputs, attributes = self.arguments(record)
        self._alive += record.outputs
        for output in record.outputs:
            self._allocate(output)
        outputs = tuple(self.view(output) for output in record.outputs)
        self.program.ops.append(Op(record.name, inputs, outputs, attributes, self._state_of(record)))

    def arguments(self, record: Record) -> tuple[tuple[int, ...], dict[str, Any]]:
        """The views of a record's arrays, and its other arguments by name."""
        facts = FACTS[record.name]
        repeated = record.outputs[0] if facts["broadcasts"] else None
        inputs: list[int] = []
        attributes: dict[str, Any] = {}
        for place, (name, kind, _, default) in enumerate(facts["arguments"]):
            value = record.args[place] if place < len(record.args) else default
            if kind in _PLAIN:
                attributes[name] = _PLAIN[kind](value)
            elif kind == "optional array" and not isinstance(value, np.ndarray):
                inputs.append(MISSING)
            elif kind != "state":
                inputs.append(self._operand(value, repeated))
        return tuple(inputs), attributes

    def _operand(self, value: Any, repeated: np.ndarray | None) -> int:
        """The view of an array; beside others that are repeated over a result, a number takes the result's dtype."""
        if not isinstance(value, np.ndarray):
            value = np.asarray(value, repeated.dtype)
        self._alive.append(value)
        return self.view(value, None if repeated is None else repeated.shape)

    def all_reduce(self, arenas: Iterable[int]) -> None:
        """Where several machines would add up their gradients, each arena in one piece."""
        for arena in arenas:
            self.program.ops.append(Op("all_reduce", (arena,), (arena,), {}))

    def update(
        self,
        name: str,
        inputs: tuple[int, ...],
        attributes: dict[str, Any],
        target: int,
        states: Iterable[int],
        settings: Any,
    ) -> None:
        """The update of a parameter and its optimizer's states."""
        self.program.ops.append(Op(name, inputs, (target, *states), attributes, settings))

    def finish(self, loss: np.ndarray | None, output: np.ndarray) -> Program:
        """The program, with the views of its results."""
        program = self.program
        program.loss = MISSING if loss is None else self.view(loss.reshape(()))
        if owner_of(output) is self._batch:
            program.output = self._copied(output)  # the input's own memory stays empty where rows are read in place
        else:
            program.output = self.contiguous(output)
        program.output_shape, program.dtype = output.shape, output.dtype
        share_memory(program, self._first_buffer)
        return program


def _strides(array: np.ndarray) -> tuple[int, ...]:
    """Strides in elements; a dimension of one element has no stride to speak of."""
    return tuple(
        stride // array.itemsize if extent != 1 else 1
        for stride, extent in zip(array.strides, array.shape, strict=True)
    )


@functools.cache
def _name_of(dtype: np.dtype) -> str:
    """NumPy puts it together anew each time."""
    return dtype.name


def _offset(array: np.ndarray) -> int:
    if array.base is None:
        return 0
    return (address_of(array) - address_of(owner_of(array))) // array.itemsize
