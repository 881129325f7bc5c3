"""How much memory may be filled."""

from __future__ import annotations

from contextlib import suppress

# Blocks up to this size are not worth the question.
ALWAYS_FINE = 256 * 2**20
_CGROUP = "/sys/fs/cgroup/memory."


def available_memory() -> int:
    """Bytes that the machine can give without swapping, as the kernel estimates; 2**63 where it does not say."""
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", "rb") as lines:
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(b"MemAvailable:")), 2**63)
    return 2**63


def free_memory() -> int:
    """The same, or what the container's limit (cgroup) leaves where that is less."""
    free = available_memory()
    with (
        suppress(OSError, ValueError),
        open(_CGROUP + "max", "rb") as limit,
        open(_CGROUP + "current", "rb") as used,
    ):
        free = min(free, max(int(limit.read()) - int(used.read()), 0))
    return free


def fits_memory(size: int, share: float = 0.5) -> bool:
    """Whether a block of ``size`` bytes leaves at least the rest of the free memory to others."""
    return size <= ALWAYS_FINE or size <= free_memory() * share
