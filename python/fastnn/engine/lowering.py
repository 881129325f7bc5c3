"""Lowering: recorded ops to instructions of the compiled executor (``cpp/plan``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import _core
from fastnn.eager.memory import address_of, owner_of
from fastnn.engine.recording import Record, RecordingError
from fastnn.nn.parameter import Parameter

# Primitives with plain values among their arguments: name -> {attribute: (position, default)}.
ATTRIBUTES: dict[str, dict[str, tuple[int, Any]]] = {
    "dense_forward": {"relu": (3, False)},
    "cross_entropy": {"mean": (2, True)},
    "mse": {"mean": (2, True)},
    "bce_with_logits": {"mean": (2, True)},
    "sum": {"scale": (1, 1.0)},
    "pow": {"exponent": (1, None)},
    "pow_backward": {"exponent": (2, None)},
    "take_backward": {},
    "max_backward": {},
}
BROADCASTING = frozenset({"add", "subtract", "multiply", "divide"})
COMPILED = frozenset(_core.instruction_names()) | {"dropout"}


@dataclass
class ParameterSlot:
    """A parameter in the plan's memory: its view, and the panel width where it is kept in panels."""

    param: Parameter
    view: int
    buffer: int
    panel: int


class Lowering:
    """Builds one program: gives every array of the recording a buffer, every use of one a view, every record an
    instruction.
    """

    def __init__(
        self, core: _core.Plan, slots: dict[int, ParameterSlot], draw_of: Callable[[int], _core.DropoutDraw]
    ) -> None:
        self.core = core
        self.program: int = core.program()
        self._slots = slots
        self._draw_of = draw_of
        self._buffers: dict[int, int] = {}
        self._views: dict[tuple[Any, ...], int] = {}
        self._parameters: dict[int, ParameterSlot] = {}
        self._alive: list[np.ndarray] = []  # ids stay unique while the arrays live

    # -- memory ------------------------------------------------------------------------------------------------------

    def register_parameters(self, params: Iterable[Parameter], records: list[Record]) -> None:
        """Gives each parameter its place, in panels where it is the weight of a dense layer."""
        weights = {id(record.args[1]) for record in records if record.name == "dense_forward"}
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
                panel = _core.panel_width(data.dtype == np.float64) if id(data) in weights else 0
                slot = self._slots[id(param)] = self._new_slot(param, panel)
            self._parameters[id(owner_of(data))] = slot
            self._alive.append(owner_of(data))

    def _new_slot(self, param: Parameter, panel: int) -> ParameterSlot:
        data = param._data
        if panel:
            rows, columns = data.shape
            buffer = self.core.buffer(-(-rows // panel) * panel * columns * data.itemsize)
        else:
            buffer = self.core.buffer(owner_of(data).nbytes)
        return ParameterSlot(param, self._parameter_view(data, buffer, panel), buffer, panel)

    def _parameter_view(self, data: np.ndarray, buffer: int, panel: int) -> int:
        strides = [1] * data.ndim if panel else _strides(data)
        return self.core.view(buffer, 0 if panel else _offset(data), list(data.shape), strides, data.dtype.name, panel)

    def like_parameter(self, slot: ParameterSlot) -> int:
        """A fresh view with a parameter's layout, for one of its optimizer's state arrays."""
        return self._new_slot(slot.param, slot.panel).view

    def inputs(self, x: np.ndarray, y: np.ndarray | None) -> tuple[int, int]:
        """Views for a batch and its targets, which the executor fills."""
        views = []
        for array in (x, y):
            if array is None:
                views.append(-1)
                continue
            owner = owner_of(array)
            if not array.flags.c_contiguous or owner.nbytes != array.nbytes:
                raise RecordingError("a plan is recorded from contiguous batches of their own")
            self._buffers[id(owner)] = self.core.buffer(array.nbytes)
            self._alive.append(owner)
            views.append(self.view(array))
        return views[0], views[1]

    def _buffer_of(self, owner: np.ndarray) -> int:
        """The buffer of an array that no record has made: a constant, frozen as it is now."""
        if id(owner) not in self._buffers:
            buffer = self._buffers[id(owner)] = self.core.buffer(owner.nbytes)
            self._alive.append(owner)
            dense = np.ascontiguousarray(owner).reshape(-1)
            self.core.write(self.core.view(buffer, 0, [dense.size], [1], dense.dtype.name), dense)
        return self._buffers[id(owner)]

    def view(self, array: np.ndarray, shape: tuple[int, ...] | None = None) -> int:
        """The view of an array of the recording, repeated over a shape where one is given."""
        owner = owner_of(array)
        slot = self._parameters.get(id(owner))
        if slot is not None and slot.panel:
            if shape is None and array.shape == slot.param._data.shape and array.strides == slot.param._data.strides:
                return slot.view
            buffer = self._unpacked(owner, slot)
        else:
            buffer = slot.buffer if slot is not None else self._buffer_of(owner)
        wide = array if shape is None else np.broadcast_to(array, shape)
        key = (buffer, _offset(array), wide.shape, tuple(_strides(wide)), wide.dtype.name)
        if key not in self._views:
            self._views[key] = self.core.view(buffer, key[1], list(wide.shape), list(key[3]), key[4])
        return self._views[key]

    def _unpacked(self, owner: np.ndarray, slot: ParameterSlot) -> int:
        """A strided copy of a panel weight, made anew in each step, for uses other than a dense layer's."""
        if id(owner) not in self._buffers:
            buffer = self._buffers[id(owner)] = self.core.buffer(owner.nbytes)
            target = self._parameter_view(slot.param._data, buffer, 0)
            self.core.emit(self.program, "unpack", [slot.view], [target], {})
        return self._buffers[id(owner)]

    def contiguous(self, array: np.ndarray) -> int:
        """A view in C order: of the array itself, or of a copy made by an instruction."""
        if array.flags.c_contiguous:
            return self.view(array)
        dense = np.empty(array.shape, dtype=array.dtype)
        self._allocate(dense)
        self.core.emit(self.program, "copy", [self.view(array)], [self.view(dense)], {})
        return self.view(dense)

    def gradient(self, gradient: np.ndarray, param: Parameter) -> int:
        """The view of a gradient in its parameter's memory layout (panels excepted: the executor packs those)."""
        slot = self._slots[id(param)]
        data = param._data
        if slot.panel or gradient.strides == data.strides:
            return self.view(gradient)
        order = sorted(range(data.ndim), key=lambda axis: -data.strides[axis])
        dense = np.empty([data.shape[axis] for axis in order], dtype=data.dtype)
        self._allocate(dense)
        self.core.emit(self.program, "copy", [self.view(gradient.transpose(order))], [self.view(dense)], {})
        back = [order.index(axis) for axis in range(data.ndim)]
        return self.view(dense.transpose(back))

    def _allocate(self, array: np.ndarray) -> None:
        owner = owner_of(array)
        if id(owner) not in self._buffers:
            self._buffers[id(owner)] = self.core.buffer(owner.nbytes)
            self._alive.append(owner)

    # -- instructions ------------------------------------------------------------------------------------------------

    def emit_all(self, records: list[Record]) -> None:
        """Instructions for all records in their order."""
        for record in records:
            self.emit(record)

    def emit(self, record: Record) -> None:
        """One instruction.

        Raises:
            RecordingError: the op has no compiled form.
        """
        name = record.name
        if name not in COMPILED:
            raise RecordingError(
                f"the op '{name}' has no compiled form, so this model stays eager: pass engine='eager'. Compiled are: "
                + ", ".join(sorted(COMPILED))
            )
        self._alive += [arg for arg in record.args if isinstance(arg, np.ndarray)] + record.outputs
        if name in BROADCASTING:
            inputs = [self.view(operand, record.outputs[0].shape) for operand in self._operands(record)]
        else:
            inputs = [self.view(arg) for arg in record.args if isinstance(arg, np.ndarray)]
        for output in record.outputs:
            self._allocate(output)
        outputs = [self.view(output) for output in record.outputs]
        if name == "dropout":
            _, p, _, _, number = record.args
            self.core.emit_dropout(self.program, self._draw_of(number), p, self.contiguous(record.args[0]), *outputs)
            return
        attributes = {
            key: float(record.args[at] if at < len(record.args) else default)
            for key, (at, default) in ATTRIBUTES.get(name, {}).items()
        }
        self.core.emit(self.program, name, inputs, outputs, attributes)

    def _operands(self, record: Record) -> list[np.ndarray]:
        """Both operands as arrays; a Python number takes the result's dtype."""
        operands = [
            arg if isinstance(arg, np.ndarray) else np.asarray(arg, record.outputs[0].dtype) for arg in record.args
        ]
        self._alive += operands
        return operands


def _strides(array: np.ndarray) -> list[int]:
    """Strides in elements; a dimension of one element has no stride to speak of."""
    return [
        stride // array.itemsize if extent != 1 else 1
        for stride, extent in zip(array.strides, array.shape, strict=True)
    ]


def _offset(array: np.ndarray) -> int:
    return (address_of(array) - address_of(owner_of(array))) // array.itemsize
