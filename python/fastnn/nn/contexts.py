"""Around a run of a model: in another mode, with somebody who listens. Afterwards everything is as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from fastnn.nn.module import Module

Heard = Callable[[Module, tuple[Any, ...], Any], None]


@contextmanager
def modes(model: Module, *, training: bool) -> Iterator[None]:
    """Inside, every module of a model is in this mode; afterwards each is in the one that it had."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.__dict__["training"] = mode


@contextmanager
def listening(modules: Iterable[Module], heard: Heard) -> Iterator[None]:
    """Inside, ``heard(module, inputs, output)`` is called after each forward of one of the modules."""
    listened = list(modules)
    own = [module.__dict__.get("forward") for module in listened]  # a forward that was put on the module itself
    for module in listened:
        module.__dict__["forward"] = _reporting(module, module.forward, heard)
    try:
        yield
    finally:
        for module, forward in zip(listened, own, strict=True):
            del module.__dict__["forward"]
            if forward is not None:
                module.__dict__["forward"] = forward


def _reporting(module: Module, forward: Callable, heard: Heard) -> Callable:
    def reporting(*inputs: Any, **named: Any) -> Any:
        output = forward(*inputs, **named)
        heard(module, (*inputs, *named.values()), output)
        return output

    return reporting
