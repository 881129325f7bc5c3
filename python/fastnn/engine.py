"""Engines: two ways to run the same steps. ``plan`` is the compiled executor, ``eager`` the five steps typed out.

Both take the same batches in the same order and give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from fastnn.autograd import no_grad
from fastnn.feed import Feed
from fastnn.nn.module import Module
from fastnn.optim.optimizer import Optimizer
from fastnn.plan import Criterion, Plan, Program
from fastnn.profile import Profile
from fastnn.tensor import Tensor

ENGINES = ("plan", "eager")

# Samples of one evaluation batch: enough rows to fill every tile, few enough (3 MB of 28x28 floats) to stay in cache.
EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class Chunk:
    """Consecutive steps that are done: their first number and their losses."""

    first: int
    losses: np.ndarray


StepLimit = Callable[[int], int]


def batch_counts(samples: int, batch_size: int, drop_last: bool = False) -> tuple[int, int]:
    """Full batches, and the size of a shorter last one (0: none)."""
    full, rest = divmod(samples, batch_size)
    return full, 0 if drop_last else rest


class PlanEngine:
    """Runs steps in compiled plans, some 50 ms at a time."""

    name = "plan"

    def __init__(self, model: Module, criterion: Criterion | None = None, optimizer: Optimizer | None = None) -> None:
        self.plan = Plan(model, criterion, optimizer)
        self._profiled: int | None = None  # the program of full batches, while a profile is made

    def start_profile(self, x: np.ndarray, y: np.ndarray) -> None:
        """Times every part of the training steps on batches like x and y from here on."""
        self._profiled = self.plan.start_profile(x, y)

    def profile(self) -> Profile:
        """Where the time went since :meth:`start_profile`.

        Raises:
            ValueError: no profile was started.
        """
        if self._profiled is None:
            raise ValueError("no profile was started: call start_profile(x, y) first")
        return self.plan.profile(self._profiled)

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        """One training step on one batch; its loss."""
        return self.plan.step(x, y).item()

    def epoch(
        self, feed: Feed, order: np.ndarray, batch_size: int, first: int, limit: StepLimit, drop_last: bool
    ) -> Iterator[Chunk]:
        """Trains on the batches of an order from number ``first`` on; a chunk never passes ``limit(step)``."""
        full, rest = batch_counts(len(order), batch_size, drop_last)
        if first < full:
            program = self.plan.train_program(*feed.batch(order[:batch_size]))
            yield from self._steps(program, feed, order, first, full, limit)
        if rest and first <= full:
            program = self.plan.train_program(*feed.batch(order[-rest:]))
            for chunk in self._steps(program, feed, order[-rest:], 0, 1, limit):
                yield Chunk(full, chunk.losses)

    def _steps(
        self, program: Program, feed: Feed, order: np.ndarray, step: int, end: int, limit: StepLimit
    ) -> Iterator[Chunk]:
        losses = np.zeros(end, dtype=program.dtype)
        source = feed.source(order)
        while step < end:
            steps = max(1, min(end, limit(step)) - step)
            done = self.plan.run(program, source, step, steps, stop_at_nan=True, losses=losses)
            yield Chunk(step, losses[step : step + done])
            step += done

    def outputs(self, feed: Feed) -> np.ndarray:
        """The model's output for every row, in evaluation mode."""
        order = np.arange(len(feed), dtype=np.int64)
        full, rest = batch_counts(len(feed), EVALUATION_BATCH)
        parts = []
        for rows, batches in (
            (order[: full * EVALUATION_BATCH], full),
            (order[full * EVALUATION_BATCH :], int(rest > 0)),
        ):
            if not batches:
                continue
            program = self.plan.eval_program(feed.batch(rows[: len(rows) // batches])[0])
            out = np.zeros((len(rows), *program.output_shape[1:]), dtype=program.dtype)
            source, step = feed.source(rows), 0
            while step < batches:
                step += self.plan.run(program, source, step, batches - step, outputs=out)
            parts.append(out)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


class EagerEngine:
    """Runs the five steps in Python."""

    name = "eager"

    def __init__(self, model: Module, criterion: Criterion | None = None, optimizer: Optimizer | None = None) -> None:
        self.model = model
        self.criterion = criterion
        self.optimizer = optimizer

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        """One training step on one batch; its loss."""
        self.model.train()
        loss = self.criterion(self.model(Tensor(x)), Tensor(y))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def epoch(
        self, feed: Feed, order: np.ndarray, batch_size: int, first: int, limit: StepLimit, drop_last: bool
    ) -> Iterator[Chunk]:
        """Trains on the batches of an order from number ``first`` on, a chunk each."""
        full, rest = batch_counts(len(order), batch_size, drop_last)
        for step in range(first, full + (rest > 0)):
            x, y = feed.batch(order[step * batch_size : (step + 1) * batch_size])
            yield Chunk(step, np.array([self.step(x, y)], dtype=x.dtype))

    def outputs(self, feed: Feed) -> np.ndarray:
        """The model's output for every row, in evaluation mode."""
        order = np.arange(len(feed), dtype=np.int64)
        training = self.model.training
        self.model.eval()
        try:
            with no_grad():
                starts = range(0, len(order), EVALUATION_BATCH)
                return np.concatenate(
                    [self.model(Tensor(feed.batch(order[i : i + EVALUATION_BATCH])[0]))._data for i in starts]
                )
        finally:
            self.model.train(training)


Engine = PlanEngine | EagerEngine


def make_engine(
    name: str, model: Module, criterion: Criterion | None = None, optimizer: Optimizer | None = None
) -> Engine:
    """The engine of a name.

    Raises:
        ValueError: there is no such engine.
    """
    if name not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {name!r}")
    return (PlanEngine if name == "plan" else EagerEngine)(model, criterion, optimizer)
