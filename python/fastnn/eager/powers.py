"""Powers of elements by exponents of their own, by C's rules (ISO C, F.10.4.4).

x^y = exp(y log |x|), computed in float64: of float32 operands all but the last bit or two of their results are right.
"""

from __future__ import annotations

import numpy as np

from fastnn import _core


def powers(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x to the y, broadcast, in their dtype. NaN where a negative x meets a y that is no whole number."""
    wide, exponent = np.broadcast_arrays(x.astype(np.float64), y.astype(np.float64))
    with np.errstate(all="ignore"):
        size = _core.exp(np.asarray(exponent * _core.log(np.asarray(np.abs(wide), order="C")), order="C"))
        size = np.where((exponent == 0) | (np.abs(wide) == 1), 1.0, size)
        signed = np.where(np.remainder(exponent, 2) == 1, np.copysign(size, wide), size)
        whole = exponent == np.trunc(exponent)
        out = np.where((wide < 0) & ~whole & np.isfinite(wide), np.nan, signed)
        return np.where(wide == 1, 1.0, out).astype(x.dtype)
