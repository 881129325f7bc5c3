"""What the tests of the ops share: one oracle, derived bounds, and proof that each comparison can fail.

An op's test says how to draw inputs, how to run the op, its oracle in `fastnn.reference` and the error it may make
(:class:`Op`); :class:`OpTests` then runs it on every ISA and number of threads, over the remainders of vectors and
tiles, with misaligned and strided arrays. Expected values are computed in a wider type than the op's own (float64 for
float32, long double for float64), so that they are the truth beside the op's rounding.

Bounds are a priori, in units of the rounding error u (Higham, Accuracy and Stability of Numerical Algorithms, 2002,
section 3.1): a chain of n roundings is off by at most gamma(n) = n u / (1 - n u) of the sum of magnitudes. A bound has
to be derived, so a test cannot be loosened; `check_sabotage` shows for each that it is not loose already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from fastnn import _core

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Real:
    """A working precision and the wider one in which its expected values are computed."""

    dtype: type
    wide: type
    mantissa: int  # stored bits
    exponent: int  # of the smallest normal number, 2^exponent

    @property
    def u(self) -> float:
        """Unit roundoff: half the distance from 1 to the next number."""
        return 2.0 ** -(self.mantissa + 1)

    @property
    def tiny(self) -> float:
        """The smallest subnormal: what a result that underflows may be off by."""
        return 2.0 ** (self.exponent - self.mantissa)

    def gamma(self, n: int) -> float:
        return n * self.u / (1 - n * self.u)

    def spacing(self, value: np.ndarray) -> np.ndarray:
        """One ULP: the distance between neighbours of this precision at a wide value."""
        exponent = np.maximum(np.frexp(value)[1] - 1, self.exponent)
        return np.ldexp(self.wide(1), exponent - self.mantissa)

    def tree(self, n: int) -> float:
        """gamma of a sum of n values along the lane tree: a lane's chain, then four levels (kernel_table.h)."""
        return self.gamma(-(-n // 16) + 4)


REAL = {
    np.float32: Real(np.float32, np.float64, 23, -126),
    np.float64: Real(np.float64, np.longdouble, 52, -1022),
}


def widen(array: Any, real: Real) -> Any:
    """A copy in the wide type; what is not real (labels, indices, numbers) stays as it is."""
    if isinstance(array, np.ndarray) and array.dtype.kind == "f":
        return array.astype(real.wide)
    return np.array(array) if isinstance(array, np.ndarray) else array


def as_tuple(result: Any) -> Arrays:
    return tuple(np.asarray(part) for part in (result if isinstance(result, tuple) else (result,)))


@contextmanager
def configured(isa: str, threads: int) -> Iterator[None]:
    """This ISA and number of threads inside the block."""
    before = _core.isa(), _core.get_num_threads()
    _core.set_isa(isa)
    _core.set_num_threads(threads)
    try:
        yield
    finally:
        _core.set_isa(before[0])
        _core.set_num_threads(before[1])


# Comparisons


def check_close(actual: np.ndarray, truth: np.ndarray, bound: Any, what: str = "") -> None:
    """No element may be further from the truth than its bound; NaN, infinities and shapes must agree.

    Raises:
        AssertionError: names the worst element.
    """
    assert actual.shape == truth.shape, f"{what} shape {actual.shape}, expected {truth.shape}"
    if truth.dtype.kind != "f":
        return check_same_bits(actual, truth, what)
    same = (actual == truth) | (np.isnan(actual) & np.isnan(truth))
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(actual.astype(truth.dtype) - truth)
        wrong = ~(same | (error <= bound))
    if not wrong.any():
        return None
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        excess = np.where(wrong, error / np.broadcast_to(bound, error.shape), 0)
    worst = np.unravel_index(np.argmax(np.where(np.isnan(excess), np.inf, excess)), error.shape)
    raise AssertionError(
        f"{what} element {tuple(map(int, worst))} of shape {actual.shape}: expected {truth[worst]!r}, "
        f"got {actual[worst]!r}, off by {excess[worst]:.3g} times its bound; {wrong.sum()} elements are wrong"
    )


def check_same_bits(actual: np.ndarray, expected: np.ndarray, what: str = "") -> None:
    """Equal dtypes, shapes and bits, signs of zero included; any NaN equals any NaN."""
    assert actual.dtype == expected.dtype, f"{what} dtype {actual.dtype}, expected {expected.dtype}"
    assert actual.shape == expected.shape, f"{what} shape {actual.shape}, expected {expected.shape}"
    if actual.dtype.kind == "f":
        same = (actual == expected) & (np.signbit(actual) == np.signbit(expected))
        same |= np.isnan(actual) & np.isnan(expected)
    else:
        same = actual == expected
    if not np.all(same):
        first = tuple(int(i) for i in np.argwhere(~same)[0])
        raise AssertionError(
            f"{what} element {first} of shape {actual.shape}: expected {expected[first]!r}, got "
            f"{actual[first]!r}; {np.size(same) - np.sum(same)} elements differ"
        )


def check_sabotage(actual: np.ndarray, truth: np.ndarray, bound: Any) -> None:
    """Proves that check_close can fail on these very arrays: first, middle and last finite element pushed past their
    bounds by the least that the type can tell must each be rejected, and so must an all-zero result."""
    check_close(actual, truth, bound)
    bounds = np.broadcast_to(bound, truth.shape)
    finite = np.flatnonzero(np.isfinite(truth))
    for place in {finite[0], finite[finite.size // 2], finite[-1]}:
        wrong = actual.copy()
        at = np.unravel_index(place, truth.shape)
        real = wrong.dtype.type
        moved = real(truth[at] + bounds[at])
        wrong[at] = (
            moved + 1 if wrong.dtype.kind != "f" else np.nextafter(np.nextafter(moved, real(np.inf)), real(np.inf))
        )
        with pytest.raises(AssertionError):
            check_close(wrong, truth, bound)
        with pytest.raises(AssertionError):
            check_same_bits(wrong, actual)
    if np.any(truth != 0):
        with pytest.raises(AssertionError):
            check_close(np.zeros_like(actual), truth, bound)


# Placing arrays in memory


def offset(array: np.ndarray, items: int) -> np.ndarray:
    """A copy that starts `items` elements after a 64-byte boundary."""
    array = np.asarray(array)
    buffer = np.empty(array.nbytes + (items + 1) * array.itemsize + 64, np.uint8)
    start = -buffer.ctypes.data % 64 + items * array.itemsize
    view = buffer[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def strided(array: np.ndarray) -> list[np.ndarray]:
    """The same values in other layouts: Fortran order, every second element, reversed, misaligned, byte-swapped."""
    spread = np.zeros([2 * n for n in array.shape], array.dtype)
    every_second = spread[(..., *(slice(None, None, 2),) * array.ndim)]
    every_second[...] = array
    backwards = (..., *(slice(None, None, -1),) * array.ndim)
    crooked = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    crooked[...] = array
    swapped = array.astype(array.dtype.newbyteorder())
    return [np.asfortranarray(array), every_second, array[backwards].copy()[backwards], crooked, swapped]


# Drawing inputs

# 0 to 2 N + 1 elements for sixteen lanes (the widest vector, and the lane tree), then a matrix.
REMAINDERS: list[Any] = [(n,) for n in range(34)] + [(5, 7)]


def worth_three_threads(operations: int) -> list[Any]:
    """Sizes that three threads share (50,000 operations each: core/parallel.cpp), with some remainders."""
    size = 150_000 // operations
    return [(size + extra,) for extra in (1, 15, 16, 37)]


def normals(count: int) -> Callable[[np.random.Generator, Any, type], Arrays]:
    """Draws `count` arrays of standard normal values."""
    return lambda rng, shape, dtype: tuple(rng.standard_normal(shape).astype(dtype) for _ in range(count))


# The tests of one op


@dataclass(frozen=True)
class Op:
    """One op under test.

    Attributes:
        run: the compiled op on the drawn arrays; array or tuple of arrays. What it updates in place it returns.
        truth: the same by `fastnn.reference`, given wide copies.
        bound: (real, truth, inputs) -> the error allowed of each result, from wide truth and inputs. None: the oracle
            gets arrays of the op's own precision and must give the very same bits.
        draw: (rng, shape, dtype) -> the inputs.
        small: shapes over all remainders of vectors and tiles.
        large: shapes that are worth three threads.
        takes_out: run accepts `out=`, an array for the last result.
    """

    run: Callable[..., Any]
    truth: Callable[..., Any]
    draw: Callable[[np.random.Generator, Any, type], Arrays]
    small: Sequence[Any]
    large: Sequence[Any]
    bound: Callable[[Real, Arrays, Arrays], Sequence[Any]] | None = None
    takes_out: bool = True

    def expected(self, real: Real, inputs: Arrays) -> tuple[Arrays, Sequence[Any]]:
        """What the results must be, and how far they may be off."""
        if self.bound is None:
            exact = as_tuple(self.truth(*(np.array(array) for array in inputs)))
            return exact, [0] * len(exact)
        wide = tuple(widen(array, real) for array in inputs)
        truth = as_tuple(self.truth(*(array.copy() for array in wide)))
        return truth, self.bound(real, truth, wide)

    def results(self, inputs: Arrays, **options: Any) -> Arrays:
        """The op on copies of the inputs, as misaligned as they are."""
        return as_tuple(self.run(*inputs, **options))


def placed(inputs: Arrays, shift: int) -> Arrays:
    """Copies that start at different distances from a 64-byte boundary, all 0 for shift 0."""
    return tuple(offset(array, shift * (i + 1) % 16) for i, array in enumerate(inputs))


class OpTests:
    """The tests that every op gets: subclass as Test..., set `op`."""

    op: Op

    def check_values(self, real: Real, inputs: Arrays, what: str) -> Arrays:
        truth, bounds = self.op.expected(real, inputs)
        actual = self.op.results(placed(inputs, 0))
        assert len(actual) == len(truth) == len(bounds)
        for number, (found, wanted, bound) in enumerate(zip(actual, truth, bounds, strict=True)):
            if self.op.bound is None:
                check_same_bits(found, wanted, f"{what}, result {number}")
            else:
                assert found.dtype in (real.dtype, np.int64)
                check_close(found, wanted, bound, f"{what}, result {number}")
        return actual

    def test_values(self, isa: str, real: Real, rng: np.random.Generator) -> None:
        """Every remainder of vectors and tiles against the oracle; misaligned arrays give the same bits."""
        for shape in self.op.small:
            inputs = self.op.draw(rng, shape, real.dtype)
            aligned = self.check_values(real, inputs, f"shape {shape}")
            for shift in (1, 3):
                options = {}
                if self.op.takes_out:
                    options["out"] = offset(np.full_like(aligned[-1], -77), 5 * shift % 16)
                moved = self.op.results(placed(inputs, shift), **options)
                for number, (found, wanted) in enumerate(zip(moved, aligned, strict=True)):
                    check_same_bits(found, wanted, f"shape {shape}, shift {shift}, result {number}")
                assert not options or moved[-1] is options["out"]

    def test_same_bits(self, isa: str, threads: int, real: Real, rng: np.random.Generator) -> None:
        """Small and large shapes: the bits of one scalar thread, and for large shapes the oracle's values."""
        for shape in [*self.op.small[::5], *self.op.large]:
            inputs = self.op.draw(rng, shape, real.dtype)
            actual = self.op.results(placed(inputs, 0))
            with configured("scalar", 1):
                plain = self.op.results(placed(inputs, 0))
            for number, (found, wanted) in enumerate(zip(actual, plain, strict=True)):
                check_same_bits(found, wanted, f"shape {shape}, result {number}")

    def test_large_values(self, real: Real, rng: np.random.Generator) -> None:
        """The large shapes against the oracle; every ISA and number of threads has these bits (test_same_bits)."""
        for shape in self.op.large:
            self.check_values(real, self.op.draw(rng, shape, real.dtype), f"shape {shape}")

    def test_strides(self, isa: str, real: Real, rng: np.random.Generator) -> None:
        """Any layout, byte order and alignment of an input gives the bits of the contiguous one."""
        inputs = self.op.draw(rng, self.op.small[-1], real.dtype)
        plain = self.op.results(placed(inputs, 0))
        for place, array in enumerate(inputs):
            for layout, other in enumerate(strided(array)):
                changed = [*placed(inputs, 0)]
                changed[place] = other
                for number, (found, wanted) in enumerate(zip(self.op.results(tuple(changed)), plain, strict=True)):
                    check_same_bits(found, wanted, f"input {place}, layout {layout}, result {number}")

    def test_comparison_can_fail(self, real: Real, rng: np.random.Generator) -> None:
        """A result just past its bound, and one of zeros, are rejected."""
        for shape in (self.op.small[-1], self.op.large[0]):
            inputs = self.op.draw(rng, shape, real.dtype)
            truth, bounds = self.op.expected(real, inputs)
            for found, wanted, bound in zip(self.op.results(placed(inputs, 0)), truth, bounds, strict=True):
                check_sabotage(found, wanted, bound)
