"""The modules of eager code stand one above the other: each imports only lower ones, at its top."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import fastnn.eager
import pytest

FILES = {path.stem: path for path in Path(fastnn.eager.__file__).parent.glob("*.py") if path.stem != "__init__"}


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Those that run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not is_for_types(node) and getattr(node, "name", "") != "__getattr__":  # what a module finds on first use
            yield from imports(node)


def below(name: str) -> set[str]:
    """The modules of this room that one imports."""
    found: set[str] = set()
    for node in imports(ast.parse(FILES[name].read_text())):
        names = [alias.name for alias in node.names]
        paths = [f"{node.module}.{name}" for name in names] if isinstance(node, ast.ImportFrom) else names
        found |= {path.removeprefix("fastnn.eager.").partition(".")[0] for path in paths if "fastnn.eager." in path}
    return found


def test_there_is_no_circle() -> None:
    order = list(TopologicalSorter({name: below(name) for name in FILES}).static_order())
    known = ["memory", "autograd", "support", "linalg", "tensor", "creation"]
    assert sorted(known, key=order.index) == known


@pytest.mark.parametrize("name", FILES)
def test_imports_stand_at_the_top(name: str) -> None:
    """None is put off into a function, as circles want it."""
    tree = ast.parse(FILES[name].read_text())
    assert list(imports(tree)) == [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
