"""How much memory may be filled with data."""

from __future__ import annotations

from contextlib import suppress

_ALWAYS_FINE = 256 * 2**20
_CGROUP = "/sys/fs/cgroup/memory."


def free_memory() -> int:
    """Bytes that machine and container (cgroup) have free for use; 2**63 if neither says."""
    free = 2**63
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", "rb") as lines:
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith(b"MemAvailable:"))
    with (
        suppress(OSError, ValueError),
        open(_CGROUP + "max", "rb") as limit,
        open(_CGROUP + "current", "rb") as used,
    ):
        free = min(free, max(int(limit.read()) - int(used.read()), 0))
    return free


def fits_memory(size: int, share: float = 0.5) -> bool:
    """Whether a block of ``size`` bytes leaves at least the rest of the free memory to others."""
    return size <= _ALWAYS_FINE or size <= free_memory() * share
