"""How much memory may be filled."""

from __future__ import annotations

import re

from fastnn.platform import container_memory, machine_memory
from fastnn.text import way

# Blocks up to this size are not worth the question.
ALWAYS_FINE = 256 * 2**20


def free_memory() -> int:
    """Bytes that machine and container have free for use; 2**63 where neither says."""
    return min(machine_memory(), container_memory())


def fits_memory(size: int, share: float = 0.5) -> bool:
    """Whether a block of ``size`` bytes leaves at least the rest of the free memory to others."""
    return size <= ALWAYS_FINE or size <= free_memory() * share


def allowed_memory(text: str | int | None) -> int:
    """Bytes of a number of them, of ``"2G"`` (K, M, G, T: powers of 1000), of ``"50%"`` of the free memory; None: half
    of that, or ALWAYS_FINE where it is more.

    Raises:
        ValueError: anything else.
    """
    if text is None:
        return max(free_memory() // 2, ALWAYS_FINE)
    found = re.fullmatch(r"(\d{1,18}(?:\.\d{1,9})?)([KMGT]?B?|%)", str(text).strip(), re.IGNORECASE | re.ASCII)
    number, unit = (float(found[1]), found[2].upper().rstrip("B")) if found else (0.0, "")
    if number <= 0 or (unit == "%" and number > 100):
        name = way("--memory", "memory")
        raise ValueError(f"{name} is {text!r}; it must be a size such as 2G or 500M, or a share of what is free: 50%")
    return int(number * (free_memory() / 100 if unit == "%" else 1000 ** " KMGT".index(unit or " ")))
