"""Random tensors: the right distributions, the same bits everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from statistics import NormalDist

import fastnn
import numpy as np
import pytest
from fastnn import random


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    before = random.state.as_dict()
    fastnn.manual_seed(3)
    yield
    random.state.restore(before)


def test_normal_numbers_are_the_inverse_of_the_distribution() -> None:
    """Within a few roundings of Python's own, in the centre and in both tails."""
    shares = random.uniform([20000], 0.0, 1.0, purpose=random.USER, position=0, dtype=np.float64)
    found = random.normal([20000], purpose=random.USER, position=0)
    step, inverse = 2.0**-54, NormalDist().inv_cdf
    wanted = [inverse(s + step) if s < 0.5 else -inverse(1 - s - step) for s in shares.tolist()]
    assert min(wanted) < -3.5 and max(wanted) > 3.5
    np.testing.assert_allclose(found, wanted, rtol=4e-15, atol=4e-16)


def test_far_tails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares so small that they come once in 10^12 draws, and 0 itself."""
    shares = np.array([0.0, 1e-12, 1e-9, 0.075, 0.925, 1 - 2.0**-53])
    monkeypatch.setattr(random._core, "uniform", lambda *arguments: shares)
    found = random.normal([6], purpose=random.USER, position=0)
    wanted = [NormalDist().inv_cdf(share) for share in (shares[:5] + 2.0**-54).tolist()]
    np.testing.assert_allclose(found, [*wanted, -NormalDist().inv_cdf(2.0**-54)], rtol=1e-12)


def test_the_same_bits_everywhere() -> None:
    numbers = fastnn.randn(10000, dtype=fastnn.float64).numpy().astype("<f8")
    assert hashlib.sha256(numbers.tobytes()).hexdigest() == (
        "f9ef1a83b623c3401726efd4c2bfe1204f7f3781fda94a0881b2bc0c9fdaf13e"
    )


def test_shapes_and_types() -> None:
    assert fastnn.randn(2, 3).shape == fastnn.randn((2, 3)).shape == (2, 3)
    assert fastnn.randn(4).dtype is fastnn.float32 and fastnn.randn(()).shape == () and fastnn.randn(0).shape == (0,)
    assert fastnn.randn(2, requires_grad=True).requires_grad
    assert not np.array_equal(fastnn.randn(5).numpy(), fastnn.randn(5).numpy())


def test_whole_numbers() -> None:
    drawn = fastnn.randint(10, (20000,)).numpy()
    assert drawn.dtype == np.int64 and set(drawn.tolist()) == set(range(10))
    counts = np.bincount(drawn)
    assert ((counts - 2000) ** 2 / 2000).sum() < 33.7, "chi squared with 9 degrees of freedom, 1e-4"
    assert set(fastnn.randint(-3, 0, (100,)).tolist()) == {-3, -2, -1}
    assert fastnn.randint(0, 2, (3, 4), dtype=fastnn.uint8).dtype is fastnn.uint8


@pytest.mark.parametrize("bounds", [(3, 3), (5, 2), (0, 2**60)])
def test_bounds_that_make_no_sense(bounds: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="must be above low"):
        fastnn.randint(*bounds, (2,))
