"""Philox4x32-10, uniform numbers and permutations.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11. A word is a
pure function of (seed, purpose, position, index): the seed is the key, the counter is (block low, block high,
position, purpose), and a block has four words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

_MASK = np.uint64(0xFFFFFFFF)


def philox4x32(counter: np.ndarray, key: Sequence[int]) -> np.ndarray:
    """Ten rounds of Philox: counter uint32 (n, 4) and two key words give uint32 (n, 4)."""
    a, b, c, d = (counter[:, i].astype(np.uint64) for i in range(4))
    key0, key1 = int(key[0]), int(key[1])
    for _ in range(10):
        product0, product1 = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = (
            (product1 >> np.uint64(32)) ^ b ^ np.uint64(key0),
            product1 & _MASK,
            (product0 >> np.uint64(32)) ^ d ^ np.uint64(key1),
            product0 & _MASK,
        )
        key0, key1 = (key0 + 0x9E3779B9) % 2**32, (key1 + 0xBB67AE85) % 2**32
    return np.stack([a, b, c, d], axis=1).astype(np.uint32)


def words(count: int, seed: int, purpose: int, position: int, first_block: int = 0) -> np.ndarray:
    """The first `count` words of a stream from block `first_block` (four words each) on: uint32 (count,)."""
    counter = np.zeros(((count + 3) // 4, 4), np.uint32)
    block = np.arange(len(counter), dtype=np.uint64) + np.uint64(first_block)
    counter[:, 0], counter[:, 1] = block & _MASK, block >> np.uint64(32)
    counter[:, 2], counter[:, 3] = position, purpose
    return philox4x32(counter, (seed % 2**32, seed >> 32)).reshape(-1)[:count]


def unit(stream: np.ndarray) -> np.ndarray:
    """Words as multiples of 2^-24 in [0, 1): float64, exact in float32 too."""
    return (stream >> np.uint32(8)) * 2.0**-24


def uniform(
    shape: Sequence[int],
    low: float,
    high: float,
    seed: int,
    purpose: int,
    position: int,
    double_precision: bool = False,
) -> np.ndarray:
    """low + (high - low) u in double, then rounded; u is the unit of word i for element i."""
    u = unit(words(int(np.prod(shape, dtype=object)), seed, purpose, position))
    return (low + (high - low) * u).astype(np.float64 if double_precision else np.float32).reshape(shape)


def _wide_words(seed: int, purpose: int, position: int) -> Iterator[int]:
    """Words 2i and 2i + 1 as one number of 64 bits, high word first."""
    for block in range(2**62):
        a, b, c, d = (int(word) for word in words(4, seed, purpose, position, block))
        yield a << 32 | b
        yield c << 32 | d


def permutation(n: int, seed: int, purpose: int, position: int) -> np.ndarray:
    """A random order of n, int64: Fisher-Yates from the end, Lemire's method (ACM TOMACS 29, 2019)."""
    order = np.arange(n, dtype=np.int64)
    draws = _wide_words(seed, purpose, position)
    for last in range(n - 1, 0, -1):
        bound = last + 1
        product = next(draws) * bound
        while product % 2**64 < 2**64 % bound:  # the values of the low half that would make some places likelier
            product = next(draws) * bound
        place = product >> 64
        order[last], order[place] = order[place], order[last]
    return order
