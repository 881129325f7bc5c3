"""What a recorded step depends on, as a value: where two are equal, so are the programs that would be recorded.

Known only of models, criteria and optimizers of fastnn's own classes, with nothing put in place of their methods: other
code may read whatever it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fastnn import _core
from fastnn.eager.memory import owner_of
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.optim.optimizer import Optimizer

Dependencies = tuple[Any, ...]

_REGISTRIES = frozenset({"_parameters", "_modules", "_buffers"})
_PLAIN = frozenset({bool, int, float, str, type(None)})


class _Unknown(Exception):
    """Something that other code could read."""


def dependencies_of(model: Module, criterion: Any, optimizer: Optimizer | None) -> Dependencies | None:
    """All that the programs of a plan depend on, but for what is looked up before each call; None: it cannot be known.

    Equal only while the parameters of both live: they are told apart by their ids.
    """
    learned = [] if optimizer is None else [p for group in optimizer.param_groups for p in group["params"]]
    try:
        modules = tuple(_module(module) for module in model.modules())
        parameters = tuple(_layouts({id(p): p for p in (*model.parameters(), *learned)}.values()))
        return _core.isa(), modules, parameters, _criterion(criterion), _optimizer(optimizer)
    except _Unknown:
        return None


def _ours(what: Any) -> Any:
    """A class or a function of this package, as it is."""
    if what.__module__.partition(".")[0] != __name__.partition(".")[0]:
        raise _Unknown
    return what


def _module(module: Module) -> Dependencies:
    """Its class and its fields: numbers and words by their text, which tells 1 from True and 0.0 from -0.0. A module's
    buffers are fields too, of which this knows nothing.
    """
    kind, fields = type(module), []
    for name, value in module.__dict__.items():
        if name in _REGISTRIES or name in kind.unrecorded:
            continue
        if not isinstance(value, Parameter | Module) and not _is_plain(value):
            raise _Unknown
        fields.append((name, repr(value) if _is_plain(value) else id(value)))
    children = tuple((name, id(child)) for name, child in module._modules.items())
    return _ours(kind), _ours(kind.forward), _ours(kind.__call__), tuple(fields), children


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or (type(value) is tuple and all(map(_is_plain, value)))


def _criterion(criterion: Any) -> Dependencies:
    if criterion is None:
        return ()
    if isinstance(criterion, Module):
        return tuple(_module(module) for module in criterion.modules())
    if getattr(criterion, "__closure__", criterion) is not None:
        raise _Unknown
    return (_ours(criterion),)


def _optimizer(optimizer: Optimizer | None) -> Dependencies:
    """Its class, and of each group which parameters it has and which state it keeps of them."""
    if optimizer is None:
        return ()
    groups = [(tuple(map(id, group["params"])), optimizer.active_slots(group)) for group in optimizer.param_groups]
    return (_ours(type(optimizer)), *groups)


def _layouts(parameters: Iterable[Parameter]) -> Iterator[Dependencies]:
    """How each parameter lies, in memory of its own."""
    owners: set[int] = set()
    for param in parameters:
        if not isinstance(param, Parameter):
            raise _Unknown
        data = param._storage
        owner = owner_of(data)
        if owner.nbytes != data.nbytes or id(owner) in owners:
            raise _Unknown
        owners.add(id(owner))
        yield id(param), data.dtype.char, data.shape, data.strides
