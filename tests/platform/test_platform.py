"""The operating system and the compiler are met in few places: another system is one file more in C++ and one in
Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from repository import CMAKE, PACKAGE, cpp_files, shown

POSIX_HEADER = (
    r"#\s*include <(sys/\S+|dirent|dlfcn|fcntl|poll|pthread|pwd|sched|semaphore|signal|strings|termios|time|unistd)\.h>"
)
POSIX_CALL = r"\b(pthread_\w+|sched_\w+|aligned_alloc|posix_memalign|mmap|sysconf)\s*\("
SYSTEM_FILE = r'"/(proc|sys|dev|etc)/'
PYTHON_CALL = (
    r"\bsignal\.\w|\btime\.CLOCK_BOOTTIME\b|"
    r"\bos\.(register_at_fork|kill|sysconf|statvfs|uname|preadv?|readv|pwrite|fchmod|posix_\w+|O_\w+)\b"
)


def matching(pattern: str, files: list[Path]) -> list[str]:
    return [shown(path) for path in files if re.search(pattern, path.read_text())]


@pytest.mark.parametrize("pattern", [POSIX_HEADER, POSIX_CALL, SYSTEM_FILE, "__builtin_cpu"])
def test_the_system_is_in_one_file_of_the_core(pattern: str) -> None:
    assert matching(pattern, cpp_files()) == ["cpp/core/platform_posix.cpp"]


@pytest.mark.parametrize("pattern", [PYTHON_CALL, SYSTEM_FILE])
def test_the_system_is_in_one_room_of_the_package(pattern: str) -> None:
    found = matching(pattern, sorted(PACKAGE.rglob("*.py")))
    assert found and {str(Path(path).parent) for path in found} == {"python/fastnn/platform"}


def test_flags_of_gcc_and_clang_are_in_two_files() -> None:
    assert matching(r"[\s>]-[fmWO]\w", CMAKE) == ["cpp/cmake/compiler.cmake", "cpp/cmake/isa.cmake"]
