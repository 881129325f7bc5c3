"""What a network is made of, as plain data and back: known layers with the arguments of their constructors, in a tree.

    {"class": "Sequential", "modules": {"0": {"class": "Linear", "arguments": {"in_features": 4, "out_features": 3}}}}

Arguments that are the constructor's own defaults are left out. A layer that stands in several places is described at
the first, ``{"same": "0"}`` at the others (a module of such layers is another module of the same layers there). Known
are the layers of ``fastnn.nn`` and the models of ``fastnn.models``; nothing else is looked up, nothing is imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from fastnn.errors import FormatError
from fastnn.io.checks import MAX_TENSORS, shown_name
from fastnn.nn import init
from fastnn.nn.container import Sequential
from fastnn.nn.module import Module
from fastnn.text import way

Structure = dict[str, Any]

# A forward of so many modules within each other is far from the end of Python's stack.
MAX_DEPTH = 100
# A model's constructor makes parts that others from the file may take the place of: ImageNet's 1000 classes of 512
# features each, say.
_REPLACED = 2**20


@cache
def known_classes() -> Mapping[str, type[Module]]:
    """The classes that files may name. Lists and dicts of modules, and losses, are no part of what is known to run."""
    from fastnn import models, nn

    found = {name: getattr(home, name) for home in (nn, models) for name in home.__all__}
    left_out = (nn.Module, nn.ModuleList, nn.ModuleDict)
    return {
        name: kind
        for name, kind in found.items()
        if isinstance(kind, type) and issubclass(kind, Module)
        if kind not in left_out and kind.__module__ != "fastnn.nn.losses"
    }


def structure_of(model: Module) -> Structure:
    """The description of a model; of a class that is not known, its name alone."""
    return _described(model, "", {})


def unknown_in(structure: Structure, path: str = "") -> Iterator[tuple[str, str]]:
    """Paths and names of the modules that nobody can build from their description."""
    if "class" in structure and structure["class"] not in known_classes():
        yield path, structure["class"]
    for child, value in structure.get("modules", {}).items():
        yield from unknown_in(value, _join(path, child))


def build(where: str, structure: Any, arrays: Mapping[str, np.ndarray]) -> Module:
    """The model of a description, with the values of a state_dict; ``where`` (the file's path) begins every message.

    Raises:
        FormatError: it is no description of known classes, or not of what the arrays are.
    """
    what = f"{where}: its description of the network does not fit"
    return filled(what, arrays, lambda: _Builder(where).module(structure, "", 0))


def filled(what: str, arrays: Mapping[str, np.ndarray], make: Callable[[], Module]) -> Module:
    """The model that make() makes, with the values of a state_dict; of sizes that the arrays do not have, none is made.
    ``what`` begins every message.

    Raises:
        FormatError: it cannot be made, or has other tensors.
    """
    try:
        with init.without_values(2 * sum(array.size for array in arrays.values()) + _REPLACED):
            model = make()
        model.load_state_dict(arrays)
    except FormatError:
        raise
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RuntimeError) as error:
        raise FormatError(f"{what} ({error!s:.500})") from error
    return model


def _described(module: Module, path: str, seen: dict[int, str]) -> Structure:
    if id(module) in seen and not module._modules:
        return {"same": seen[id(module)]}
    seen.setdefault(id(module), path)
    kind = type(module)
    if known_classes().get(kind.__name__) is not kind:
        return {"class": f"{kind.__module__}.{kind.__qualname__}"}
    parts = {
        "arguments": dict(_arguments_of(module)),
        "modules": {name: _described(child, _join(path, name), seen) for name, child in module._modules.items()},
    }
    return {"class": kind.__name__, **{name: part for name, part in parts.items() if part}}


def _arguments_of(module: Module) -> Iterator[tuple[str, Any]]:
    """What a module was made with, as far as it differs from the defaults. Layers keep each argument under its name;
    of a flag, such as bias, some keep what it made.
    """
    hints, fields = _hints(type(module)), module.__dict__
    for name, parameter in inspect.signature(type(module)).parameters.items():
        if name not in hints or name not in fields:
            continue
        value = _plain(fields[name])
        if hints[name] is bool and not isinstance(value, bool):
            value = value is not None
        if value != _plain(parameter.default):
            yield name, value


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


@cache
def _hints(kind: type[Module]) -> Mapping[str, Any]:
    """The types of a constructor's arguments that a description may have: no modules and no tensors."""
    hints = get_type_hints(kind.__init__)
    names = [name for name, each in inspect.signature(kind).parameters.items() if each.kind != each.VAR_POSITIONAL]
    return {name: hints[name] for name in names if not name.startswith("_") and _is_plain(hints[name])}


def _is_plain(hint: Any) -> bool:
    inside = get_args(hint)
    return all(map(_is_plain, inside)) if inside else hint in (bool, int, float, str, NoneType)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value out of a file is of a type: an int is no flag, and of 32 bits."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in inside)
    if origin in (tuple, Sequence):
        return isinstance(value, list) and all(any(_fits(item, each) for each in inside) for item in value)
    if hint in (int, float) and type(value) is int:
        return abs(value) < 2**31
    return type(value) is hint


class _Builder:
    """Makes modules. Every value came out of a file."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.made: dict[str, Module] = {}
        self.count = 0

    def module(self, structure: Any, path: str, depth: int) -> Module:
        """The module of a description."""
        if not isinstance(structure, dict):
            raise self.error(path, f"is described by {shown_name(structure)}")
        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_TENSORS:
            raise self.error(path, f"is beyond {MAX_DEPTH} modules within each other or {MAX_TENSORS:,} in all")
        if "same" in structure:
            same = self.made.get(str(structure["same"]))
            if same is None or same._modules:  # some of some of some would be billions
                raise self.error(
                    path, f"is to be the same as {shown_name(structure['same'])}, which is no layer before it"
                )
            return same
        kind = known_classes().get(str(structure.get("class")))
        if kind is None:
            raise self.unknown(path, structure.get("class"))
        module = kind(**self.arguments(kind, structure.get("arguments", {}), path))
        children = structure.get("modules", {})
        if not isinstance(children, dict) or (children and not module._modules and kind is not Sequential):
            raise self.error(path, f"({kind.__name__}) has the modules {shown_name(children)}")
        for name, value in children.items():
            self.child(module, name, value, path, depth)
        self.made[path] = module
        return module

    def child(self, module: Module, name: str, structure: Any, path: str, depth: int) -> None:
        """Puts a module into another, where the constructor has not made one like it."""
        made, place = module._modules.get(name), _join(path, name)
        if made is not None and _described(made, place, {}) == structure:
            self.made |= {_join(place, below): each for below, each in made.named_modules()}
            return
        taken = hasattr(type(module), name) or (made is None and module.__dict__.get(name) is not None)
        if taken or not name or "." in name:
            raise self.error(place, "has no place there")
        setattr(module, name, self.module(structure, place, depth + 1))

    def arguments(self, kind: type[Module], given: Any, path: str) -> dict[str, Any]:
        """Arguments of a constructor, each of its type."""
        hints = _hints(kind)
        for name, value in given.items() if isinstance(given, dict) else [("arguments", given)]:
            if name not in hints or not _fits(value, hints[name]):
                raise self.error(path, f"({kind.__name__}) has {shown_name(name)} = {shown_name(value)}")
        return {name: _as_argument(value) for name, value in given.items()}

    def unknown(self, path: str, name: Any) -> FormatError:
        """What to do about a class that is not known."""
        how = way("--model MODULE:CLASS or NAME", "one of fastnn.models whose tensors have these names")
        return self.error(
            path,
            f"is a {shown_name(name)}, no class of fastnn's: the file has its numbers, not its code. Build the network "
            f"and model.load_state_dict(fastnn.load(path)), or take {how}",
        )

    def error(self, path: str, what: str) -> FormatError:
        """A message on a module."""
        layer = f"layer {shown_name(path)}" if path else "the network"
        return FormatError(f"{self.where}: {layer} {what}")


def _as_argument(value: Any) -> Any:
    return tuple(map(_as_argument, value)) if isinstance(value, list) else value


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name
