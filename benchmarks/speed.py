"""What the README says about speed, from one run: ``train_step``, ``eager`` and ``busy``."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import busy, eager, train_step
from benchmarks.harness import Case, Options

ROUNDS = 15
PEERS = train_step.PEERS


def cases(options: Options) -> Iterator[Case]:
    """Those of each, with the peers that it has."""
    for work in (train_step, eager, busy):
        yield from work.cases(options.among(work.PEERS))
