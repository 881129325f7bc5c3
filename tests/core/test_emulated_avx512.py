"""The avx512 kernels on any CPU: compiled against emulated intrinsics, they must give the scalar kernels' bits."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPILER = os.environ.get("CXX") or shutil.which("c++")
FLAGS = ["-std=c++17", "-O0", "-ffp-contract=off", "-fno-math-errno"]


@pytest.fixture(scope="module")
def compare(tmp_path_factory):
    if COMPILER is None:
        pytest.skip("no C++ compiler")
    program = tmp_path_factory.mktemp("emulation") / "compare"
    isa = ROOT / "cpp/kernels/cpu/isa"
    sources = [ROOT / "tests/core/emulation/compare.cpp", isa / "avx512/table.cpp", isa / "scalar/table.cpp"]
    includes = [f"-I{ROOT / 'tests/core/emulation'}", f"-I{ROOT / 'cpp'}"]
    subprocess.run([COMPILER, *FLAGS, *includes, *map(str, sources), "-o", str(program)], check=True)
    return program


def run(program, *arguments):
    out = subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+) comparisons, (\d+) differences", out)
    return int(found[1]), int(found[2]), out


def test_every_kernel_gives_the_scalar_bits(compare):
    comparisons, differences, out = run(compare)
    assert differences == 0, out
    assert comparisons > 10_000


def test_a_shortened_chain_is_seen(compare):
    assert run(compare, "fault")[1] > 0
