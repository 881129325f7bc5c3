"""Small files, small functions, and a word at the top of each file about what it is."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from repository import (
    CPP,
    TESTS,
    Function,
    cpp_files,
    cpp_functions,
    python_files,
    python_functions,
    shown,
    source_files,
)

LONGEST = 60  # lines of a function


def test_files_are_small() -> None:
    """None over 800 lines, and the median at most 150."""
    lengths = {path: len(path.read_text().splitlines()) for path in source_files()}
    assert not {shown(path): n for path, n in lengths.items() if n > 800}
    assert statistics.median(n for n in lengths.values() if n > 0) <= 150


def test_functions_are_small() -> None:
    found: list[tuple[Path, Function]] = []
    for path in python_files():
        found += [(path, function) for function in python_functions(path.read_text("utf-8"))]
    for path in cpp_files(CPP, TESTS):
        found += [(path, function) for function in cpp_functions(path.read_text("utf-8"))]
    assert len(found) > 3000
    assert {(shown(path), function.name) for path, function in found if function.lines > LONGEST} == set()


def test_files_say_what_they_are() -> None:
    """A comment or a docstring at the top of every source file."""
    silent = [path for path in source_files() if path.read_text().strip() and not starts_with_comment(path)]
    allowed = {".cpp"}  # its header speaks for it
    assert not [shown(path) for path in silent if path.suffix not in allowed]


def starts_with_comment(path: Path) -> bool:
    text = path.read_text()
    return text.startswith(("//", "#", '"""', "cmake_minimum_required", "#!"))


# What is measured

PYTHON = '''
class Layer:
    def forward(
        self, x
    ):
        """A text."""

        def inside():
            pass

        return inside

x = 3
'''


def test_python_is_measured() -> None:
    assert list(python_functions(PYTHON)) == [Function("forward", 3, 9), Function("inside", 8, 2)]


CPP_FUNCTIONS = {
    "int f() {\n    return 1;\n}": [("f", 1, 3)],
    "namespace a {\nnamespace {\n\n// f() {\ntemplate <typename T>\nT f(T x) {\n    return x;\n}\n}\n}": [("f", 5, 4)],
    'struct alignas(64) S : Base {\n    int a = 1;\n    S() { puts("}"); }\n  private:\n    void g() {\n    }\n};': [
        ("S", 3, 1),
        ("g", 5, 2),
    ],
    "void f() {\n    for (;;) {\n        each([&](int i) {\n            use(i);\n        });\n    }\n}": [("f", 1, 7)],
    "const Table t = {\n    {'a', [](int x) {\n        return x;\n    }},\n    {'}', 0},\n};": [("a lambda", 2, 3)],
    "#define LOOP(x) \\\n    for (x) {\nint g(int a,\n      int b) {\n}\n": [("g", 3, 3)],
    'enum class E { one };\nE make(const char* s = R"x(}{)x") { return E::one; }': [("make", 2, 1)],
    "bool operator==(A a, A b) { return true; }": [("operator==", 1, 1)],
}


@pytest.mark.parametrize("text", CPP_FUNCTIONS)
def test_cpp_is_measured(text: str) -> None:
    assert [tuple(function) for function in cpp_functions(text)] == CPP_FUNCTIONS[text]
