"""The operating system and the compiler are met in few places: another system is one file more in C++ and one in
Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CPP = [path for path in (ROOT / "cpp").rglob("*") if path.suffix in (".h", ".cpp", ".inl")]
CMAKE = [ROOT / "CMakeLists.txt", ROOT / "cpp/CMakeLists.txt", *(ROOT / "cpp").rglob("*.cmake")]

POSIX_HEADER = (
    r"#\s*include <(sys/\S+|dirent|dlfcn|fcntl|poll|pthread|pwd|sched|semaphore|signal|strings|termios|time|unistd)\.h>"
)
POSIX_CALL = r"\b(pthread_\w+|sched_\w+|aligned_alloc|posix_memalign|mmap|sysconf)\s*\("
SYSTEM_FILE = r'"/(proc|sys|dev|etc)/'


def places(pattern: str, files: list[Path]) -> set[str]:
    """The files with a match."""
    return {str(path.relative_to(ROOT)) for path in files if re.search(pattern, path.read_text())}


@pytest.mark.parametrize("pattern", [POSIX_HEADER, POSIX_CALL, SYSTEM_FILE, "__builtin_cpu"])
def test_the_system_is_in_one_file_of_the_core(pattern: str) -> None:
    assert places(pattern, CPP) == {"cpp/core/platform_posix.cpp"}


def test_flags_of_gcc_and_clang_are_in_two_files() -> None:
    assert places(r"[\s>]-[fmWO]\w", CMAKE) == {"cpp/cmake/compiler.cmake", "cpp/cmake/isa.cmake"}
