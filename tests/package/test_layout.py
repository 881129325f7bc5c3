"""One word, one room; one place per fact; small files: the rules of the repository that a file listing can
check."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CPP = ROOT / "cpp"
SHARED = {"map", "optimizer", "update", "loss", "zeros"}  # what several rooms have in common
ROOMS = sorted(path.stem for path in (CPP / "ops").glob("*.h") if path.stem not in SHARED)
ISA_INCLUDES = {"<immintrin.h>", "<arm_neon.h>", "<cstddef>", "<cstdint>"}


def cpp_files() -> list[Path]:
    return sorted(path for path in CPP.rglob("*") if path.suffix in (".h", ".cpp", ".inl"))


TUTORIALS = {
    ROOT / "tests/tutorials" / folder for folder in ("digits", "scripts", "keras_style")
}  # as others wrote them


def source_files() -> list[Path]:
    """Everything written by hand that has lines of code."""
    found = [ROOT / "CMakeLists.txt", *cpp_files(), *CPP.rglob("*.cmake")]
    for folder in ("python", "tests", "benchmarks", "examples"):
        found += sorted((ROOT / folder).rglob("*.py"))
        found += sorted((ROOT / folder).rglob("*.cpp"))
    return [path for path in found if path.parent not in TUTORIALS]


def code_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines without comments and strings."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), path.read_text(), flags=re.DOTALL)
    for number, line in enumerate(text.split("\n"), 1):
        yield number, re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]


def places(pattern: str, files: list[Path]) -> list[str]:
    """Where code matches: "path:line"."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in code_lines(path)
        if re.search(pattern, line)
    ]


def test_rooms_are_found() -> None:
    assert {"dense", "relu", "softmax", "cross_entropy", "adam"} <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(
    "path",
    ["cpp/ops/{}.cpp", "python/fastnn/reference/{}.py", "tests/ops/test_{}.py", "benchmarks/ops/{}.py"],
)
def test_every_room_is_complete(room: str, path: str) -> None:
    assert (ROOT / path.format(room)).is_file(), f"{path.format(room)} is missing"


@pytest.mark.parametrize("room", ROOMS)
def test_op_headers_state_the_maths(room: str) -> None:
    """The first line says on which side of the kernels the file is; the comment goes on for at least four
    lines."""
    lines = (CPP / f"ops/{room}.h").read_text().split("\n")
    comment = [line for line in lines[: lines.index("#pragma once")] if line.startswith("//")]
    assert lines[0].startswith("// threads above | ") and len(comment) >= 4


def test_every_source_is_built() -> None:
    listed = set(re.findall(r"cpp/[\w/]+\.cpp", (ROOT / "CMakeLists.txt").read_text()))
    listed |= {f"cpp/kernels/cpu/isa/{name}/table.cpp" for name in ("scalar", "avx2", "avx512")}
    listed |= set(re.findall(r"cpp/[\w/]+\.cpp", (CPP / "cmake/cuda.cmake").read_text()))
    assert {str(path.relative_to(ROOT)) for path in cpp_files() if path.suffix == ".cpp"} == listed


def test_instruction_set_flags_are_in_one_file() -> None:
    """-mavx2 and its like in CMake; single functions have a target only in the probe of the machine's peak."""
    files = [*cpp_files(), ROOT / "CMakeLists.txt", *CPP.rglob("*.cmake"), ROOT / "pyproject.toml"]
    flag = re.compile(r"(?<![\w-])-m(avx|fma|sse|arch|tune|prefer)")
    assert [str(path.relative_to(ROOT)) for path in files if flag.search(path.read_text())] == ["cpp/cmake/isa.cmake"]
    single = re.compile(r"#\s*pragma GCC target|__attribute__\(\(target")
    assert [str(path.relative_to(ROOT)) for path in files if single.search(path.read_text())] == ["cpp/core/peak.cpp"]


def test_fast_math_is_nowhere() -> None:
    files = [ROOT / "CMakeLists.txt", *CPP.rglob("*.cmake"), ROOT / "pyproject.toml"]
    assert not [path for path in files if re.search(r"-ffast-math|-Ofast|-funsafe-math", path.read_text())]


def test_openmp_is_in_one_file() -> None:
    assert {place.split(":")[0] for place in places(r"\bomp\b|omp_|_OPENMP", cpp_files())} == {"cpp/core/parallel.cpp"}


def test_backends_are_not_chosen_in_the_code() -> None:
    """CUDA is chosen by CMake's source list; instruction sets only where the tables are listed."""
    cuda = places(r"#\s*(el)?if.*CUDA", cpp_files())
    isa = places(r"#\s*(el)?if.*(__AVX|__SSE|__FMA|__ARM_NEON)", cpp_files())
    assert (cuda, isa) == ([], [])


def test_the_library_does_not_print_abort_or_assert() -> None:
    forbidden = r"\b(printf|puts|fprintf|abort|exit|_exit|terminate)\s*\(|std::(cout|cerr)|(?<!static_)\bassert\s*\("
    assert places(forbidden, cpp_files()) == []


def test_no_pickle() -> None:
    package = sorted((ROOT / "python").rglob("*.py"))
    pattern = re.compile(r"^\s*(import|from)\s+_?(c?pickle|dill|marshal|shelve)\b", re.MULTILINE)
    assert not [path for path in package if pattern.search(path.read_text())]
    assert pattern.search("    import pickle\n") and pattern.search("from _pickle import loads")


def test_isa_files_include_only_what_is_safe() -> None:
    """Intrinsics, <cstddef>, <cstdint>, the contract and kernel texts: nothing with inline functions."""
    kernel_texts = [*CPP.glob("kernels/cpu/*.inl"), CPP / "kernels/kernel_table.h"]
    files = [*kernel_texts, *sorted((CPP / "kernels/cpu/isa").rglob("*.*"))]
    own = {f'"{path.relative_to(CPP)}"' for path in [*files]}
    for path in files:
        included = set(re.findall(r'^\s*#include\s+(<[^>]+>|"[^"]+")', path.read_text(), re.MULTILINE))
        assert included <= ISA_INCLUDES | own, f"{path.relative_to(ROOT)}: {included - ISA_INCLUDES - own}"


def test_kernel_code_is_in_anonymous_namespaces() -> None:
    for path in (CPP / "kernels/cpu/isa").rglob("vec.h"):
        assert re.search(rf"namespace fastnn::{path.parent.name} \{{\nnamespace \{{\n", path.read_text()), path


def test_files_are_small() -> None:
    """None over 800 lines, and the median at most 150."""
    lengths = {path: len(path.read_text().splitlines()) for path in source_files()}
    assert not {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > 800}
    assert statistics.median(n for n in lengths.values() if n > 0) <= 150


def test_files_say_what_they_are() -> None:
    """A comment or a docstring at the top of every source file."""
    silent = [path for path in source_files() if path.read_text().strip() and not starts_with_comment(path)]
    allowed = {".cpp"}  # its header speaks for it
    assert not [str(path.relative_to(ROOT)) for path in silent if path.suffix not in allowed]


def starts_with_comment(path: Path) -> bool:
    text = path.read_text()
    return text.startswith(("//", "#", '"""', "cmake_minimum_required", "#!"))
