"""The scalar kernels' own fused multiply-add, for C libraries that round twice, beside this one's."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
from repository import CPP

COMPILER = os.environ.get("CXX") or shutil.which("g++")


@pytest.mark.skipif(COMPILER is None or platform.machine() != "x86_64", reason="needs GCC's 128-bit numbers")
def test_it_is_rounded_once(tmp_path: Path) -> None:
    flags = ["-std=c++17", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{CPP}"]
    source = Path(__file__).parent / "fma" / "compare.cpp"
    subprocess.run([COMPILER, *flags, source, "-o", tmp_path / "compare"], check=True)
    assert subprocess.run([tmp_path / "compare"], check=True, capture_output=True, text=True).stdout == "0 0\n"
