"""How much memory may be filled."""

from __future__ import annotations

from fastnn.platform import container_memory, machine_memory

# Blocks up to this size are not worth the question.
ALWAYS_FINE = 256 * 2**20


def free_memory() -> int:
    """Bytes that machine and container have free for use; 2**63 where neither says."""
    return min(machine_memory(), container_memory())


def fits_memory(size: int, share: float = 0.5) -> bool:
    """Whether a block of ``size`` bytes leaves at least the rest of the free memory to others."""
    return size <= ALWAYS_FINE or size <= free_memory() * share
