"""Whether code that is recorded does the same in each step: what it draws, and what it changes itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from fastnn import random
from fastnn.engine.dependencies import contents, dependencies_of, is_known, users_fields
from fastnn.engine.recording import EAGERLY, RecordingError
from fastnn.nn.module import Module

T = TypeVar("T")


def repeatable(record: Callable[[], T], model: Module, criterion: Any = None) -> T:
    """What record() gives, where all steps would do the same: it draws no random numbers, and after a first call, which
    may set what later ones find (a size, a table), changes no field of a user's module. Of fastnn's own classes it is
    known: what other threads draw meanwhile does not matter.

    Raises:
        RecordingError: it does, or record() cannot be compiled. Streams and fields are as before, so that eager code
            goes on from there; but for what is in lists and objects that are still the same ones.
    """
    if is_known(dependencies_of(model, criterion, None)):
        return record()
    modules = [module for root in (model, criterion) if isinstance(root, Module) for module in root.modules()]
    start = now = _Surroundings(modules)
    try:
        for _ in range(2):
            before, recorded = now, record()
            now = _Surroundings(modules)
            changed = now.changed_since(before)
            if not changed:
                return recorded
        raise RecordingError(
            f"forward() or the loss changes {', '.join(changed)} whenever it is called, and a compiled step would do "
            f"each time what it did when it was recorded. Such a model stays eager: {EAGERLY}"
        )
    except RecordingError:
        start.restore()
        raise


class _Surroundings:
    """Users' fields and the streams that all code draws from, as they are now."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self._modules = modules
        self._streams = [(name, read(), write) for name, read, write in _streams()]
        self._fields = [(module, users_fields(module)) for module in modules]
        self._seen = [{name: contents(value) for name, value in fields.items()} for _, fields in self._fields]

    def changed_since(self, before: _Surroundings) -> list[str]:
        """What is otherwise, in words. A stream that was not there has been imported to draw from it."""
        then = {name: value for name, value, _ in before._streams}
        found = [f"{name}'s random numbers" for name, now, _ in self._streams if not _same(now, then.get(name))]
        for (module, _), now, former in zip(self._fields, self._seen, before._seen, strict=True):
            found += [f"{type(module).__name__}.{name}" for name in now if now[name] != former.get(name)]
        return found

    def restore(self) -> None:
        for _, value, write in self._streams:
            write(value)
        for module, fields in self._fields:
            for name in users_fields(module).keys() - fields.keys():
                del module.__dict__[name]
            module.__dict__.update(fields)


def _streams() -> list[tuple[str, Callable[[], dict], Callable[[dict], Any]]]:
    """Each one's name, and how its state is read and written. Modules that nobody has imported are not."""
    found: list[tuple[str, Callable[[], dict], Callable[[dict], Any]]] = []
    found.append(("fastnn", random.state.as_dict, random.state.restore))
    if numpy := sys.modules.get("numpy.random"):
        found.append(("NumPy", lambda: numpy.get_state(legacy=False), numpy.set_state))
    if python := sys.modules.get("random"):
        found.append(("Python", lambda: dict(enumerate(python.getstate())), lambda s: python.setstate((*s.values(),))))
    return found


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return all(map(_same, one.values(), other.values()))
    return np.array_equal(one, other)
