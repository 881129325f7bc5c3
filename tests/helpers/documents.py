"""The documents as tests read them: blocks of Python, and the public names that the reference lists."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from repository import ROOT

DOCS = ROOT / "docs"
EXAMPLES = DOCS / "reference/examples"
_BLOCK = re.compile(
    r"(^<!-- not run: .+? -->\n\n?)?^```python\n(.*?)^```$|^<!-- before\n(.*?)-->$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """Code of a page, and the line that it begins in."""

    line: int
    code: str


def pages() -> list[Path]:
    """README in both languages, and what Sphinx reads."""
    return [*sorted(ROOT.glob("README*.md")), *(path for path in sorted(DOCS.rglob("*.md")))]


def blocks(text: str) -> Iterator[Block]:
    """Those that begin with ```` ```python ````, without one below ``<!-- not run: why -->``; and code that readers do
    not see, between lines ``<!-- before`` and ``-->``: what a page takes for granted.
    """
    for found in _BLOCK.finditer(text):
        if not found[1]:
            which = 2 if found[3] is None else 3
            yield Block(text.count("\n", 0, found.start(which)) + 1, found[which])


def needed(text: str) -> list[str]:
    """The modules that a page's code needs besides, by its comment ``<!-- needs: matplotlib -->``."""
    return [word for line in re.findall(r"^<!-- needs: ([\w. ]+) -->$", text, re.MULTILINE) for word in line.split()]


def documented() -> list[str]:
    """The modules and classes that have a page of the reference."""
    return re.findall(r"^   (fastnn[\w.]*)$", (DOCS / "reference/api.md").read_text(), re.MULTILINE)


def public_names() -> dict[str, Any]:
    """What the reference shows: names of the modules that it lists, and the methods of the classes."""
    found: dict[str, Any] = {}
    for home in documented():
        parent, _, last = home.rpartition(".")
        if last[0].isupper():
            members = inspect.getmembers(getattr(import_module(parent), last))
        else:
            module = import_module(home)
            names = getattr(module, "__all__", None) or [name for name in vars(module) if _defined(module, name)]
            members = [(name, getattr(module, name)) for name in names]
        found |= {f"{home}.{name}": each for name, each in members if name[0] != "_"}
    return {name: each for name, each in found.items() if callable(each) or isinstance(each, property)}


def _defined(module: Any, name: str) -> bool:
    return name[0] != "_" and getattr(getattr(module, name), "__module__", "") == module.__name__
