"""One file a room of ``cpp/ops``: its cases."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from benchmarks.harness import Case, Options

ROUNDS = 11
PEERS = ("torch",)


def rooms() -> list[str]:
    """The files here."""
    return sorted(module.name for module in iter_modules(__path__))


def cases(options: Options) -> Iterator[Case]:
    """Every case of every room."""
    for room in rooms():
        for op_case in import_module(f"{__name__}.{room}").cases():
            yield op_case.case(room, options)
