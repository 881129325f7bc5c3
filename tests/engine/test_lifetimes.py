"""Values of a step share memory where their lives do not meet, and lie alike."""

from __future__ import annotations

import numpy as np
import pytest
from fastnn import nn, optim
from fastnn.engine import lifetimes
from fastnn.engine.plan import Plan
from fastnn.engine.program import MISSING, Memory, Op, Program, View
from image_models import images, residual

LARGE = lifetimes.LEAST_BYTES


class Chain:
    """A program that makes value after value, each of the one before."""

    def __init__(self, *rows: int, nbytes: int = LARGE, dtype: str = "float32", op: str = "softmax") -> None:
        self.memory = Memory()
        self.program = Program(self.memory)
        items = nbytes // 4
        self.views = [
            self.memory.view(View(self.memory.buffer(nbytes, "value"), 0, (n, items // n), (items // n, 1), dtype))
            for n in rows
        ]
        for x, y in zip([MISSING, *self.views], self.views, strict=False):
            self.program.ops.append(Op(op, (x,), (y,), {}))

    def shared(self) -> list[int | None]:
        lifetimes.share_memory(self.program, 0)
        return [buffer.shares for buffer in self.memory.buffers]


def test_a_chain_needs_two_places() -> None:
    """No value has the memory of one that the op that makes it still reads."""
    assert Chain(4, 4, 4, 4, 4, 4).shared() == [None, None, 0, 1, 0, 1]


def test_an_elementwise_op_writes_over_what_it_reads() -> None:
    """Where nobody else reads that later."""
    assert Chain(4, 4, 4, 4, op="relu").shared() == [None, 0, 0, 0]
    chain = Chain(4, 4, 4, op="relu")
    chain.program.ops.append(Op("relu_backward", (chain.views[2], chain.views[1]), (chain.views[2],), {}))
    assert chain.shared() == [None, 0, None]


def test_what_is_read_later_keeps_its_memory() -> None:
    chain = Chain(4, 4, 4, 4, 4)
    chain.program.ops.append(Op("add", (chain.views[0], chain.views[4]), (chain.views[4],), {}))
    assert chain.shared() == [None, None, None, 1, 2]


def test_results_keep_their_memory() -> None:
    chain = Chain(4, 4, 4, 4)
    chain.program.output, chain.program.loss = chain.views[0], chain.views[1]
    assert chain.shared() == [None, None, None, None]


def test_only_what_lies_alike_is_shared() -> None:
    """Rows of other lengths would not be the same samples' memory; small values share nothing."""
    assert Chain(4, 4, 2, 2, 4).shared() == [None, None, None, None, 1]
    assert Chain(4, 4, 4, nbytes=LARGE - 64).shared() == [None, None, None]


def test_parameters_and_earlier_programs_keep_theirs() -> None:
    chain = Chain(4, 4, 4, 4)
    lifetimes.share_memory(chain.program, len(chain.memory.buffers))
    chain.memory.buffers[0] = chain.memory.buffers[0]._replace(role="state")
    assert chain.shared() == [None, None, None, 1]


@pytest.mark.parametrize("share", [False, True])
def test_a_residual_network_needs_half(monkeypatch: pytest.MonkeyPatch, share: bool) -> None:
    if not share:
        monkeypatch.setattr(lifetimes, "LEAST_BYTES", 10**12)
    model = residual()
    plan = Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    x, y = images("residual", [64])[0]
    program = plan.train_program(x, y)
    values = [buffer for buffer in program.memory.buffers if buffer.role == "value" and buffer.shares is None]
    needed = sum(buffer.nbytes for buffer in values)
    made = sum(buffer.nbytes for buffer in program.memory.buffers if buffer.role == "value")
    assert needed < made / 2 if share else needed == made
    assert np.isfinite(plan.step(x, y).item())
