"""Where results go: arrays that are given for them."""

from __future__ import annotations

from typing import Any

import numpy as np


def into(op: str, result: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    """The result of a kernel that has memory of its own, in ``out`` where that is given.

    Raises:
        ValueError: out has another shape, is read-only, or has gaps.
        TypeError: it is no array, or of another dtype.
    """
    if out is None:
        return result
    check_out(op, result, out)
    np.copyto(out, result)
    return out


def check_out(op: str, result: np.ndarray, out: Any) -> None:
    """Refuses an array that cannot hold a result."""
    if not isinstance(out, np.ndarray) or out.dtype != result.dtype:
        found = out.dtype if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"[{op}] out must be an array of {result.dtype}, got {found}")
    if out.shape != result.shape:
        raise ValueError(f"[{op}] out has shape {out.shape}, it must be {result.shape}")
    orders = [range(out.ndim), (0, 2, 3, 1), (2, 3, 1, 0)] if out.ndim == 4 else [range(out.ndim)]
    dense = any(out.transpose(order).flags.c_contiguous for order in orders)
    if not (out.flags.writeable and dense):
        raise ValueError(f"[{op}] out must be writeable and contiguous")
