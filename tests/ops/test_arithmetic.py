"""add, subtract, multiply, divide and copy: NumPy's bits, for any strides and repeated dimensions."""

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference import arithmetic as reference
from harness import (
    REMAINDERS,
    Arrays,
    Op,
    OpTests,
    Real,
    check_same_bits,
    normals,
    offset,
    worth_three_threads,
)

OPERATIONS = ["add", "subtract", "multiply", "divide"]


def all_four(module: object, a: np.ndarray, b: np.ndarray) -> Arrays:
    return tuple(getattr(module, operation)(a, b) for operation in OPERATIONS)


class TestArithmetic(OpTests):
    op = Op(
        run=lambda a, b: all_four(_core, a, b),
        truth=lambda a, b: all_four(reference, a, b),
        draw=normals(2),
        small=REMAINDERS,
        large=[*worth_three_threads(1), (401, 399)],
        takes_out=False,
    )


class TestCopy(OpTests):
    op = Op(
        run=_core.copy,
        truth=reference.copy,
        draw=normals(1),
        small=[*REMAINDERS, (3, 4, 5)],
        large=[*worth_three_threads(1), (401, 399)],
        takes_out=False,
    )

    @pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
    def test_other_types(self, isa: str, dtype: type) -> None:
        x = np.arange(60).reshape(3, 4, 5).astype(dtype)
        for view in (x, x.T, x[::-1, 1:, ::2], x[:, :0], x[1, 2, 3:4].reshape(())):
            copy = _core.copy(view)
            check_same_bits(copy, view)
            assert copy.flags.c_contiguous and not np.shares_memory(copy, x)


# Shapes with which one operand is repeated over the other, at every place a dimension can have.
REPEATED = [
    ((5, 7), (7,)),
    ((5, 7), (5, 1)),
    ((5, 7), (1, 7)),
    ((5, 7), (1, 1)),
    ((5, 7), ()),
    ((5, 1), (1, 7)),
    ((2, 3, 17), (3, 1)),
    ((2, 1, 17), (3, 1)),
    ((4, 1, 3, 1), (2, 1, 33)),
    ((0, 7), (7,)),
    ((1,), (0,)),
    ((300, 520), (520,)),
    ((300, 520), (300, 1)),
]


@pytest.mark.parametrize(("a_shape", "b_shape"), REPEATED)
def test_broadcasting(
    isa: str, threads: int, real: Real, a_shape: tuple, b_shape: tuple, rng: np.random.Generator
) -> None:
    a, b = (np.asarray(rng.standard_normal(shape), real.dtype) for shape in (a_shape, b_shape))
    for left, right in ((a, b), (b, a), (a, b.T.copy().T), (np.broadcast_to(a, (2, *a_shape)), b)):
        for found, wanted in zip(all_four(_core, left, right), all_four(reference, left, right), strict=True):
            check_same_bits(found, np.asarray(wanted))


def test_python_numbers(isa: str, real: Real, rng: np.random.Generator) -> None:
    x = rng.standard_normal(19).astype(real.dtype)
    for number in (3, -0.1, 1e-9):
        scalar = real.dtype(number)
        for left, right, a, b in ((x, number, x, scalar), (number, x, scalar, x)):
            for found, wanted in zip(all_four(_core, left, right), all_four(reference, a, b), strict=True):
                check_same_bits(found, wanted)


def test_special_values(isa: str, real: Real) -> None:
    """All pairs of zeros, subnormals, infinities and NaN."""
    values = np.array([0.0, -0.0, real.tiny, -real.tiny, 1, -1, np.inf, -np.inf, np.nan], real.dtype)
    a, b = (array.ravel() for array in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        expected = all_four(reference, a, b)
    for found, wanted in zip(all_four(_core, a, b), expected, strict=True):
        check_same_bits(found, wanted)


def test_misaligned_rows(isa: str, real: Real, rng: np.random.Generator) -> None:
    """Rows of odd length start at every distance from a vector's boundary."""
    whole = rng.standard_normal((9, 37)).astype(real.dtype)
    for columns in range(1, 36):
        a, b = whole[:, 1 : 1 + columns], offset(whole[:, :columns], columns % 16)
        check_same_bits(_core.add(a, b), a + b)
        check_same_bits(_core.multiply(a[:, ::-1], b[::-1]), a[:, ::-1] * b[::-1])


@pytest.mark.parametrize("name", ["add", "subtract", "multiply"])
def test_integers_are_exact_and_wrap_around(name: str) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.integers(-(2**63), 2**63 - 1, (5, 7)), rng.integers(-(2**63), 2**63 - 1, 7)
    function, wanted = getattr(_core, name), getattr(np, name)
    np.testing.assert_array_equal(function(a, b), wanted(a, b))
    np.testing.assert_array_equal(function(a.T[::2], a.T[::2]), wanted(a.T[::2], a.T[::2]))
    np.testing.assert_array_equal(function(a, 3), wanted(a, 3))
    assert function(np.array(2**53), np.array(1)).dtype == np.int64


def test_integers_are_not_divided() -> None:
    with pytest.raises(TypeError, match="float32 or float64"):
        _core.divide(np.arange(3), np.arange(3))
