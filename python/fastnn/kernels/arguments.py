"""Arguments of a wrong kind: an error that names the function, the argument, what was expected and what came."""

from __future__ import annotations

import functools
import inspect
import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.errors import fault_of, retold

# By their annotation, without None.
_WANTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "np.ndarray": ("a NumPy array", lambda value: isinstance(value, np.ndarray)),
    "int": ("an integer", lambda value: isinstance(value, numbers.Integral)),
    "float": ("a number", lambda value: isinstance(value, numbers.Real)),
    "tuple[int, int]": (
        "two integers, (rows, columns)",
        lambda value: (
            isinstance(value, tuple | list)
            and len(value) == 2
            and all(isinstance(each, numbers.Integral) for each in value)
        ),
    ),
}


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """function; where a call fails, its arguments are looked at."""

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            text = _wrong(function, args, named)
            if text is None:
                raise
            raise retold(TypeError(text), fault_of(error)) from None

    return call


def _wrong(function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> str | None:
    """What is wrong with the first argument of a wrong kind."""
    signature = inspect.signature(function)
    try:
        given = signature.bind(*args, **named).arguments
    except TypeError:  # Python has said it
        return None
    for name, value in given.items():
        kind, _, optional = signature.parameters[name].annotation.partition(" | ")
        wanted, fits = _WANTED.get(kind, ("", lambda _: True))
        if optional in ("", "None") and not (fits(value) or (optional and value is None)):
            found = repr(value) if len(repr(value)) < 40 else type(value).__name__
            return f"[{function.__name__}] {name}: expected {wanted}, got {found}"
    return None


def first(functions: dict[str, Callable[..., Any]], *names: str) -> Callable[..., Any]:
    """The first of these functions that there is."""
    for name in names:
        if name in functions:
            return functions[name]
    raise ImportError(f"fastnn.kernels has no {' or '.join(names)}: each op has a function here (cpp/README.md)")


def check_least(op: str, **values: float) -> None:
    """Refuses numbers below 0."""
    for name, value in values.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"[{op}] {name} is {value}; it must be finite and at least 0")
