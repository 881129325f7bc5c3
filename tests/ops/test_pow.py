"""pow with a fixed exponent: within derived bounds; whole powers, roots and special values."""

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference.pow import pow, pow_backward
from harness import (
    REMAINDERS,
    Arrays,
    Op,
    OpTests,
    Real,
    check_close,
    check_same_bits,
    widen,
    worth_three_threads,
)

WHOLE = [0, 1, 2, 3, 7, 64, -1, -2, -5, -64]
OTHER = [1.5, -0.7, 2.25, 65.0, -1 / 3]


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    return rng.standard_normal(shape).astype(dtype), rng.uniform(0.5, 2, shape).astype(dtype)


def error(real: Real, x: np.ndarray, exponent: float) -> np.ndarray:
    """Relative. Squaring n-fold doubles the error and adds a rounding: |p| at most, and one of 1 / x^|p|. Otherwise
    exp(p log x) in double: log within 4 u, the product rounded, exp within 4 u; and the rounding to float32."""
    if exponent == 0.5:
        return np.full(x.shape, real.u)
    if exponent == int(exponent) and abs(exponent) <= 64:
        return np.full(x.shape, (abs(exponent) + 1) * real.u)
    return 2.0**-53 * (5 * np.abs(exponent * np.log(x)) + 4) + real.u


def bound(exponent: float) -> object:
    def forward_and_backward(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
        """The gradient's factor p is rounded, and two products."""
        x = inputs[1]
        return [
            1.01 * error(real, x, exponent) * np.abs(truth[0]),
            1.01 * (error(real, x, exponent - 1) + 3 * real.u) * np.abs(truth[1]),
        ]

    return forward_and_backward


def op(exponent: float) -> Op:
    return Op(
        run=lambda grad_y, x: (_core.pow(x, exponent), _core.pow_backward(grad_y, x, exponent)),
        truth=lambda grad_y, x: (pow(x, exponent), pow_backward(grad_y, x, exponent)),
        bound=bound(exponent),
        draw=draw,
        small=REMAINDERS,
        large=worth_three_threads(12),
        takes_out=False,
    )


class TestThirdPower(OpTests):
    op = op(3.0)


class TestInverseSquare(OpTests):
    op = op(-2.0)


class TestRoot(OpTests):
    op = op(0.5)


class TestFraction(OpTests):
    op = op(1.5)


@pytest.mark.parametrize("exponent", [*WHOLE, *OTHER, 0.5])
def test_exponents(isa: str, real: Real, exponent: float, rng: np.random.Generator) -> None:
    """x over a wide range, of both signs for whole powers."""
    limit = real.dtype(100) ** min(1, 8 / max(1, abs(exponent)))
    x = rng.uniform(1 / limit, limit, 500).astype(real.dtype)
    if exponent in WHOLE:
        x[::2] *= -1
    wide = widen(x, real)
    truth = pow(wide, exponent)
    limits = 1.01 * error(real, np.abs(wide), exponent) * np.abs(truth)
    check_close(_core.pow(x, exponent), truth, limits, f"exponent {exponent}")


def test_square_and_root_are_correctly_rounded(isa: str, real: Real, rng: np.random.Generator) -> None:
    x = rng.uniform(0, 100, 1000).astype(real.dtype)
    check_same_bits(_core.pow(x, 2), x * x)
    check_same_bits(_core.pow(x, 0.5), np.sqrt(x))
    check_same_bits(_core.pow(x, 1), x)
    check_same_bits(_core.pow(x, -1), 1 / x)


def test_special_values(isa: str, real: Real) -> None:
    inf, nan = np.inf, np.nan
    x = np.array([0.0, -0.0, 1, -1, inf, -inf, nan], real.dtype)
    for exponent, expected in (
        (0, [1, 1, 1, 1, 1, 1, 1]),
        (2, [0, 0, 1, 1, inf, inf, nan]),
        (3, [0, -0.0, 1, -1, inf, -inf, nan]),
        (-1, [inf, -inf, 1, -1, 0, -0.0, nan]),
        (1.5, [0, 0, 1, nan, inf, nan, nan]),
        (-0.7, [inf, inf, 1, nan, 0, nan, nan]),
    ):
        check_same_bits(_core.pow(x, exponent), np.array(expected, real.dtype), f"exponent {exponent}")
    assert np.isnan(_core.pow(x, nan)).all()


def test_gradient_at_zero(isa: str, real: Real) -> None:
    """d(x^p)/dx at 0: 0 for p = 2, 1 for p = 1."""
    x, one = np.zeros(3, real.dtype), np.ones(3, real.dtype)
    for exponent, expected in ((1, 1), (2, 0), (3, 0)):
        check_same_bits(_core.pow_backward(one, x, exponent), one * real.dtype(expected))
