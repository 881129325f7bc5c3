"""Who imports whom: the map in CONTRIBUTING.md, read and held. Lower rooms know nothing of higher ones."""

from __future__ import annotations

import re
from math import inf
from pathlib import Path

import pytest
from repository import BENCHMARKS, CPP, PACKAGE, ROOT, TESTS, Import, circles, cpp_files, floors, imports, modules

PENDING_ROOMS: dict[str, set[str]] = {}  # in the map and not yet in the tree, or the other way round

AREAS = {"python/fastnn": PACKAGE, "cpp": CPP, "tests": TESTS, "benchmarks": BENCHMARKS}


def room_of(module: str) -> str:
    """The folder or file below the package; ``__init__`` is the package's own."""
    return [*module.split("."), "__init__"][1]


def climbs(area: str, pairs: list[Import]) -> set[tuple[str, str]]:
    """The imports of a room that stands in the same line of the map, further down, or nowhere in it."""
    lines = floors(area)
    line = {room: number for number, rooms in enumerate(lines) for room in rooms}
    ground = set(lines[0])
    found = set()
    for importer, imported, _ in pairs:
        above, below = room_of(importer), room_of(imported)
        if above != below and not {above, below} <= ground and line.get(below, inf) >= line.get(above, -1):
            found.add((importer, imported))
    return found


@pytest.mark.parametrize("area", AREAS)
def test_the_map_is_complete(area: str) -> None:
    """Every room has its line, every line its room."""
    mapped = [room for rooms in floors(area) for room in rooms]
    folder, pending = AREAS[area], PENDING_ROOMS.get(area, set())
    there = {path.name for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"}
    if area in ("python/fastnn", "benchmarks"):
        there |= {path.stem for path in folder.glob("*.py")} | {path.stem for path in folder.glob("*.pyi")}
    if area == "benchmarks":
        there -= {"__init__"}
    assert len(mapped) == len(set(mapped))
    assert set(mapped) ^ there == pending


def test_rooms_import_downwards() -> None:
    assert climbs("python/fastnn", imports(PACKAGE)) == set()


def test_benchmarks_import_downwards() -> None:
    assert climbs("benchmarks", imports(BENCHMARKS)) == set()


def test_cpp_includes_downwards() -> None:
    found = []
    for path in cpp_files():
        including = ".".join(path.relative_to(CPP.parent).parts)
        for word in re.findall(r'^\s*#include "(\w+)/', path.read_text(), re.MULTILINE):
            found.append(Import(including, f"cpp.{word}", late=False))
    assert len(found) > 100 and climbs("cpp", found) == set()


def test_modules_have_no_circles() -> None:
    """As they are loaded; among benchmarks also later."""
    assert circles((a, b) for a, b, late in imports(PACKAGE) if not late) == []
    assert circles((a, b) for a, b, _ in imports(BENCHMARKS)) == []


def test_the_oracle_stands_alone() -> None:
    pairs = {(room_of(importer), room_of(imported)) for importer, imported, _ in imports(PACKAGE)}
    assert [pair for pair in pairs if "reference" in pair] == [("reference", "reference")]


def test_only_helpers_are_imported_by_tests() -> None:
    """Helpers lie in a folder of their own; tests import neither tests nor a conftest."""
    strays = [path for path in TESTS.rglob("*.py") if not re.match(r"test_|conftest", path.name)]
    homes = {path.parent.relative_to(TESTS).as_posix() for path in strays}
    assert homes == {"helpers", "package/scripts", "tutorials/digits", "tutorials/keras_style", "tutorials/scripts"}
    pattern = re.compile(r"^\s*(?:from|import) (test_\w+|conftest)\b", re.MULTILINE)
    assert not [path for path in TESTS.rglob("*.py") if pattern.search(path.read_text("utf-8"))]


def test_paths_in_the_map_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = re.findall(r"`((?:python|cpp|tests|benchmarks)/[\w./]+)`", text)
    assert len(named) > 20
    assert [path for path in named if "foo" not in path and not (ROOT / path).exists()] == []


# The rules can be broken: a small package with a fault of each kind


FAULTS = {
    "none": ("nn/linear.py", "from fastnn.eager import tensor", None),
    "upwards": ("eager/tensor.py", "from fastnn.nn import linear", ("fastnn.eager.tensor", "fastnn.nn.linear")),
    "in a function": (
        "eager/tensor.py",
        "def f():\n    import fastnn.nn.linear",
        ("fastnn.eager.tensor", "fastnn.nn.linear"),
    ),
    "by name": (
        "eager/tensor.py",
        "def f():\n    return import_module('fastnn.nn.linear')",
        ("fastnn.eager.tensor", "fastnn.nn.linear"),
    ),
    "relative": ("eager/tensor.py", "from ..nn.linear import Linear", ("fastnn.eager.tensor", "fastnn.nn.linear")),
    "side by side": ("keras/layers.py", "import fastnn.checks.check", ("fastnn.keras.layers", "fastnn.checks.check")),
    "the package": ("nn/linear.py", "from fastnn import Tensor", ("fastnn.nn.linear", "fastnn")),
    "for type checkers": ("eager/tensor.py", "if TYPE_CHECKING:\n    from fastnn.nn import linear", None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_import_upwards_is_found(tmp_path: Path, fault: str) -> None:
    where, text, expected = FAULTS[fault]
    package = tmp_path / "fastnn"
    for name in ("__init__", "eager/tensor", "nn/linear", "checks/check", "keras/layers"):
        (package / f"{name}.py").parent.mkdir(parents=True, exist_ok=True)
        (package / f"{name}.py").write_text("")
    (package / where).write_text(text + "\n")
    assert set(modules(package)) >= {"fastnn", "fastnn.nn.linear"}
    assert climbs("python/fastnn", imports(package)) == ({expected} if expected else set())


def test_circles_are_found() -> None:
    assert circles([("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("e", "e")]) == [{"b", "c"}, {"e"}]
    assert circles([("a", "b"), ("b", "c"), ("a", "c")]) == []
