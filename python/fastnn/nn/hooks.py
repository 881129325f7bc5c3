"""Hooks of modules: functions that are called before or after each forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn.eager import ops

Hook = Callable[..., Any]


class RemovableHandle:
    """What registering a hook gives: ``handle.remove()`` takes it off again; so does the end of ``with handle:``."""

    def __init__(self, hooks: list[Hook], hook: Hook) -> None:
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def registered(module: Any, field: str, hook: Hook, prepend: bool) -> RemovableHandle:
    """Puts a hook into a module's list of that name."""
    hooks = module.__dict__.setdefault(field, [])
    hooks.insert(0 if prepend else len(hooks), hook)
    return RemovableHandle(hooks, hook)


def with_hooks(module: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """One forward of a module with what its hooks make of inputs and output."""
    if ops.recorder is not None:
        ops.recorder.refuse("a forward hook")
    for hook in tuple(module._pre_hooks):
        changed = hook(module, args)
        if changed is not None:
            args = changed if isinstance(changed, tuple) else (changed,)
    output = module.forward(*args, **named)
    for hook in tuple(module._hooks):
        changed = hook(module, args, output)
        output = output if changed is None else changed
    return output
