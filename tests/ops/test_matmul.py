"""matmul: within gamma(K + 4) |A||B|, exact on integers, one chain per element, over every tile and batch."""

from itertools import product

import exact
import numpy as np
import pytest
from fastnn import _core
from fastnn.reference.matmul import matmul
from harness import REAL, Arrays, Op, OpTests, Real, check_close, check_same_bits, configured
from product_tests import K_EDGES, integers, random_dims

SMALL = [
    *((m, 5, 19) for m in range(30)),
    *((3, 7, n) for n in range(67)),
    *((5, k, 17) for k in K_EDGES),
    (9, 33, 35),
]
LARGE = [
    (63, 1025, 65),
    (129, 300, 33),
    (5, 2049, 131),
    (1, 1024, 1300),
]  # M N K / 8 >= 150,000: three threads


def draw(rng: np.random.Generator, shape: tuple[int, int, int], dtype: type) -> Arrays:
    m, k, n = shape
    return rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)


def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
    """K fused multiply-adds and + 0.0, on the magnitudes (N3)."""
    a, b = inputs
    return [real.gamma(a.shape[-1] + 4) * matmul(np.abs(a), np.abs(b))]


class TestMatmul(OpTests):
    op = Op(run=_core.matmul, truth=matmul, bound=bound, draw=draw, small=SMALL, large=LARGE)


def check_integers(real: Real, rng: np.random.Generator, count: int) -> None:
    """`count` random products equal those in float64 with tolerance 0, in one of four memory layouts."""
    for _ in range(count):
        m, k, n = random_dims(rng)
        a, b = integers(rng, (m, k), real.dtype), integers(rng, (k, n), real.dtype)
        expected = np.matmul(a.astype(np.float64), b.astype(np.float64)).astype(real.dtype) + real.dtype(0)
        a = np.asfortranarray(a) if rng.uniform() < 0.5 else a
        b = np.asfortranarray(b) if rng.uniform() < 0.5 else b
        check_same_bits(_core.matmul(a, b), expected, f"M {m}, K {k}, N {n}")


def test_integers(isa: str, threads: int, real: Real, rng: np.random.Generator) -> None:
    """N2: no tolerance at all."""
    check_integers(real, rng, 700)


@pytest.mark.slow
def test_many_integers(isa: str, threads: int, real: Real, rng: np.random.Generator) -> None:
    check_integers(real, rng, 2500)


def test_every_tile(isa: str, real: Real, rng: np.random.Generator) -> None:
    """Every number of rows and columns up to two tiles of the widest ISA and a little more."""
    a, b = integers(rng, (30, 3), real.dtype), integers(rng, (3, 67), real.dtype)
    whole = (a.astype(np.float64) @ b.astype(np.float64)).astype(real.dtype) + real.dtype(0)
    for m, n in product(range(31), range(68)):
        c = _core.matmul(a[:m], b[:, :n])
        assert np.array_equal(c, whole[:m, :n]), f"M {m}, N {n}"


@pytest.mark.parametrize("k", [0, 1, 2, 50, 1023, 1025, 2050])
def test_one_ascending_chain(isa: str, k: int, rng: np.random.Generator) -> None:
    """Bit for bit the chain of fused multiply-adds written in NumPy, across the blocks of k too."""
    a, b = draw(rng, (7, k, 18), np.float32)
    check_same_bits(_core.matmul(a, b), exact.product(a, b))


def test_one_ascending_chain_in_double(isa: str, rng: np.random.Generator) -> None:
    a, b = draw(rng, (3, 40, 5), np.float64)
    check_same_bits(_core.matmul(a, b), exact.product(a, b))


def test_other_orders_are_seen(rng: np.random.Generator) -> None:
    """The comparison above would fail for a reversed chain, for two chains and without fusing."""
    a, b = draw(rng, (7, 50, 18), np.float32)
    right = exact.product(a, b)
    half = exact.product(a[:, :25], b[:25]) + exact.product(a[:, 25:], b[25:])
    unfused = exact.chain(a.T[:, :, np.newaxis] * b[:, np.newaxis, :])
    for wrong in (exact.product(a[:, ::-1], b[::-1]), half, unfused):
        assert np.mean(wrong != right) > 0.3


def test_half_of_k_is_seen(real: Real, rng: np.random.Generator) -> None:
    """The bound rejects a product that ignores half of K: every element."""
    a, b = draw(rng, (8, 1024, 16), real.dtype)
    wide_a, wide_b = a.astype(real.wide), b.astype(real.wide)
    truth = (matmul(wide_a, wide_b),)
    limit = bound(real, truth, (wide_a, wide_b))[0]
    wrong = _core.matmul(a[:, :512], b[:512])
    assert np.mean(np.abs(wrong - truth[0]) > limit) > 0.98
    with pytest.raises(AssertionError):
        check_close(wrong, truth[0], limit)


@pytest.mark.parametrize("batch", [(1,), (3,), (2, 3), (0,)])
def test_batches(isa: str, threads: int, real: Real, batch: tuple[int, ...], rng: np.random.Generator) -> None:
    """Each matrix of a batch has the bits of the plain product, repeated (stride 0) and transposed ones too."""
    a = rng.standard_normal((*batch, 33, 40)).astype(real.dtype)
    b = rng.standard_normal((40, 65)).astype(real.dtype)
    for right in (np.broadcast_to(b, (*batch, 40, 65)), np.broadcast_to(b.T.copy().T, (*batch, 40, 65))):
        c = _core.matmul(a, right)
        assert c.shape == (*batch, 33, 65)
        for index in np.ndindex(batch):
            check_same_bits(c[index], _core.matmul(a[index], b))


def test_special_values(isa: str, real: Real) -> None:
    """-0 comes out as +0, NaN and infinities travel, sums of subnormals are not flushed."""
    inf, nan, tiny = np.inf, np.nan, real.tiny
    a = np.array([[-0.0, 0.0], [1, 0], [0, 1], [1, 1]], real.dtype)
    b = np.array([[3, -3, inf, nan, tiny, -0.0, inf], [-3, 0, 1, 1, tiny, -0.0, -inf]], real.dtype)
    expected = [
        [0, 0, nan, nan, 0, 0, nan],
        [3, -3, inf, nan, tiny, 0, nan],
        [-3, 0, nan, nan, tiny, 0, nan],
        [0, -3, inf, nan, 2 * tiny, 0, nan],
    ]
    check_same_bits(_core.matmul(a, b), np.array(expected, real.dtype))


def test_underflowing_sums(isa: str, rng: np.random.Generator) -> None:
    """Products below the smallest normal number: still one chain, rounded as IEEE has it."""
    a, b = (array * np.float32(1e-21) for array in draw(rng, (5, 60, 17), np.float32))
    check_same_bits(_core.matmul(a, b), exact.product(a, b))


def test_a_row_alone_has_the_bits_it_has_in_a_batch(real: Real, rng: np.random.Generator) -> None:
    """N6: a batch of one, a permuted batch and a scaled one."""
    a, b = draw(rng, (37, 100, 23), real.dtype)
    whole, order = _core.matmul(a, b), rng.permutation(37)
    for row in range(37):
        check_same_bits(_core.matmul(a[row : row + 1], b)[0], whole[row])
    check_same_bits(_core.matmul(a[order], b), whole[order])
    check_same_bits(_core.matmul(a * real.dtype(64), b), whole * real.dtype(64))


def test_many_threads() -> None:
    """More threads than rows, columns or processors: the same bits."""
    a, b = draw(np.random.default_rng(0), (3, 5000, 100), np.float32)
    with configured("scalar", 1):
        expected = _core.matmul(a, b)
    for threads in (4, 7, 16):
        with configured("", threads):
            check_same_bits(_core.matmul(a, b), expected, f"{threads} threads")
    assert REAL[np.float32].u == 2.0**-24


def test_many_transposed_matrices_are_packed_one_by_one(isa: str) -> None:
    """More panels than are packed at once: the same bits as each product alone, in no more memory than a matrix's."""
    a = np.random.default_rng(0).standard_normal((40_000, 2, 3)).astype(np.float32)
    b = np.random.default_rng(1).standard_normal((40_000, 2, 3)).astype(np.float32)
    wanted = _core.matmul(a, np.ascontiguousarray(b.transpose(0, 2, 1)))
    check_same_bits(_core.matmul(a, b.transpose(0, 2, 1)), wanted)
    check_same_bits(_core.matmul(a[:2000], b[:2000].transpose(0, 2, 1)), wanted[:2000])
