"""One word, one room: every op, its kernel, its oracle, test and benchmark; every room, its tests."""

from __future__ import annotations

import re

import pytest
from repository import CPP, PACKAGE, ROOT, TESTS

# What several rooms have in common.
SHARED = {
    "all", "batch_norm_stages", "depthwise", "facts", "image_planes", "image_product", "kernel_gradient", "loss", "map",
    "matrix", "optimizer", "update", "walk", "weight_gradient", "window", "zeros",
}  # fmt: skip
ROOMS = sorted(path.stem for path in (CPP / "ops").glob("*.h") if path.stem not in SHARED)

# Kernel texts that no op's header names: what the others are made of, and the list of all.
SHARED_TEXTS = {"kernels", "lanes", "math", "gemv"}  # gemv: one row of gemm
# Tests of all ops together.
SHARED_TESTS = {"arguments", "flush", "guard_pages", "op_gradients", "zeros"}
# Rooms of python/fastnn whose tests have another name: `keras` would hide Keras itself from them, `onnx` ONNX,
# `sklearn` scikit-learn; others are lists of names.
TESTED_IN = {"keras": "keras_style", "onnx": "onnx_files", "sklearn": "tables"}
TESTED_IN |= {"datasets": "data", "transforms": "data", "utils": "data"}


def test_rooms_are_found() -> None:
    assert {"dense", "relu", "softmax", "cross_entropy", "adam"} <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(
    "path",
    ["cpp/ops/{}.cpp", "python/fastnn/reference/{}.py", "tests/ops/test_{}.py", "benchmarks/ops/{}.py"],
)
def test_every_room_is_complete(room: str, path: str) -> None:
    assert (ROOT / path.format(room)).is_file(), f"{path.format(room)} is missing"


def test_nothing_in_a_room_is_no_op() -> None:
    """Nor does anything stand there that no op is named after."""
    stems = {path.stem for path in (ROOT / "benchmarks/ops").glob("*.py")} - {"__init__"}
    assert stems == set(ROOMS)
    stems = {path.stem for path in (PACKAGE / "reference").glob("*.py")} - {"__init__", "augment", "network", "flush"}
    assert stems == set(ROOMS)
    stems = {path.stem.removeprefix("test_") for path in (TESTS / "ops").glob("*.py")}
    assert stems == set(ROOMS) | SHARED_TESTS
    stems = {path.stem for path in (CPP / "ops").glob("*.cpp")}
    assert set(ROOMS) <= stems <= set(ROOMS) | SHARED


@pytest.mark.parametrize("room", ROOMS)
def test_op_headers_state_the_maths(room: str) -> None:
    """The first line says on which side of the kernels the file is; the comment goes on for at least four lines."""
    lines = (CPP / f"ops/{room}.h").read_text().split("\n")
    comment = [line for line in lines[: lines.index("#pragma once")] if line.startswith("//")]
    assert lines[0].startswith("// threads above | ") and len(comment) >= 4


def named_texts(name: str) -> set[str]:
    """The kernel texts that the header of an op, or of what several share, names."""
    return set(re.findall(r"\b(\w+)\.inl\b", (CPP / f"ops/{name}.h").read_text()))


def test_every_kernel_has_its_room() -> None:
    """A text is named after an op, or an op's header names it; an op that has a text of its name says so."""
    texts = {path.stem for path in (CPP / "kernels/cpu").glob("*.inl")}
    named = {name: named_texts(name) for name in (*ROOMS, *SHARED)}
    assert texts - SHARED_TEXTS == set().union(*named.values()) - SHARED_TEXTS
    assert texts >= SHARED_TEXTS
    assert not [room for room in texts & set(ROOMS) if room not in named[room]]


def test_every_text_is_compiled() -> None:
    """kernels.inl lists all others."""
    texts = {path.name for path in (CPP / "kernels/cpu").glob("*.inl")}
    listed = re.findall(r'#include "kernels/cpu/(\w+\.inl)"', (CPP / "kernels/cpu/kernels.inl").read_text())
    assert sorted(listed) == sorted(texts - {"kernels.inl"})


def test_every_kernel_is_emulated() -> None:
    """The comparison of the emulated AVX-512 kernels with the scalar ones leaves none out."""
    table = (CPP / "kernels/kernel_table.h").read_text()
    struct = table[table.index("struct Kernels {") : table.index("struct KernelTable")]
    kernels = set(re.findall(r"\(\*(\w+)\)\(", struct))
    compared = (TESTS / "core/emulation/compare.cpp").read_text()
    assert len(kernels) >= 30
    calls = r"\b(?:UNARY|PAIR|BINARY)\((\w+)\)|\b(?:k|kernel)\.(\w+)\("
    assert kernels - {name for call in re.findall(calls, compared) for name in call} == set()


def test_tests_mirror_the_rooms() -> None:
    """Every room of the package has a folder of tests; no test lies outside of a room."""
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    homes = {TESTED_IN.get(room, room) for room in rooms}
    tested = {path.parent.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    assert homes - tested == set()
    assert tested - homes == {"core", "ops", "package", "examples", "tutorials"}
