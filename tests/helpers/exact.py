"""The two orders of every reduction, written once more: independent of the kernels, exact in every rounding.

fma32 is a fused multiply-add from float64 arithmetic: the product of two float32 is exact in float64, the sum is
rounded to odd there, and an odd 53-bit result rounds to float32 as the exact value does (Boldo and Melquiond,
"Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", IEEE TC 57, 2008).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def fma32(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """a b + c of float32 arrays, rounded once."""
    with np.errstate(invalid="ignore", over="ignore"):
        product = a.astype(np.float64) * b
        total = np.asarray(product + c)
        added = total - product
        error = (product - (total - added)) + (c - added)  # exactly what the sum lost (Knuth)
        bits = total.view(np.int64)
        even = (error != 0) & np.isfinite(total) & (bits % 2 == 0)
        outward = (error > 0) == (total > 0)
        return np.where(even, bits + np.where(outward, 1, -1), bits).view(np.float64).astype(np.float32)


def _fma64(a: float, b: float, c: float) -> float:
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    return float(exact) if exact else a * b + c  # floats know the sign of a zero, fractions do not


fma64 = np.vectorize(_fma64, otypes=[np.float64])


def fma(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """a b + c rounded once, in c's precision. float64 is slow and for finite values only."""
    return fma32(a, b, c) if c.dtype == np.float32 else fma64(a, b, c)


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a b, each element one chain of fused multiply-adds over k ascending from zero, then + 0.0."""
    c = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for k in range(a.shape[1]):
        c = fma(*np.broadcast_arrays(a[:, k, np.newaxis], b[np.newaxis, k]), c)
    return c + a.dtype.type(0)


def chain(rows: np.ndarray) -> np.ndarray:
    """The sum over the first axis, one row after the other from zero."""
    total = np.zeros(rows.shape[1:], rows.dtype)
    for row in rows:
        total = total + row
    return total


def tree(x: np.ndarray) -> np.ndarray:
    """The sum over the last axis along the lane tree: element j in lane j % 16, ascending; then the lanes."""
    padding = [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % 16)]
    padded = np.pad(x, padding).reshape(*x.shape[:-1], -1, 16)
    lanes = chain(np.moveaxis(padded, -2, 0))
    for width in (8, 4, 2, 1):
        lanes = lanes[..., :width] + lanes[..., width : 2 * width]
    return lanes[..., 0]
