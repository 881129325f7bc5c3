"""Things that a script may give by name, as an object or as a function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fastnn.text import did_you_mean

T = TypeVar("T")

_counts: dict[str, int] = {}


def unique(kind: str) -> str:
    """Keras' automatic names of a class's objects: ``dense``, ``dense_1``, ...; ``leaky_re_lu`` of LeakyReLU."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", kind).lower()
    number = _counts.get(name, 0)
    _counts[name] = number + 1
    return name if number == 0 else f"{name}_{number}"


def forget() -> None:
    """Names start again without a number."""
    _counts.clear()


def known(kind: str, name: str, entries: Mapping[str, T]) -> T:
    """The entry of a name.

    Raises:
        ValueError: there is none, with the nearest and all that there are.
    """
    found = entries.get(name) or entries.get(name.lower())
    if found is not None:
        return found
    raise ValueError(f"unknown {kind} {name!r}{did_you_mean(name, entries) or '.'} There are: {', '.join(entries)}")


def resolve(kind: str, given: Any, entries: Mapping[str, Callable[[], T]], base: type[T]) -> T:
    """An object from its name, its class or itself.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    if isinstance(given, str):
        return known(kind, given, entries)()
    if isinstance(given, type) and issubclass(given, base):
        return given()
    if isinstance(given, base):
        return given
    raise TypeError(f"{kind} must be a name or a {base.__name__} of fastnn.keras, got {type(given).__name__}")
