"""What the tests of exp, log, tanh and sigmoid share: at most 2 ULP, over samples or all floats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from harness import REAL, Arrays, OpTests, Real, check_same_bits, configured, widen

CHUNK = 2**16  # 256 KB of floats, and 512 KB of truth: near the caches


def float_samples(real: Real, count: int, rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Half any bit pattern (all exponents, subnormals, infinities, NaN), half from the range with interesting
    results, and the corners."""
    bits = rng.integers(0, 2 ** (8 * np.dtype(real.dtype).itemsize), count // 2, np.dtype(f"u{real.dtype().itemsize}"))
    info = np.finfo(real.dtype)
    corners = [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        1,
        -1,
        low,
        high,
        info.max,
        info.tiny,
        -info.tiny,
        real.tiny,
        -real.tiny,
    ]
    return np.concatenate([bits.view(real.dtype), rng.uniform(low, high, count // 2), corners], dtype=real.dtype)


def ulp_error(actual: np.ndarray, truth: np.ndarray, real: Real) -> np.ndarray:
    """The distance in ULP; infinite where NaN, infinity or the sign of a zero is wrong. Overflow counts as
    2^128 (2^1024), the next number after the largest."""
    with np.errstate(invalid="ignore"):
        limit = np.ldexp(real.wide(1), 2 - real.exponent)
        found, wanted = (np.clip(value.astype(real.wide), -limit, limit) for value in (actual, truth))
        error = np.abs(found - wanted) / real.spacing(np.clip(wanted, -limit / 2, limit / 2))
    same = (actual == truth) | (np.isnan(actual) & np.isnan(truth))
    zero = (actual == 0) & (np.signbit(actual) != np.signbit(truth))
    error = np.where(same, 0, np.where(np.isnan(error) | np.isinf(truth), np.inf, error))
    return np.where(zero, np.inf, error)


class SpecialTests(OpTests):
    """OpTests and single values. `low` to `high` is where the function is neither constant nor out of range."""

    low: float
    high: float
    specials: Sequence[tuple[float, float]]  # (x, y) that must come out exactly

    def test_special_values(self, isa: str, real: Real) -> None:
        for x, y in self.specials:
            check_same_bits(self.op.run(np.array([x], real.dtype)), np.array([y], real.dtype), f"at {x}")

    def test_result_may_be_the_input(self, isa: str, real: Real, rng: np.random.Generator) -> None:
        x = rng.uniform(self.low, self.high, 100).astype(real.dtype)
        expected = self.op.run(x)
        assert self.op.run(x, out=x) is x
        check_same_bits(x, expected)


class FunctionTests(SpecialTests):
    """SpecialTests and the ULP bound."""

    def check_ulps(self, real: Real, x: np.ndarray) -> None:
        with np.errstate(all="ignore"):
            error = ulp_error(self.op.run(x), self.op.truth(widen(x, real)), real)
        worst = int(np.argmax(error))
        assert error[worst] <= 2, f"{error[worst]} ULP at {x[worst]!r}: got {self.op.run(x[worst : worst + 1])!r}"

    def test_two_ulp(self, isa: str, real: Real, rng: np.random.Generator) -> None:
        count = 1_000_000 if real.dtype is np.float32 else 100_000
        self.check_ulps(real, float_samples(real, count, rng, self.low, self.high))

    def test_two_ulp_can_fail(self, real: Real, rng: np.random.Generator) -> None:
        x = rng.uniform(self.low / 2, self.high / 2, 1000).astype(real.dtype)
        truth = self.op.truth(widen(x, real))
        rounded = truth.astype(real.dtype)
        assert ulp_error(rounded, truth, real).max() <= 0.5
        for _ in range(3):
            rounded = np.nextafter(rounded, real.dtype(np.inf))
        assert ulp_error(rounded, truth, real).min() > 2

    @pytest.mark.slow
    def test_every_float32(self) -> None:
        """All 2^32, on the best ISA; the others give its bits (test_same_bits)."""
        with configured("", 1), ThreadPoolExecutor(2) as pool:
            for _ in pool.map(self.check_chunk, range(0, 2**32, CHUNK)):
                pass

    def check_chunk(self, start: int) -> None:
        """The floats with bits start, start + 1, ...: only those that are not the rounded truth need a closer look."""
        x = np.arange(start, start + CHUNK, dtype=np.uint32).view(np.float32)
        with np.errstate(all="ignore"):
            rounded = self.op.truth(x.astype(np.float64)).astype(np.float32)
            doubtful = self.op.run(x).view(np.uint32) != rounded.view(np.uint32)
        if doubtful.any():
            self.check_ulps(REAL[np.float32], x[doubtful])


def two_ulp(real: Real, truth: tuple[np.ndarray, ...], inputs: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """The bound of an Op: 2 ULP of the truth."""
    return [2 * real.spacing(part) for part in truth]


def wide_normals(count: int) -> Callable[[np.random.Generator, Any, type], Arrays]:
    """Draws arrays of normal values with deviation 1, but the last with 4: into the tails of an activation."""
    return lambda rng, shape, dtype: tuple(
        (rng.standard_normal(shape) * (4 if number == count - 1 else 1)).astype(dtype) for number in range(count)
    )


def faded(real: Real, x: np.ndarray) -> np.ndarray:
    """What is lost of x f(x), f of at most 1, where f is among the subnormal numbers: 2 ULP of f and a rounding."""
    return 3 * real.tiny * (1 + np.abs(x))


def least(real: Real) -> float:
    """What is lost of a gradient that ends at zero (cpp/kernels/kernel_table.h)."""
    return 2.0 ** (real.exponent + 26)


def gate_gradient_bound(
    real: Real, grad_y: np.ndarray, s: np.ndarray, steep: np.ndarray, roundings: np.ndarray | int
) -> np.ndarray:
    """Of grad_y (s + steep s (1 - s)), s a sigmoid that is off by n roundings: 1 - s is off by n s and half a rounding,
    the product with steep, itself off by 5, by (n + 1) s and 8 s (1 - s); the sum and its product by 2.
    """
    error = real.u * 1.01 * s * ((roundings + 2) + (roundings + 9) * np.abs(steep))
    return np.abs(grad_y) * (error + faded(real, steep)) + least(real)
