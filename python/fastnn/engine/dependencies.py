"""What a recorded step depends on, as values: where two are equal, so are the programs that would be recorded.

All of it is known only of models, criteria and optimizers of fastnn's own classes, with nothing put in place of their
methods: other code may read whatever it likes. Of that, what can be seen is here: which parameters and modules it has,
the numbers, flags and words in their fields, and which other objects stand there, with what these contain.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from fastnn import _core
from fastnn.eager.memory import owner_of
from fastnn.eager.tensor import Tensor
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.optim.optimizer import Optimizer

Dependencies = dict[Any, Any]

_REGISTRIES = frozenset({"_parameters", "_modules", "_buffers"})
_PLAIN = frozenset({bool, int, float, str, type(None)})
_WITHOUT_CONTENTS = (type, FunctionType, ModuleType, np.ndarray)
# Entries of one field's object that are looked at before each step: 30 us. Lists of settings or layers are shorter.
_MOST_ENTRIES = 256


class Unknown:
    """In the place of something that other code could read: what it is, and that it is not all."""

    def __init__(self, *seen: Any) -> None:
        self.seen = seen

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown) and self.seen == other.seen

    __hash__ = None  # type: ignore[assignment]


def dependencies_of(model: Module, criterion: Any, optimizer: Optimizer | None) -> Dependencies:
    """What the programs of a plan depend on, but for what is looked up before each call.

    Equal only while the parameters of both live: they are told apart by their ids.
    """
    found: Dependencies = {"isa": _core.isa(), "criterion": _criterion(criterion), "optimizer": _optimizer(optimizer)}
    learned = [] if optimizer is None else [p for group in optimizer.param_groups for p in group["params"]]
    found.update(_fields_of("model", model))
    found.update(_fields_of("criterion", criterion) if isinstance(criterion, Module) else ())
    found.update(_layouts({id(p): p for p in (*model.parameters(), *learned)}))
    return found


def is_known(found: Dependencies) -> bool:
    """Whether nothing else can matter."""
    return not any(isinstance(value, Unknown) for value in found.values())


def state_kept(optimizer: Optimizer) -> list[tuple[Any, ...]]:
    """Of each group: which state is kept of its parameters, and which way the steps go."""
    return [(*optimizer.active_slots(group), group.get("maximize")) for group in optimizer.param_groups]


def held_by(criterion: Any) -> list[str]:
    """Numbers, flags and words that a criterion which is no module holds: in its closure, its fields, or those of the
    object whose method it is.
    """
    parts = (criterion, getattr(criterion, "__self__", None), getattr(criterion, "func", None))
    cells = [cell for part in parts for cell in getattr(part, "__closure__", None) or ()]
    values = [getattr(cell, "cell_contents", None) for cell in cells]
    fields = [each for part in parts for name in ("__dict__", "keywords") if (each := getattr(part, name, None))]
    held = (*values, *(value for each in fields for value in each.values()))
    return [str(contents(value)) for value in held if _is_plain(value) or type(value) in (list, dict, set)]


def objects_held(*roots: Any) -> list[Any]:
    """What stands in fields of modules that can change without being replaced: lists, tensors, users' objects."""
    modules = [module for root in roots if isinstance(root, Module) for module in root.modules()]
    fields = [value for module in modules for value in _recorded(module).values()]
    skipped = (Parameter, Module, *_WITHOUT_CONTENTS)
    return [value for value in fields if not _is_plain(value) and not isinstance(value, skipped)]


def users_fields(module: Module) -> dict[str, Any]:
    """What stands in the fields of a module whose class is not of this package, but for its parameters and modules."""
    if not isinstance(_ours(type(module)), Unknown):
        return {}
    return {name: value for name, value in _recorded(module).items() if not isinstance(value, Parameter | Module)}


def contents(root: Any) -> list[Any]:
    """What an object consists of: numbers and words by their text, others by their ids and with what is in them. Of a
    long list the length and the first entries; of a tensor which array it has.
    """
    found: list[Any] = []
    seen: set[int] = set()
    to_see = [root]
    while to_see and len(found) < _MOST_ENTRIES:
        value = to_see.pop()
        if _is_plain(value):
            found.append(repr(value))
            continue
        inside = [] if id(value) in seen else _entries(value)
        seen.add(id(value))
        found.append((id(value), len(inside)))
        to_see += reversed(inside[:_MOST_ENTRIES])
    return found


def _entries(value: Any) -> list[Any]:
    if isinstance(value, Tensor):
        return [] if isinstance(value, Parameter) else [value._data]
    if isinstance(value, dict):
        return [entry for item in value.items() for entry in item]
    if isinstance(value, list | tuple | set | frozenset | deque):
        return list(value)
    fields = None if isinstance(value, _WITHOUT_CONTENTS) else getattr(value, "__dict__", None)
    # Of a layer in a list: what it counts is no setting. Its mode is one: no step sets it.
    counts = type(value).unrecorded - Module.unrecorded if isinstance(value, Module) else ()
    return [each for item in (fields or {}).items() if item[0] not in counts for each in item]


def _ours(what: Any) -> Any:
    """A class or a function of this package, as it is."""
    home = getattr(what, "__module__", None) or ""
    return what if home.partition(".")[0] == __name__.partition(".")[0] else Unknown(what)


def _fields_of(role: str, root: Module) -> Iterator[tuple[Any, Any]]:
    """Of each module, by its place: its class, its children, and its fields. Numbers and words by their text, which
    tells 1 from True and 0.0 from -0.0. A module's buffers are fields too, of which this knows their shapes.
    """
    for place, module in enumerate(root.modules()):
        kind = type(module)
        yield (role, place, "class"), _ours(kind)
        yield (role, place, "forward"), _ours(kind.forward)
        yield (role, place, "call"), _ours(kind.__call__)
        yield (role, place, "modules"), [(name, id(child)) for name, child in module._modules.items()]
        for name, value in _recorded(module).items():
            yield (role, place, "field", name), _field(module, name, value)


def _recorded(module: Module) -> dict[str, Any]:
    """The fields that a recording may depend on."""
    skipped = _REGISTRIES | type(module).unrecorded
    return {name: value for name, value in module.__dict__.items() if name not in skipped}


def _field(module: Module, name: str, value: Any) -> Any:
    if value is not None and value is module._buffers.get(name):
        return Unknown(value._data.shape, value._data.dtype)
    if isinstance(value, Parameter | Module):
        return id(value)
    return repr(value) if _is_plain(value) else Unknown(*contents(value))


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or (type(value) is tuple and all(map(_is_plain, value)))


def _criterion(criterion: Any) -> Any:
    """A function as it is."""
    if criterion is None or isinstance(criterion, Module):
        return None
    alone = isinstance(criterion, FunctionType) and criterion.__closure__ is None
    return _ours(criterion) if alone else Unknown(criterion, held_by(criterion))


def _optimizer(optimizer: Optimizer | None) -> Any:
    """Its class, and of each group which parameters it has and which state it keeps of them."""
    if optimizer is None:
        return ()
    groups = [tuple(map(id, group["params"])) for group in optimizer.param_groups]
    step = getattr(optimizer.step, "__func__", optimizer.step)
    found = (type(optimizer), step, groups, state_kept(optimizer))
    return Unknown(*found) if any(isinstance(_ours(each), Unknown) for each in found[:2]) else found


def _layouts(parameters: dict[int, Any]) -> Iterator[tuple[Any, Any]]:
    """How each parameter lies, in memory of its own."""
    owners: set[int] = set()
    for number, param in parameters.items():
        data = param._storage if isinstance(param, Parameter) else param._data
        owner = owner_of(data)
        layout = (data.dtype.char, data.shape, data.strides)
        alone = isinstance(param, Parameter) and owner.nbytes == data.nbytes and id(owner) not in owners
        owners.add(id(owner))
        yield ("layout", number), layout if alone else Unknown(layout)
    yield "parameters", list(parameters)
