"""Names of arguments that PyTorch takes beside its own: NumPy's ``axis`` and ``keepdims``, ``input`` for the first."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

R = TypeVar("R")

# The other name -> the one that the function has, where it has it.
_NAMES = {"axis": "dim", "keepdims": "keepdim", "ddof": "correction", "x": "input"}
_ONLY_NAMED = inspect.Parameter.KEYWORD_ONLY


def spelled(function: Callable[..., R]) -> Callable[..., R]:
    """function, under these names of its arguments too, and with what NumPy's functions hand to methods: ``out=None``.
    One over dimensions has ``dtype``, in which the tensor is taken.
    """
    own = inspect.signature(function)
    parameters = list(own.parameters.values())
    others = {other: name for other, name in _NAMES.items() if name in own.parameters}
    others.setdefault("input", parameters[0].name)
    own_names = frozenset(own.parameters)
    takes_dtype = "dim" in own.parameters and "dtype" not in own.parameters

    @functools.wraps(function)
    def either(*args: Any, **named: Any) -> R:
        if not named:
            return function(*args)
        if own_names.issuperset(named):
            return function(*args, **named)
        given: dict[str, Any] = {}
        for name, value in named.items():
            if others.get(name, name) in given:
                raise TypeError(f"{function.__name__}() got the argument {others.get(name, name)!r} under two names")
            given[others.get(name, name)] = value
        if given.get("out", 0) is None:
            del given["out"]
        if takes_dtype and "dtype" in given:
            kind = given.pop("dtype")
            tensor = args[0] if args else given.pop(parameters[0].name)
            args = (tensor if kind is None else tensor.to(dtype=kind), *args[1:])
        return function(*args, **given)

    added = [inspect.Parameter(name, _ONLY_NAMED, default=None) for name in ("axis", "keepdims") if name in others]
    added += [inspect.Parameter("dtype", _ONLY_NAMED, default=None)] if takes_dtype else []
    rest = [each for each in parameters if each.kind is inspect.Parameter.VAR_KEYWORD]
    either.__signature__ = own.replace(parameters=[*[p for p in parameters if p not in rest], *added, *rest])  # type: ignore[attr-defined]
    return either
