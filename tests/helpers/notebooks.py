"""A notebook's shell, played: what it is asked to show is kept. And what HTML says."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from html.parser import HTMLParser
from io import StringIO
from typing import Any

import pytest

_VOID = {"img", "rect", "circle", "line", "polyline", "br"}


class Shell:
    """What IPython's shell of a kernel is to fastnn. ``outputs``: by display id what is shown now; one without an id
    has a number.
    """

    kernel = object()

    def __init__(self) -> None:
        self.outputs: dict[object, dict[str, str]] = {}
        self.drawn = 0
        self.hooks: list[Callable[[Any], None]] = []
        self.stdout = type("OutStream", (StringIO,), {"__module__": "ipykernel.iostream"})()
        self.display_pub = self.events = self.display_formatter = self

    def publish(self, data: dict[str, str], metadata: Any, *, transient: dict[str, str], update: bool) -> None:
        name = transient.get("display_id", len(self.outputs))
        assert update == (name in self.outputs)
        self.outputs[name] = data
        self.drawn += 1

    def format(self, value: object) -> tuple[dict[str, str], dict[str, Any]]:
        return {"text/plain": repr(value)}, {}

    def register(self, event: str, hook: Callable[[Any], None]) -> None:
        assert event == "post_run_cell"
        self.hooks.append(hook)

    def unregister(self, event: str, hook: Callable[[Any], None]) -> None:
        self.hooks.remove(hook)

    @contextmanager
    def cell(self) -> Iterator[None]:
        """Code in it is a cell, with a kernel's standard output; an interrupt ends it, as it ends a cell."""
        try:
            with redirect_stdout(self.stdout):
                yield
        except KeyboardInterrupt:
            pass
        finally:
            for hook in list(self.hooks):
                hook(None)


def played(monkeypatch: pytest.MonkeyPatch) -> Shell:
    """From here on IPython is loaded, in a notebook's kernel."""
    shell = Shell()
    module = types.ModuleType("IPython")
    module.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    return shell


class Page(HTMLParser):
    """Reads HTML and refuses elements that are not closed in turn; ``texts`` by element, ``tags`` with attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append((self.open[-1], data))

    def of(self, tag: str) -> list[str]:
        """The texts that stand directly in such elements."""
        return [text for name, text in self.texts if name == tag]
