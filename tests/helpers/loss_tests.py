"""What the tests of the losses share: each is tested as the mean and as the sum over its samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness import Op


def loss_op(loss: Callable[..., Any], truth: Callable[..., Any], mean: bool, **cases: Any) -> Op:
    """A loss of the core beside its twin; cases are Op's ``bound``, ``draw``, ``small`` and ``large``."""
    return Op(
        run=lambda x, target, out=None: loss(x, target, mean, out=out),
        truth=lambda x, target: truth(x, target, mean=mean),
        **cases,
    )
