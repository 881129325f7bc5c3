"""What leaves the object files: one kernel table each, nothing weak, no maths library, no young OpenMP symbol.

An inline function compiled with -mavx2 is a weak symbol, and the linker may keep that copy for the whole
program: older CPUs then die in code that never asked for AVX2 (numpy#25274, xsimd#1311). With optimisation
the compiler inlines such functions and hides the fault, so the objects are compiled at -O0 here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fastnn import _core

ROOT = Path(__file__).resolve().parents[2]
ISA_CMAKE = ROOT / "cpp/cmake/isa.cmake"
COMPILERS = {"c++": os.environ.get("CXX", "c++"), "clang++-14": "clang++-14"}
# C's own: fma, sqrt and moving memory. std::fma and its like would be weak, libm's exp would differ between machines.
ALLOWED = {"fma", "fmaf", "sqrt", "sqrtf", "memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}


def isa_flags() -> dict[str, list[str]]:
    """The flags of each ISA level, from the one place that has them."""
    found = re.findall(r"^\s*fastnn_add_isa\((\w+)([^)]*)\)", ISA_CMAKE.read_text(), re.MULTILINE)
    return {name: flags.split() for name, flags in found}


ISAS = [name for name, _ in _core.isa_levels()]


def test_flags_of_every_level_are_known() -> None:
    assert set(ISAS) in (
        {"scalar"},
        {"scalar", "neon"},
        {"scalar", "avx2", "avx512"},
    )  # a machine's, or a build of scalar ones
    assert set(isa_flags()) == {"scalar", "neon", "avx2", "avx512"}
    assert isa_flags()["scalar"] == []


def needs(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def symbols(path: Path) -> list[tuple[str, str]]:
    """(kind, name) of each symbol that other objects see or that this one needs."""
    listing = subprocess.run(
        [needs("nm"), "--extern-only", str(path)], check=True, capture_output=True, text=True
    ).stdout
    return [(line.split()[-2], line.split()[-1]) for line in listing.splitlines()]


def compile_object(compiler: str, source: Path, flags: list[str], out: Path) -> Path:
    common = ["-O0", "-std=c++17", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-fno-math-errno"]
    command = [needs(compiler), *common, *flags, f"-I{ROOT / 'cpp'}", "-c", str(source), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def check_symbols(found: list[tuple[str, str]], isa: str) -> None:
    defined = [(kind, name) for kind, name in found if kind != "U"]
    needed = {name for kind, name in found if kind == "U"}
    assert len(defined) == 1 and defined[0][0] in "RDB", defined
    assert defined[0][1] == f"_ZN6fastnn{len(isa)}{isa}12kernel_tableE"
    assert needed <= ALLOWED, needed - ALLOWED


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_only_the_kernel_table_leaves(compiler: str, isa: str, tmp_path: Path) -> None:
    source = ROOT / f"cpp/kernels/cpu/isa/{isa}/table.cpp"
    check_symbols(symbols(compile_object(COMPILERS[compiler], source, isa_flags()[isa], tmp_path / "table.o")), isa)


@pytest.mark.parametrize("fault", ["std::max(lanes, 2)", "static_cast<int>(std::exp(lanes))"])
def test_a_leak_is_seen(fault: str, tmp_path: Path) -> None:
    """The same source with one call into the standard library is caught."""
    include = "#include <algorithm>\n#include <cmath>\n"
    table = (ROOT / "cpp/kernels/cpu/isa/scalar/table.cpp").read_text()
    leak = f"namespace fastnn::scalar {{ namespace {{ int lanes = 1; int leak = {fault}; }} }}\n"
    source = tmp_path / "table.cpp"
    source.write_text(include + table + leak)
    with pytest.raises(AssertionError):
        check_symbols(symbols(compile_object(COMPILERS["c++"], source, [], tmp_path / "table.o")), "scalar")


def versions_needed(listing: str) -> list[tuple[str, int, int]]:
    return [(name, int(a), int(b or 0)) for name, a, b in re.findall(r"Name: (G?OMP)_(\d+)(?:\.(\d+))?", listing)]


def test_openmp_symbols_are_old_enough() -> None:
    """P9: other packages bring a libgomp that knows GOMP and OMP up to 5.0, and whichever loads first serves all."""
    listing = subprocess.run(
        [needs("readelf"), "-V", _core.__file__], check=True, capture_output=True, text=True
    ).stdout
    needed = versions_needed(listing)
    assert needed or _core.threading() != "OpenMP" or "libgomp" not in listing
    assert all((major, minor) <= (5, 0) for _, major, minor in needed), needed
    assert versions_needed("  0x0010:   Name: GOMP_5.1  Flags: none") == [("GOMP", 5, 1)]


def test_only_the_module_function_is_exported() -> None:
    """Hidden visibility: nothing of our namespace is there for another library to find or to replace."""
    command = [needs("nm"), "-D", "--defined-only", _core.__file__]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[2::3]
    assert [name for name in names if re.match(r"_Z[A-Z]*N?K?6fastnn|PyInit", name)] == ["PyInit__core"]


# Runs before and after the import, in the main thread and in one started later: 2^-1060 / 2 must not become 0.
FLOAT_MODE = """
import threading
import numpy as np
small = np.array([2.0**-1060])
def modes():
    return (small / 2)[0] > 0, 1 + 2.0**-53 == 1, 1 + 3 * 2.0**-54 > 1
seen = [modes()]
import fastnn._core
seen.append(modes())
fastnn._core.exp(np.ones(100000, np.float32))
seen.append(modes())
thread = threading.Thread(target=lambda: seen.append(modes()))
thread.start()
thread.join()
assert seen == [(True, True, True)] * 4, seen
"""


def test_import_leaves_the_floating_point_mode_alone() -> None:
    """A library linked with -ffast-math turns subnormals off for the whole process when it is loaded."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", FLOAT_MODE], check=True)
