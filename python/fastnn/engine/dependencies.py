"""What a recorded step depends on, as values: where two are equal, so are the programs that would be recorded.

All of it is known only of models, criteria and optimizers of fastnn's own classes, with nothing put in place of their
methods: other code may read whatever it likes. Of that, what can be seen is here: which parameters and modules it has,
the numbers, flags and words in their fields, and which other objects stand there.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType
from typing import Any

from fastnn import _core
from fastnn.eager.memory import owner_of
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.optim.optimizer import Optimizer

Dependencies = dict[Any, Any]

_REGISTRIES = frozenset({"_parameters", "_modules", "_buffers"})
_PLAIN = frozenset({bool, int, float, str, type(None)})


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
    return [repr(value) for value in (*values, *(v for each in fields for v in each.values())) if _is_plain(value)]


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
        for name, value in module.__dict__.items():
            if name not in _REGISTRIES and name not in kind.unrecorded:
                yield (role, place, "field", name), _field(module, name, value)


def _field(module: Module, name: str, value: Any) -> Any:
    if name in module._buffers and value is module._buffers[name]:
        return Unknown(value._data.shape, value._data.dtype)
    if isinstance(value, Parameter | Module):
        return id(value)
    return repr(value) if _is_plain(value) else Unknown(id(value))


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
    kind = _ours(type(optimizer))
    found = (type(optimizer), groups, state_kept(optimizer))
    return Unknown(*found) if isinstance(kind, Unknown) else found


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
