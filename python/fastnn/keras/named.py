"""Things that a script may give by name, as an object, as a function, or as what ``get_config`` said of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from fastnn.errors import told
from fastnn.text import did_you_mean, nearest

T = TypeVar("T")

_counts: dict[str, int] = {}


class Number(float):
    """What losses and metrics give: TensorFlow's scripts ask for its ``numpy()``."""

    def numpy(self) -> np.float32:
        return np.float32(self)


def snake(kind: str) -> str:
    """Keras' name of a class: ``dense``; ``leaky_re_lu`` of LeakyReLU."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", kind).lower()


def unique(kind: str) -> str:
    """Keras' automatic names of a class's objects: ``dense``, ``dense_1``, ..."""
    name = snake(kind)
    number = _counts.get(name, 0)
    _counts[name] = number + 1
    return name if number == 0 else f"{name}_{number}"


def forget() -> None:
    """Names start again without a number."""
    _counts.clear()


def known(kind: str, name: str, entries: Mapping[str, T]) -> T:
    """The entry of a name: as it is, in small letters, or of a class in Keras' form (``MeanSquaredError``).

    Raises:
        ValueError: there is none, with the nearest and all that there are.
    """
    for spelling in (name, name.lower(), snake(name)):
        if spelling in entries:
            return entries[spelling]
    text = f"unknown {kind} {name!r}{did_you_mean(name, entries) or '.'} There are: {', '.join(entries)}"
    raise told(ValueError(text), "name.unknown", name=name, known=", ".join(nearest(name, entries, 3)) or None)


def resolve(kind: str, given: Any, entries: Mapping[str, Callable[..., T]], base: type[T]) -> T:
    """An object from its name, its class, itself, or its ``{"class_name": ..., "config": {...}}``.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    if isinstance(given, str):
        return known(kind, given, entries)()
    if isinstance(given, Mapping) and "class_name" in given:
        return known(kind, given["class_name"], entries)(**given.get("config", {}))
    if isinstance(given, type) and issubclass(given, base):
        return given()
    if isinstance(given, base):
        return given
    raise TypeError(f"{kind} must be a name or a {base.__name__} of fastnn.keras, got {type(given).__name__}")


def arguments(kind: type) -> dict[str, Any]:
    """What a class's constructor takes, with what it hands on to its bases': names and defaults."""
    return _arguments(kind)[0]


def _arguments(kind: type) -> tuple[dict[str, Any], bool]:
    """The same, and whether it takes any others too."""
    names: dict[str, Any] = {}
    for base in (base for base in kind.__mro__ if "__init__" in vars(base) and base is not object):
        given = list(inspect.signature(base.__init__).parameters.values())[1:]  # type: ignore[misc]
        open_ended = [each.kind for each in given if each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
        names = {**{each.name: each.default for each in given if each.kind not in open_ended}, **names}
        if inspect.Parameter.VAR_KEYWORD not in open_ended:
            return names, False
    return names, bool(names)


class Renaming(type):
    """Of classes that take arguments under Keras 1's and 2's names too (``former``: theirs to ours), and say of others
    what to do instead (``refused``: None, which asks for nothing, is taken).

    Raises:
        TypeError: an argument that there never was, or one given under both names.
        ValueError: one that is refused.
    """

    former: ClassVar[dict[str, str]] = {}
    refused: ClassVar[dict[str, str]] = {}

    def __call__(cls, *args: Any, **given: Any) -> Any:
        known_here, others = _arguments(cls)
        former = {old: new for base in reversed(cls.__mro__) for old, new in vars(base).get("former", {}).items()}
        refused = {name: text for base in reversed(cls.__mro__) for name, text in vars(base).get("refused", {}).items()}
        for name in list(given):
            if name in known_here:
                continue
            value = given.pop(name)
            if name in former and former[name] not in given:
                given[former[name]] = value
            elif name in former:
                raise TypeError(f"{cls.__name__}: {name} is the former name of {former[name]}; give one of them")
            elif name in refused and value is not None:
                raise ValueError(f"{cls.__name__}: {name} is not supported: {refused[name]}")
            elif name not in refused and others:
                given[name] = value
            elif name not in refused:
                raise _unknown(cls.__name__, name, known_here)
        return super().__call__(*args, **given)


def _unknown(what: str, name: str, known: Iterable[str]) -> TypeError:
    error = TypeError(f"{what} has no argument {name!r} in fastnn.keras{did_you_mean(name, known)}")
    return told(error, "argument.unknown", name=name, meant=(*nearest(name, known), None)[0])


def check_named(kind: type, given: Mapping[str, Any]) -> None:
    """Refuses keyword arguments that a constructor does not take."""
    known = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    for name in given:
        if name not in known and all(each.kind is not each.VAR_KEYWORD for each in known.values()):
            raise _unknown(kind.__name__, name, known)


class Configured(metaclass=Renaming):
    """What keeps the arguments of its constructor as attributes, and so can be made again of them."""

    def get_config(self) -> dict[str, Any]:
        """The arguments that make it again, as JSON has them.

        Raises:
            ValueError: one of them is a function of the user's.
        """
        return {name: plain(getattr(self, name)) for name in arguments(type(self))}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """One of what :meth:`get_config` gave."""
        return cls(**config)


def plain(value: Any) -> Any:
    """A value as JSON has it; an object by its class and its config.

    Raises:
        ValueError: a function.
    """
    if isinstance(value, Configured):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if hasattr(value, "tolist"):  # of NumPy, or a tensor
        return value.tolist()
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and type(value) is not float:
        return float(value)
    if callable(value):
        name = getattr(value, "__name__", type(value).__name__)
        raise ValueError(f"{name!r} is a function of yours, which a file cannot hold: save_weights() can")
    return value


def options(
    call: Callable[..., Any], given: Mapping[str, Any], former: Mapping[str, str], harmless: tuple[str, ...]
) -> dict[str, Any]:
    """Further keyword arguments of a function: those of Keras 1 and 2 under their names of today, without those that
    change nothing here.

    Raises:
        TypeError: an argument that there never was.
    """
    for name in given:
        if name not in former and name not in harmless:
            raise _unknown(call.__name__, name, inspect.signature(call).parameters)
    return {former[name]: value for name, value in given.items() if name in former}
