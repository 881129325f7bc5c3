"""One place per fact: what the C++, its build and the package may say, and where. A file listing can check it."""

from __future__ import annotations

import re

from repository import CMAKE, CPP, PACKAGE, ROOT, cpp_files, places, shown

ISA_INCLUDES = {"<immintrin.h>", "<arm_neon.h>", "<cstddef>", "<cstdint>"}


def test_every_source_is_built() -> None:
    build = (CPP / "CMakeLists.txt").read_text()
    folders = ["bindings", *re.search(r"foreach\(folder ([\w ]+)\)", build)[1].split()]
    listed = {shown(path) for folder in folders for path in (CPP / folder).rglob("*.cpp")}
    listed |= {f"cpp/{name}" for name in re.findall(r"kernels/[\w/]+\.cpp", build)}
    listed |= {f"cpp/{name}" for name in re.findall(r"selftest/\w+\.cpp", build)}
    listed |= {f"cpp/kernels/cpu/isa/{name}/table.cpp" for name in ("scalar", "neon", "avx2", "avx512")}
    listed |= {f"cpp/{name}" for name in re.findall(r"[\w/]+\.cpp", (CPP / "cmake/cuda.cmake").read_text())}
    assert {shown(path) for path in cpp_files() if path.suffix == ".cpp"} == listed


def test_instruction_set_flags_are_in_one_file() -> None:
    """-mavx2 and its like in CMake; single functions have a target only in the probe of the machine's peak."""
    files = [*cpp_files(), *CMAKE, ROOT / "pyproject.toml"]
    flag = re.compile(r"(?<![\w-])-m(avx|fma|sse|arch|tune|prefer)")
    assert [shown(path) for path in files if flag.search(path.read_text())] == ["cpp/cmake/isa.cmake"]
    single = re.compile(r"#\s*pragma GCC target|__attribute__\(\(target")
    assert [shown(path) for path in files if single.search(path.read_text())] == ["cpp/core/peak.cpp"]


def test_fast_math_is_nowhere() -> None:
    files = [*CMAKE, ROOT / "pyproject.toml"]
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
    assert places(forbidden, [path for path in cpp_files() if path.parent.name != "selftest"]) == []


def test_no_pickle() -> None:
    package = sorted(PACKAGE.rglob("*.py"))
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
        assert included <= ISA_INCLUDES | own, f"{shown(path)}: {included - ISA_INCLUDES - own}"


def test_kernel_code_is_in_anonymous_namespaces() -> None:
    for path in (CPP / "kernels/cpu/isa").rglob("vec.h"):
        assert re.search(rf"namespace fastnn::{path.parent.name} \{{\nnamespace \{{\n", path.read_text()), path
