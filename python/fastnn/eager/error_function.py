"""erf(x), of the normal distribution, to the last digit but one: the same bits everywhere.

NumPy rounds + - * / correctly, the exponential is ours. Coefficients of W. J. Cody, Rational Chebyshev approximations
for the error function, Mathematics of Computation 23, 1969; highest power first.
"""

from __future__ import annotations

import numpy as np

from fastnn import _core

Ratio = tuple[tuple[float, ...], tuple[float, ...]]

# erf(x) / x in x^2, for |x| <= 0.46875; erfc(x) exp(x^2) in x up to 4, and what it lacks of its limit beyond, in
# 1 / x^2.
_NEAR: Ratio = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_MIDDLE: Ratio = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
     8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
_FAR: Ratio = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip
_ONE_BY_ROOT_PI = 0.56418958354775628695
_BEYOND = 7.0  # erfc(7) is below 2^-74: 1 - erfc is 1


def erf(x: np.ndarray) -> np.ndarray:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x; computed in float64, in x's dtype."""
    wide = np.asarray(x, np.float64)
    size = np.fmin(np.abs(wide), _BEYOND)
    with np.errstate(all="ignore"):
        falling = _core.exp(np.asarray(-size * size, order="C"))
        z = 1 / (size * size)
        far = falling * (_ONE_BY_ROOT_PI - z * _ratio(_FAR, z)) / size
    beyond = np.where(size <= 4, falling * _ratio(_MIDDLE, size), far)
    near = wide * _ratio(_NEAR, size * size)
    y = np.where(size <= 0.46875, near, np.copysign(1 - beyond, wide))
    return np.where(np.isnan(wide), wide, y).astype(x.dtype)


def _ratio(polynomials: Ratio, x: np.ndarray) -> np.ndarray:
    """The first over the second, by Horner's rule."""
    above, below = (np.full_like(x, coefficients[0]) for coefficients in polynomials)
    for a, b in zip(polynomials[0][1:], polynomials[1][1:], strict=False):
        above, below = above * x + a, below * x + b
    return above / below
