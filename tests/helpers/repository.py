"""The repository as the tests of its layout see it: files, functions, imports, and the map in CONTRIBUTING.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CPP, PACKAGE, TESTS, BENCHMARKS = ROOT / "cpp", ROOT / "python/fastnn", ROOT / "tests", ROOT / "benchmarks"
CMAKE = [ROOT / "CMakeLists.txt", *sorted(CPP.rglob("CMakeLists.txt")), *sorted(CPP.rglob("*.cmake"))]
TUTORIALS = {TESTS / "tutorials" / folder for folder in ("digits", "scripts", "keras_style")}  # as others wrote them


def cpp_files(*folders: Path) -> list[Path]:
    """C++ in these folders: by default the core's."""
    return sorted(path for folder in folders or (CPP,) for path in folder.rglob("*.*") if is_cpp(path))


def is_cpp(path: Path) -> bool:
    return path.suffix in (".h", ".cpp", ".inl")


def python_files() -> list[Path]:
    """Everything in Python that is ours."""
    folders = (ROOT / "python", TESTS, BENCHMARKS, ROOT / "examples")
    return [path for folder in folders for path in sorted(folder.rglob("*.py")) if path.parent not in TUTORIALS]


def source_files() -> list[Path]:
    """Everything written by hand that has lines of code."""
    return [*CMAKE, *cpp_files(CPP, TESTS), *python_files()]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


# Lines of code

# What is no code in C++: comments, texts, characters (not the ' inside a number), preprocessor lines.
_NO_CODE = re.compile(
    r"//[^\n]*|/\*.*?\*/|R\"(\w*)\(.*?\)\1\"|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"
    r"|^[ \t]*#(?:[^\n\\]|\\.)*",
    re.DOTALL | re.MULTILINE,
)


def code_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of C++ without comments and texts."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), path.read_text(), flags=re.DOTALL)
    for number, line in enumerate(text.split("\n"), 1):
        yield number, re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]


def places(pattern: str, files: list[Path]) -> list[str]:
    """Where C++ matches: "path:line"."""
    return [
        f"{shown(path)}:{number}" for path in files for number, line in code_lines(path) if re.search(pattern, line)
    ]


class Function(NamedTuple):
    """A function of a file; what it has inside (functions, lambdas) counts to it."""

    name: str
    line: int
    lines: int


def python_functions(text: str) -> Iterator[Function]:
    """Every function, from ``def`` to its last line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)


def cpp_functions(text: str) -> Iterator[Function]:
    """Every function of C++, from its first word to its closing brace.

    A brace opens a function where parentheses stand before it, outside of another function; braces without are
    namespaces, types and tables, which are looked into.
    """
    text = _NO_CODE.sub(lambda found: "\n" * found[0].count("\n"), text)
    head = 0  # where the words before the next brace begin
    opened: list[tuple[int, str]] = []  # each brace that is open: where its words begin, and they; "" is no function
    for mark in re.finditer(r"[{};]|\b(?:public|private|protected):", text):
        if mark[0] == "{":
            words = text[head : mark.start()]
            outside = not any(function for _, function in opened)
            opened.append((mark.start() - len(words.lstrip()), _signature(words) if outside else ""))
        elif mark[0] == "}":
            start, function = opened.pop()
            if function:
                first = text.count("\n", 0, start) + 1
                yield Function(function, first, text.count("\n", start, mark.end()) + 1)
        head = mark.end()


def _signature(words: str) -> str:
    """The name of the function that opens with these words; empty where they open something else."""
    words = re.sub(r"template\s*<[^;{}]*?>\s*(?=[\w:])|alignas\([^)]*\)", "", words)
    name = re.search(r"(operator\W+?|[\w:~]+)\s*\(", words)
    return name[1] if name else "a lambda" if "(" in words else ""


# Imports


class Import(NamedTuple):
    """One module of a package needs another: as it is loaded, or first when a function of it is called."""

    importer: str
    imported: str
    late: bool


def modules(package: Path) -> dict[str, Path]:
    """The modules of a package by their dotted names."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        words = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(words[:-1] if words[-1] == "__init__" else words)] = path
    return found


@cache
def imports(package: Path) -> list[Import]:
    """What modules of a package import of it, also by ``import_module``; what only type checkers read is left out."""
    known = modules(package)
    found = []
    for importer, path in known.items():
        home = importer if path.name == "__init__.py" else importer.rpartition(".")[0]
        for name, late in _names(ast.parse(path.read_text("utf-8")), home, late=False):
            while name not in known and name != f"{package.name}._core" and "." in name:
                name = name.rpartition(".")[0]
            if name.split(".")[0] == package.name and name != importer:
                found.append(Import(importer, name, late))
    return found


def _names(node: ast.AST, home: str, late: bool) -> Iterator[tuple[str, bool]]:
    """The full names of what a piece of code imports, and whether inside of a function."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        node = ast.Module(node.orelse, [])
    if isinstance(node, ast.Import):
        yield from ((alias.name, late) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        source = resolve_name("." * node.level + (node.module or ""), home)
        yield from ((f"{source}.{alias.name}", late) for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        yield from ((str(word.value), late) for word in node.args if isinstance(word, ast.Constant))
    for child in ast.iter_child_nodes(node):
        inside = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _names(child, home, inside)


def circles(edges: Iterable[tuple[str, str]]) -> list[set[str]]:
    """The sets of nodes that can all be reached from each other."""
    after: dict[str, set[str]] = {}
    for first, second in edges:
        after.setdefault(first, set()).add(second)
    reached = {node: _reached(node, after) for node in after}
    found = {frozenset(b for b in reached[a] if a in reached.get(b, ())) for a in after if a in reached[a]}
    return sorted((set(circle) for circle in found), key=sorted)


def _reached(start: str, after: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        for node in after.get(todo.pop(), set()) - found:
            found.add(node)
            todo.append(node)
    return found


# The map


def floors(area: str) -> list[list[str]]:
    """The rows of an area's table in CONTRIBUTING.md, lowest first: the names in the first column of each."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = re.search(rf"^### `{re.escape(area)}/`.*?(?=^##|\Z)", text, re.DOTALL | re.MULTILINE)
    if section is None:
        raise ValueError(f"CONTRIBUTING.md has no section ### `{area}/`")
    rows = re.findall(r"^\| (`.+?) \|", section[0], re.MULTILINE)
    return [re.findall(r"`([\w.]+)/?`", row) for row in rows]
