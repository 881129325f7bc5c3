"""What the system tells of this process (Linux; less elsewhere)."""

from __future__ import annotations

import os
import time


def seconds_since_start() -> float:
    """Seconds since this process was started, the interpreter's start included (not on Linux: its CPU time)."""
    try:
        with open("/proc/self/stat", "rb") as stat:
            started = int(stat.read().rsplit(b")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError, ValueError):
        return time.process_time()


def openmp_runtimes() -> list[str]:
    """The OpenMP libraries in this process: more than one means two pools of threads."""
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split(maxsplit=5)[5].strip() for line in maps if line.count("/")}
    except OSError:
        return []
    names = ("libgomp", "libomp", "libiomp5", "vcomp")
    return sorted(path for path in paths if path.rsplit("/", 1)[-1].startswith(names))
