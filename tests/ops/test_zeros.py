"""Eager products of batches leave zeros out where what they meet is finite: the same bits as products that leave out
nothing (matmul)."""

from __future__ import annotations

import numpy as np
import pytest
from fastnn import _core

OUTPUTS = 97  # whole panels and a rest


def batch(rows: int, inputs: int, dtype: type, seed: int = 0) -> np.ndarray:
    """Mostly zeros; some columns are zero in all rows: at the ends, in short and in long runs."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, inputs)) * (rng.random((rows, inputs)) > 0.9)
    for first, last in ((0, 30), (40, 41), (50, 53), (60, 64), (70, 90), (inputs - 10, inputs)):
        x[:, first:last] = 0
    return x.astype(dtype)


def weight(inputs: int, dtype: type) -> np.ndarray:
    return np.asfortranarray(np.random.default_rng(1).standard_normal((OUTPUTS, inputs)).astype(dtype))


def gradient(rows: int, dtype: type) -> np.ndarray:
    return np.random.default_rng(2).standard_normal((rows, OUTPUTS)).astype(dtype)


def check(x: np.ndarray, w: np.ndarray, g: np.ndarray) -> None:
    """Forward product and weight gradient, bit for bit but for the payloads of NaN."""
    with np.errstate(invalid="ignore"):
        bias = np.arange(len(w), dtype=w.dtype)
        pairs = [
            (_core.dense_forward(x, w, bias, True), np.maximum(_core.matmul(x, w.T) + bias, 0)),
            (_core.dense_grad_weight(g, x), _core.matmul(g.T, x)),
        ]
    for got, wanted in pairs:
        np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(np.signbit(got[~np.isnan(got)]), np.signbit(wanted[~np.isnan(wanted)]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [2, 16, 33, 64, 100])
def test_same_bits(isa: str, threads: int, rows: int, dtype: type) -> None:
    for inputs in (100, 784):
        check(batch(rows, inputs, dtype), weight(inputs, dtype), gradient(rows, dtype))


@pytest.mark.parametrize("inputs", [1024, 1025, 3000])
def test_more_inputs_than_one_block(isa: str, inputs: int) -> None:
    check(batch(48, inputs, np.float32), weight(inputs, np.float32), gradient(48, np.float32))


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("place", [0, 45, 52, 99])
def test_what_is_not_finite_meets_the_zeros(isa: str, bad: float, place: int) -> None:
    """In a weight that only zeros would be multiplied with, and in a gradient."""
    x, w, g = batch(64, 100, np.float32), weight(100, np.float32), gradient(64, np.float32)
    w[3, place] = bad
    check(x, w, g)
    w = weight(100, np.float32)
    g[place % 64, 5] = bad
    check(x, w, g)


def test_zeros_of_both_signs_and_tiny_numbers(isa: str) -> None:
    x = batch(64, 100, np.float32)
    x[:, :30] = -0.0
    x[20, 45], x[21, 99] = 1e-45, -1e-45
    check(x, weight(100, np.float32), gradient(64, np.float32))
    check(np.zeros_like(x), weight(100, np.float32), gradient(64, np.float32))
    check(-np.zeros_like(x), weight(100, np.float32), gradient(64, np.float32))


def test_rows_that_differ(isa: str, threads: int) -> None:
    """A first row of zeros before dense ones, and the other way round."""
    x = np.random.default_rng(3).random((64, 100), dtype=np.float32)
    x[0] = 0
    check(x, weight(100, np.float32), gradient(64, np.float32))
    x[1:17], x[0] = 0, 1
    check(x, weight(100, np.float32), gradient(64, np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_found_at_any_place(isa: str, dtype: type, value: float) -> None:
    """Of as many as fit into no vector, and into four of the widest and one more; among the least and the largest."""
    info = np.finfo(dtype)
    kinds = np.array([0, -0.0, info.max, info.min, info.tiny, -info.tiny, info.smallest_subnormal], dtype)
    for count in range(70):
        x = np.resize(kinds, count)
        assert _core.finite(x)
        for place in range(count):
            wrong = x.copy()
            wrong[place] = value
            assert not _core.finite(wrong)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_several_threads_look_for_it(count: int, threads: int) -> None:
    x = np.zeros((700, 2000), np.float32)
    assert _core.finite(x)
    for place in (0, x.size // 2, x.size - count):
        wrong = x.copy()
        wrong.reshape(-1)[place : place + count] = np.inf
        assert not _core.finite(wrong)
