"""Objects as plain data and back: whole modules, named tuples, dataclasses, namespaces, members of enumerations.

What is written are their class's name and their attributes. Coming back, a class is looked for among those that the
running program has; nothing is imported, no constructor and no method is called. So a file brings values, and no class
that would do anything with them by itself: modules, and records without a ``__del__``.

In the file an object is a number, ``{"fastnn.object": 3}``, that stands for an entry of a list: objects that are
shared, or that hold each other, stay so.
"""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from inspect import getattr_static
from operator import index
from pathlib import Path, PurePath
from types import FunctionType, MemberDescriptorType, SimpleNamespace
from typing import Any

import numpy as np

from fastnn.eager import dtypes
from fastnn.eager.device import device
from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError, told
from fastnn.io.checks import check_key, shown_name
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter

REFERENCE = "fastnn.object"
_REGISTRIES = ("_parameters", "_modules", "_buffers")
# Where the functions and classes are that an attribute may name: they compute, and do nothing else.
_COMPUTING = ("fastnn.eager.", "fastnn.nn.")
_NAMESPACES = (("argparse", "Namespace"), ("types", "SimpleNamespace"))

_SCALAR = str | int | float | None

Entry = dict[str, Any]


def flatten(obj: Any) -> tuple[Any, list[Entry]]:
    """Plain data with arrays for tensors, and the entries of the objects in it (none for a state_dict).

    Raises:
        TypeError: something that is no data, naming its place.
        ValueError: nested too deeply.
    """
    writer = _Flattening()
    try:
        return writer.value(obj, "obj"), writer.entries
    except RecursionError as error:
        raise ValueError("obj is nested too deeply, or holds itself") from error


def restore(value: Any, entries: Any, where: str) -> Any:
    """What :func:`flatten` was given, for its results; ``where`` (the file's path) begins every message.

    Raises:
        FormatError: a class that the program does not have, or that has other fields now; damaged entries.
    """
    if entries:
        from fastnn.training import network  # noqa: F401  it and all layers are there for every program
    try:
        return _Restoring(entries, where).value(value)
    except FormatError:
        raise
    except (LookupError, AttributeError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise FormatError(f"{where}: its description of objects is damaged ({error!r:.200})") from error


class _Flattening:
    """Makes the entries. Within an object every value keeps its kind; elsewhere arrays and parameters become tensors
    and sizes tuples, as in any state_dict.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.known: dict[int, tuple[Any, dict[str, int]]] = {}

    def value(self, value: Any, place: str, within: bool = False) -> Any:
        """Any value."""
        describe = _describer(value, within)
        if describe is not None:
            return self.reference(value, place, describe)
        if isinstance(value, Tensor):
            return np.asarray(value._data, order="C")
        if isinstance(value, Mapping):
            return self.mapping(value, place, within)
        if isinstance(value, list | tuple):
            items = [self.value(item, f"{place}[{index}]", within) for index, item in enumerate(value)]
            return items if isinstance(value, list) else tuple(items)
        if hasattr(value, "state_dict"):
            kind = type(value).__name__
            raise TypeError(f"{place} is a whole {kind}, which holds more than data: save its state_dict()")
        if within and not isinstance(value, _SCALAR | np.generic):
            raise _no_data(value, place, "it is no number, text, list, dict or tensor")
        return value

    def mapping(self, value: Mapping[Any, Any], place: str, within: bool) -> dict[Any, Any]:
        """A dict."""
        if any(isinstance(key, Parameter) for key in value):
            raise TypeError("a dict keyed by parameters cannot be saved: use optimizer.state_dict()")
        if REFERENCE in value:
            raise TypeError(f"{place} has the key {REFERENCE!r}, which stands for objects in files: rename it")
        kind = OrderedDict if isinstance(value, OrderedDict) else dict
        return kind((key, self.value(item, f"{place}[{key!r:.60}]", within)) for key, item in value.items())

    def reference(self, value: Any, place: str, describe: Describe) -> dict[str, int]:
        """What stands for an object; its entry is made where it is met first."""
        if id(value) not in self.known:
            self.known[id(value)] = value, {REFERENCE: len(self.entries)}
            entry: Entry = {}
            self.entries.append(entry)
            entry |= describe(self, value, place)
        return self.known[id(value)][1]

    def attributes(self, values: Mapping[str, Any], place: str) -> dict[str, Any]:
        """Values by name."""
        return {name: self.value(item, f"{place}.{name}", within=True) for name, item in values.items()}

    def module(self, value: Module, place: str) -> Entry:
        """A module: what is registered, and its other attributes."""
        state, kind = value.__getstate__(), type(value)
        if not isinstance(state, dict) or hasattr(kind, "__setstate__") or not _is_inert(kind):
            raise _no_data(value, place, "it has __slots__, a __getstate__ or __setstate__ of its own, or a __del__")
        registries = {name: state.get(name, {}) for name in _REGISTRIES}
        registered = {*registries, *(name for registry in registries.values() for name in registry)}
        rest = {name: item for name, item in state.items() if name not in registered}
        parts = {name: self.attributes(registry, place) for name, registry in registries.items()}
        return {"class": _name_of(kind), **parts, "attributes": self.attributes(rest, place)}

    def record(self, value: Any, place: str) -> Entry:
        """A named tuple, dataclass or namespace: its fields."""
        kind = type(value)
        if not _is_inert(kind) or not (isinstance(value, tuple) or _can_be_blank(kind)):
            raise _no_data(value, place, "it has a __del__, or is of a class of C code")
        state = {name: getattr(value, name) for name in _field_names(kind) if hasattr(value, name)}
        return {"class": _name_of(kind), "fields": self.attributes(state | getattr(value, "__dict__", {}), place)}

    def parameter(self, value: Parameter, place: str) -> Entry:
        """A parameter, in the memory layout that its layer gave it: by rows or by columns."""
        array = value._data
        by_columns = array.ndim == 2 and array.flags.f_contiguous and not array.flags.c_contiguous
        stored = np.asarray(array.T if by_columns else array, order="C")
        return {"parameter": stored, "by_columns": by_columns, "requires_grad": value.requires_grad}

    def set(self, value: Any, place: str) -> Entry:
        """A set of numbers and texts."""
        if not all(isinstance(item, _SCALAR) for item in value):
            raise _no_data(value, place, "it has more in it than numbers and texts")
        return {"set": sorted(value, key=repr), "frozen": isinstance(value, frozenset)}

    def member(self, value: Enum, place: str) -> Entry:
        """A member of an enumeration, by its name."""
        if type(value)._member_map_.get(value.name) is not value:  # such as several flags at once
            raise _no_data(value, place, "it is none of the members by name")
        return {"class": _name_of(type(value)), "member": value.name}

    def queue(self, value: deque[Any], place: str) -> Entry:
        """A deque."""
        return {"queue": self.value(list(value), place, within=True), "maxlen": value.maxlen}

    def name(self, value: Any, place: str) -> Entry:
        """A function or class of fastnn."""
        if _computing(*_name_of(value)) is not value:
            raise _no_data(value, place, "of functions and classes, files name those of fastnn only")
        return {"name": _name_of(value)}


Describe = Callable[[_Flattening, Any, str], Entry]

# Kinds of values that plain data would make something else of.
_SMALL: tuple[tuple[Any, Describe], ...] = (
    (dtypes.dtype, lambda _, value, __: {"dtype": value.name}),
    (device, lambda _, value, __: {"device": str(value)}),
    (set | frozenset, _Flattening.set),
    (Enum, _Flattening.member),
    (deque, _Flattening.queue),
    (PurePath, lambda _, value, __: {"path": str(value)}),
    (bytes, lambda _, value, __: {"bytes": np.frombuffer(value, np.uint8)}),
    (complex, lambda _, value, __: {"complex": [value.real, value.imag]}),
    (range, lambda _, value, __: {"range": [value.start, value.stop, value.step]}),
    (FunctionType | type, _Flattening.name),
)
_SMALL_WITHIN: tuple[tuple[Any, Describe], ...] = (
    (Parameter, _Flattening.parameter),
    (np.ndarray, lambda _, value, __: {"array": np.asarray(value, order="C")}),
    (dtypes.Size, lambda _, value, __: {"size": list(value)}),
)


def _describer(value: Any, within: bool) -> Describe | None:
    """What makes an object's entry; None for what needs none."""
    if isinstance(value, Module):
        return _Flattening.module
    if not isinstance(value, type) and _is_record(type(value)):
        return _Flattening.record
    kinds = _SMALL + _SMALL_WITHIN if within else _SMALL
    return next((describe for kind, describe in kinds if isinstance(value, kind)), None)


class _Restoring:
    """Makes the objects of entries, each once; an object stands in ``made`` before it is filled, as it may hold itself.

    Every entry came out of a file: a wrong one ends in one of the errors that :func:`restore` turns into its own.
    """

    def __init__(self, entries: Any, where: str) -> None:
        self.entries = entries
        self.where = where
        self.made: dict[int, Any] = {}
        self.parts = {"array": np.asarray, "dtype": _dtype, "device": device, "size": _size, "path": Path}
        self.parts |= {"bytes": _bytes, "complex": _complex, "range": _range}

    def value(self, value: Any) -> Any:
        """Any value."""
        if isinstance(value, np.ndarray):
            return Tensor._wrap(value)
        if isinstance(value, Mapping):
            if REFERENCE in value:
                return self.object(value[REFERENCE])
            return type(value)((key, self.value(item)) for key, item in value.items())
        if isinstance(value, list | tuple):
            return type(value)([self.value(item) for item in value])
        return value

    def object(self, number: int) -> Any:
        """The object of an entry."""
        if number not in self.made:
            self.fill(number, self.entries[number])
        return self.made[number]

    def fill(self, number: int, entry: Entry) -> None:
        """Makes an entry's object."""
        if "attributes" in entry:
            self.module(number, entry)
        elif "fields" in entry:
            self.record(number, entry)
        else:
            self.made[number] = self.small(entry)

    def small(self, entry: Entry) -> Any:
        """What is no module and no record."""
        if "parameter" in entry:
            stored = entry["parameter"]
            return Parameter(stored.T if entry["by_columns"] else stored, bool(entry["requires_grad"]))
        if "set" in entry:
            for item in entry["set"]:
                check_key(item)
            return (frozenset if entry["frozen"] else set)(entry["set"])
        if "member" in entry:
            return self.class_of(entry, Enum)._member_map_[entry["member"]]  # type: ignore[attr-defined]
        if "queue" in entry:
            return deque(self.value(entry["queue"]), entry["maxlen"])
        if "name" in entry:
            return self.found(entry["name"], _computing(*entry["name"]))
        ((kind, value),) = entry.items()
        return self.parts[kind](value)

    def module(self, number: int, entry: Entry) -> None:
        """A module with its parts under their names."""
        module = self.made[number] = object.__new__(self.class_of(entry, Module))
        state = object.__getattribute__(module, "__dict__")
        state.update(self.attributes(entry["attributes"]))
        for registry, kind in zip(_REGISTRIES, (Parameter, Module, Tensor), strict=True):
            state[registry] = parts = self.attributes(entry[registry])
            if not all(isinstance(part, kind | None) for part in parts.values()):
                raise TypeError(f"{registry} has something else")
            state.update(parts)

    def record(self, number: int, entry: Entry) -> None:
        """A named tuple, dataclass or namespace."""
        kind, state = self.class_of(entry, object), entry["fields"]
        if not _is_record(kind) or set(_field_names(kind)) - set(state):
            name = _dotted(entry["class"])
            raise FormatError(f"{self.where}: {name} had other fields when it was saved: {list(state)!r:.200}")
        if issubclass(kind, tuple):
            values = self.attributes(state)
            self.made[number] = tuple.__new__(kind, [values[name] for name in kind._fields])
            return
        record = self.made[number] = _blank(kind)
        for name, value in self.attributes(state).items():
            slot = getattr_static(kind, name, None)
            if isinstance(slot, MemberDescriptorType):
                slot.__set__(record, value)
            else:
                object.__getattribute__(record, "__dict__")[name] = value

    def attributes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by name."""
        return {str(name): self.value(item) for name, item in values.items()}

    def class_of(self, entry: Entry, base: type) -> type:
        """The class of an entry, below a base."""
        module, name = entry["class"]
        found = _find(module, name)
        if not isinstance(found, type) or base not in found.__mro__:
            found = _alive(module, name, base)
        if found is not None and not _is_inert(found):
            raise TypeError(f"{_dotted(entry['class'])} is no class of data")
        return self.found(entry["class"], found)

    def found(self, name: list[str], value: Any) -> Any:
        """A class or function, refused where there is none."""
        if value is None:
            kind = shown_name(_dotted(name))
            text = (
                f"{self.where} holds an object of {kind}, which this program does not have: "
                "import or define it before load(). A file that needs no classes has model.state_dict()"
            )
            raise told(FormatError(text), "object.class", path=self.where, kind=kind)
        return value


def _dtype(name: str) -> dtypes.dtype:
    return {kind.name: kind for kind in vars(dtypes).values() if isinstance(kind, dtypes.dtype)}[name]


def _size(extents: list[int]) -> dtypes.Size:
    return dtypes.Size(map(index, extents))


def _bytes(values: np.ndarray) -> bytes:
    return np.asarray(values, np.uint8).tobytes()  # bytes() of a number would make as many


def _complex(parts: list[float]) -> complex:
    real, imaginary = map(float, parts)
    return complex(real, imaginary)


def _range(ends: list[int]) -> range:
    return range(*map(index, ends))


def _is_record(kind: type) -> bool:
    """Whether objects of a class are their fields: named tuples, dataclasses, namespaces."""
    return (issubclass(kind, tuple) and hasattr(kind, "_fields")) or is_dataclass(kind) or _is_namespace(kind)


def _is_namespace(kind: type) -> bool:
    return (kind.__module__, kind.__qualname__) in _NAMESPACES


def _field_names(kind: Any) -> list[str]:
    """The fields that every object of a record's class has."""
    if issubclass(kind, tuple):
        return list(kind._fields)
    return [each.name for each in fields(kind)] if is_dataclass(kind) else []


def _is_inert(kind: type) -> bool:
    """Whether objects of a class do nothing by themselves."""
    return not hasattr(kind, "__del__")


def _blank(kind: type) -> Any:
    """An object without attributes, by no code of its class."""
    return (SimpleNamespace if issubclass(kind, SimpleNamespace) else object).__new__(kind)


def _can_be_blank(kind: type) -> bool:
    try:
        return _blank(kind) is not None
    except TypeError:  # such as of a dataclass that is an exception too
        return False


def _name_of(value: Any) -> list[str]:
    """Where a class or function is defined."""
    return [value.__module__, value.__qualname__]


def _dotted(name: list[str]) -> str:
    return ".".join(name)


def _computing(module: str, name: str) -> Any:
    """A function or module class of fastnn; None for another name."""
    value = _find(module, name) if f"{module}.".startswith(_COMPUTING) else None
    is_layer = isinstance(value, type) and issubclass(value, Module)
    return value if is_layer or isinstance(value, FunctionType) else None


def _find(module: str, name: str) -> Any:
    """What a loaded module has under a dotted name, without a call of anybody's ``__getattr__``; None for nothing."""
    value: Any = sys.modules.get(module)
    for part in name.split("."):
        value = getattr_static(value, part, None)
    return value


def _alive(module: str, name: str, base: type) -> type | None:
    """A class below a base that no name leads to: one made inside a function, the youngest of that name; or one of a
    script that has become a module, or of a module that is a script now, where there is only one.
    """
    alike = [kind for kind in _below(base) if kind.__qualname__ == name]
    same = [kind for kind in alike if kind.__module__ == module]
    if same:
        return same[-1]
    moved = [kind for kind in alike if "__main__" in (module, kind.__module__)]
    return moved[0] if len(moved) == 1 else None


def _below(base: type) -> Iterator[type]:
    """All classes below one, those that were made earlier first."""
    seen = {base}
    level = [base]
    for kind in level:
        new = [child for child in type.__subclasses__(kind) if child not in seen]
        seen.update(new)
        level += new
        yield from new


def _no_data(value: Any, place: str, why: str) -> TypeError:
    kind = type(value).__name__
    return TypeError(f"{place} is a {kind} that cannot be saved as data: {why}. Save model.state_dict() instead")
