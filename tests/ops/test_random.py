"""Philox, uniform numbers and permutations: published vectors, the documented stream, no bias."""

from collections import Counter

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference import random as reference
from harness import check_same_bits

# kat_vectors of the Random123 distribution: counter, key, result of philox4x32-10.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> np.ndarray:
    return np.array([int(word, 16) for word in text.split()], np.uint32)


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_oracle_gives_the_published_vectors(counter: str, key: str, result: str) -> None:
    assert np.array_equal(reference.philox4x32(words(counter)[np.newaxis], words(key))[0], words(result))


def test_core_gives_the_published_vector() -> None:
    """Seed, purpose, position and block 0: the first vector, of which a uniform number shows the top 24 bits."""
    top = _core.uniform([4], 0, 2**24, seed=0, purpose=0, position=0, double_precision=True)
    assert top.astype(np.uint32).tolist() == (words(KNOWN[0][2]) >> 8).tolist()


STREAMS = [(0, 0, 0), (2**64 - 1, 5, 2**32 - 1), (0x299F31D0A4093822, 3, 0x13198A2E), (1, 1, 1)]


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("double", [False, True])
def test_uniform_is_the_stream(isa: str, threads: int, double: bool, stream: tuple[int, int, int]) -> None:
    """Element i is word i, whatever thread draws it; rounded once to float32."""
    for shape in ([], [0], [1], [5], [3, 7], [2, 0, 3], [9_377], [3, 3_131]):
        for low, high in ((0, 1), (-0.1, 0.3), (1e30, 2e30)):
            found = _core.uniform(shape, low, high, *stream, double)
            check_same_bits(found, np.asarray(reference.uniform(shape, low, high, *stream, double)))


def test_uniform_numbers_are_uniform() -> None:
    """Mean, variance and 64 equal cells of 200,000 numbers, within 5 standard deviations."""
    u = _core.uniform([200_000], 0, 1, 42, 5, 0).astype(np.float64)
    assert u.min() >= 0 and u.max() < 1
    assert abs(u.mean() - 1 / 2) < 5 / (12 * u.size) ** 0.5
    assert abs(u.var() - 1 / 12) < 5 / (180 * u.size) ** 0.5
    cells = np.bincount((u * 64).astype(int), minlength=64)
    assert ((cells - u.size / 64) ** 2 / (u.size / 64)).sum() < 63 + 5 * 126**0.5


@pytest.mark.parametrize("stream", STREAMS)
def test_permutation_is_the_documented_one(stream: tuple[int, int, int]) -> None:
    for n in (0, 1, 2, 3, 17, 1000):
        found = _core.permutation(n, *stream)
        check_same_bits(found, reference.permutation(n, *stream))
        assert sorted(found.tolist()) == list(range(n))


def test_permutations_are_unbiased() -> None:
    """All 24 orders of four come up equally often over 12,000 positions, within 5 standard deviations."""
    counts = Counter(tuple(_core.permutation(4, 7, 1, position).tolist()) for position in range(12_000))
    assert len(counts) == 24
    assert sum((count - 500) ** 2 / 500 for count in counts.values()) < 23 + 5 * 46**0.5


def test_large_permutation() -> None:
    """Every place is used once, and far from its own on average (n / 3 apart)."""
    order = _core.permutation(1_000_000, 3, 1, 0)
    assert np.array_equal(np.sort(order), np.arange(order.size))
    distance = np.abs(order - np.arange(order.size)).mean()
    assert abs(distance / order.size - 1 / 3) < 0.002


def test_streams_are_apart() -> None:
    """Neighbouring seeds, purposes and positions have nothing in common."""
    base = _core.uniform([1000], 0, 1, 5, 1, 7)
    for stream in ((6, 1, 7), (5, 2, 7), (5, 1, 8), (5 + 2**32, 1, 7)):
        assert np.sum(_core.uniform([1000], 0, 1, *stream) == base) <= 1
        assert abs(np.corrcoef(_core.uniform([1000], 0, 1, *stream), base)[0, 1]) < 0.15


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"\[random\] unknown purpose 6"):
        _core.uniform([3], 0, 1, 0, 6, 0)
    with pytest.raises(ValueError, match=r"\[permutation\] n is -1; it must be at least 0"):
        _core.permutation(-1, 0, 0, 0)
    with pytest.raises(ValueError, match="does not fit a 64-bit count"):
        _core.uniform([-3], 0, 1, 0, 0, 0)
    with pytest.raises(ValueError, match="does not fit a 64-bit count"):
        _core.uniform([2**40, 2**40], 0, 1, 0, 0, 0)
    with pytest.raises(MemoryError):
        _core.permutation(2**58, 0, 0, 0)
    for seed in (-1, 2**64, 1.5, None):
        with pytest.raises(TypeError):
            _core.uniform([3], 0, 1, seed, 0, 0)


@pytest.mark.parametrize("rank", [9, 20, 64])
def test_too_many_dimensions_are_refused(rank: int) -> None:
    with pytest.raises(ValueError, match="at most 8"):
        _core.uniform([1] * rank, 0, 1, 0, 0, 0)
