"""What fades ends at zero, not among the subnormal numbers (why, and what it does: cpp/kernels/kernel_table.h).

The limits belong to a precision. Where an oracle computes in a wider one, ``dtype`` names the precision of the op;
None is the array's own.
"""

from __future__ import annotations

import numpy as np


def flushed(x: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """x with +0 where its magnitude is below 2^26 times the smallest normal number."""
    return np.where(np.abs(x) < np.finfo(dtype or x.dtype).tiny * 2.0**26, x.dtype.type(0), x)


def average_squares(average: np.ndarray, beta: float, grad: np.ndarray, dtype: type) -> None:
    """average = beta average + (1 - beta) grad^2 in place, +0 below the smallest normal number.

    A gradient whose part would be below that adds nothing.
    """
    counted = np.where(np.abs(grad) < least_root(beta, dtype), 0, grad)
    average *= beta
    average += (1 - beta) * (counted * counted)
    average[average < np.finfo(dtype).tiny] = 0


def least_root(beta: float, dtype: type) -> float:
    """The least gradient that counts in an average of squares, and the least epsilon beside its root."""
    smallest = float(np.finfo(dtype).tiny)
    return float(np.sqrt(smallest / (1 - beta) if beta < 1 else smallest))
