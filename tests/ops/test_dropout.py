"""dropout: the mask is the documented stream, exactly; what is kept is scaled."""

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference.dropout import dropout
from harness import REMAINDERS, Op, OpTests, Real, normals, worth_three_threads

DRAW = {"seed": 2**63 + 12345, "call": 7, "module": 3}


class TestDropout(OpTests):
    op = Op(
        run=lambda x: _core.dropout(x, 0.3, **DRAW),
        truth=lambda x: dropout(x, 0.3, **DRAW),
        draw=normals(1),
        small=REMAINDERS,
        large=worth_three_threads(12),
        takes_out=False,
    )


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.999])
def test_share_and_scale(isa: str, real: Real, p: float) -> None:
    """About 1 - p is kept, scaled so that the mean stays; within 5 standard deviations."""
    x = np.ones(20_000, real.dtype)
    y, mask = _core.dropout(x, p, **DRAW)
    kept = np.mean(mask != 0)
    assert abs(kept - (1 - p)) <= 5 * (p * (1 - p) / x.size) ** 0.5
    assert set(np.unique(mask)) <= {0, real.dtype(1 / (1 - p))}
    assert np.array_equal(y, mask)


def test_streams_differ() -> None:
    """Another seed, call or module draws another mask; the same draws the same."""
    x = np.ones(1000, np.float32)
    masks = [_core.dropout(x, 0.5, **{**DRAW, **change})[1] for change in ({}, {"seed": 1}, {"call": 8}, {"module": 4})]
    for i, a in enumerate(masks):
        for b in masks[i + 1 :]:
            assert 400 < np.sum(a != b) < 600
    assert np.array_equal(masks[0], _core.dropout(x, 0.5, **DRAW)[1])


def test_same_mask_in_both_precisions() -> None:
    x = np.ones(1000)
    assert np.array_equal(
        _core.dropout(x, 0.3, **DRAW)[1] != 0, _core.dropout(x.astype(np.float32), 0.3, **DRAW)[1] != 0
    )
