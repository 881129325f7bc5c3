"""Engines: two ways to run the same steps. ``plan`` is the compiled executor, ``eager`` the five steps typed out.

Both take the same batches in the same order and give the same bits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Criterion, Plan, Program, RecordingError
from fastnn.nn.contexts import modes
from fastnn.nn.module import Module
from fastnn.optim.optimizer import Optimizer
from fastnn.training.feed import Feed

if TYPE_CHECKING:
    from fastnn.engine.profile import Profile

T = TypeVar("T")

ENGINES = ("plan", "eager")

# Samples of one evaluation batch: enough rows to fill every tile, few enough (3 MB of 28x28 floats) to stay in cache.
EVALUATION_BATCH = 1000


def evaluation_batch(feed: Feed) -> int:
    """As many samples as that; of larger images fewer, as what layers make of them grows with them."""
    if feed.x.ndim != 4:
        return EVALUATION_BATCH
    return min(EVALUATION_BATCH, max(1, EVALUATION_BATCH * 28 * 28 // max(1, prod(feed.x.shape[1:]))))


@dataclass(frozen=True)
class Chunk:
    """Consecutive steps that are done: their first number, their losses, and where they were asked for the model's
    outputs (samples of all steps, ...) with the targets beside them.
    """

    first: int
    losses: np.ndarray
    outputs: np.ndarray | None = None
    targets: np.ndarray | None = None


StepLimit = Callable[[int], int]


@dataclass(frozen=True)
class Pass:
    """What an engine is to train on in one epoch: the batches of an order of a feed's rows, from number ``first`` on.

    limit: the step at which the chunk that starts at a step must end. outputs: whether chunks bring the model's.
    epoch: its number, from 0, of which the feed's augmentation depends.
    """

    feed: Feed
    order: np.ndarray
    batch_size: int
    first: int = 0
    limit: StepLimit = lambda step: sys.maxsize
    drop_last: bool = False
    outputs: bool = False
    epoch: int = 0


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

    def hand_over(self) -> Plan:
        """Its plan, for another engine; used again, it makes a new one."""
        plan = self.plan
        self.plan = Plan(plan.model, plan.criterion, plan.optimizer)
        return plan

    def take_over(self, plan: Plan) -> None:
        """Goes on with a plan of the same model, where nothing would be recorded otherwise."""
        if plan.serve(self.plan.criterion, self.plan.optimizer):
            self.plan = plan

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

    def chunk(self, number: int, x: np.ndarray, y: np.ndarray, outputs: bool = False) -> Chunk:
        """The same as a chunk, step ``number`` of its epoch."""
        if outputs:
            self.plan.train_program(x, y)  # what has no compiled form must be known before the step: it is done once
        losses = self.plan.step(x, y).numpy().reshape(1)
        return Chunk(number, losses, self.plan.last_output(x, y), y) if outputs else Chunk(number, losses)

    def prepare(self, feed: Feed, batch_size: int) -> tuple[int, ...]:
        """Records the training step for batches of a feed; the shape of the model's outputs.

        Raises:
            RecordingError: the model cannot be compiled.
        """
        return self._train_program(feed, np.arange(min(batch_size, len(feed)), dtype=np.int64)).output_shape

    def epoch(self, run: Pass) -> Iterator[Chunk]:
        """Trains; a chunk never passes ``run.limit(step)``."""
        order, batch_size = run.order, run.batch_size
        full, rest = batch_counts(len(order), batch_size, run.drop_last)
        if run.first < full:
            yield from self._steps(run, order[: full * batch_size], range(run.first, full))
        if rest and run.first <= full:
            for chunk in self._steps(run, order[-rest:], range(1)):
                yield replace(chunk, first=full)

    def _train_program(self, feed: Feed, rows: np.ndarray) -> Program:
        """The program for as many rows of a feed; these are gathered where it has to be recorded."""
        return self.plan.known_program(*feed.signature(len(rows))) or self.plan.train_program(*feed.batch(rows))

    def _steps(self, run: Pass, order: np.ndarray, steps: range) -> Iterator[Chunk]:
        """Those of an order of whole batches; whoever gets a chunk may change the model before the next."""
        batch = len(order) // steps.stop
        program = self._train_program(run.feed, order[:batch])
        losses = np.zeros(steps.stop, dtype=program.dtype)
        out = np.zeros((len(order), *program.output_shape[1:]), dtype=program.dtype) if run.outputs else None
        source, step = run.feed.source(order, run.epoch), steps.start
        while step < steps.stop:
            most = max(1, min(steps.stop, run.limit(step)) - step)
            done = self.plan.run(program, source, step, most, stop_at_nan=True, losses=losses, outputs=out)
            rows = slice(step * batch, (step + done) * batch)
            kept = () if out is None else (out[rows], run.feed.y[order[rows]])
            yield Chunk(step, losses[step : step + done], *kept)
            step += done
            if step < steps.stop:
                program = self._train_program(run.feed, order[:batch])

    def outputs(self, feed: Feed) -> np.ndarray:
        """The model's output for every row, in evaluation mode; of several threads that ask, one after the other."""
        order = np.arange(len(feed), dtype=np.int64)
        batch = evaluation_batch(feed)
        full, rest = batch_counts(len(feed), batch)
        cut = full * batch
        with self.plan.evaluating():
            parts = [self._outputs(feed, order[:cut], full)] if full else []
            parts += [self._outputs(feed, order[cut:], 1)] if rest else []
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _outputs(self, feed: Feed, rows: np.ndarray, batches: int) -> np.ndarray:
        """Those of rows that are so many whole batches."""
        batch = rows[: len(rows) // batches]
        x_shape, x_dtype, *_ = feed.signature(len(batch))
        program = self.plan.known_program(x_shape, x_dtype) or self.plan.eval_program(feed.batch(batch)[0])
        out = np.zeros((len(rows), *program.output_shape[1:]), dtype=program.dtype)
        source, step = feed.source(rows), 0
        while step < batches:
            step += self.plan.run(program, source, step, batches - step, outputs=out)
        return out


class EagerEngine:
    """Runs the five steps in Python."""

    name = "eager"

    def __init__(self, model: Module, criterion: Criterion | None = None, optimizer: Optimizer | None = None) -> None:
        self.model = model
        self.criterion = criterion
        self.optimizer = optimizer

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        """One training step on one batch; its loss."""
        return self.chunk(0, x, y).losses.item()

    def chunk(self, number: int, x: np.ndarray, y: np.ndarray, outputs: bool = False) -> Chunk:
        """The same as a chunk, step ``number`` of its epoch."""
        self.model.train()
        output = self.model(Tensor(x))
        loss = self.criterion(output, Tensor(y))
        if not isinstance(loss, Tensor):
            kind = type(loss).__name__
            raise TypeError(f"the loss function must return a tensor, got {kind}: with a return, without item()")
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        losses = loss.detach().numpy().reshape(1)
        return Chunk(number, losses, output.detach().numpy(), y) if outputs else Chunk(number, losses)

    def prepare(self, feed: Feed, batch_size: int) -> tuple[int, ...]:
        """Nothing to record, and no shape known."""
        return ()

    def epoch(self, run: Pass) -> Iterator[Chunk]:
        """Trains, a chunk each batch."""
        full, rest = batch_counts(len(run.order), run.batch_size, run.drop_last)
        for step in range(run.first, full + (rest > 0)):
            rows = run.order[step * run.batch_size : (step + 1) * run.batch_size]
            yield self.chunk(step, *run.feed.batch(rows, run.epoch), run.outputs)

    def outputs(self, feed: Feed) -> np.ndarray:
        """The model's output for every row, in evaluation mode."""
        order = np.arange(len(feed), dtype=np.int64)
        batch = evaluation_batch(feed)
        starts = range(0, len(order), batch)
        with modes(self.model, training=False), no_grad():
            return np.concatenate([self.model(Tensor(feed.batch(order[i : i + batch])[0]))._data for i in starts])


def make_engine(
    name: str, model: Module, criterion: Criterion | None = None, optimizer: Optimizer | None = None
) -> PlanEngine | EagerEngine:
    """The engine of a name.

    Raises:
        ValueError: there is no such engine.
    """
    if name not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {name!r}")
    return (PlanEngine if name == "plan" else EagerEngine)(model, criterion, optimizer)


class FallbackEngine:
    """An engine that becomes the eager one where a model turns out not to be compilable.

    engine: the one at work. note: why it is the eager one, where another was asked for.
    """

    def __init__(
        self, name: str, model: Module, criterion: Criterion | None = None, optimizer: Optimizer | None = None
    ) -> None:
        self.engine = make_engine(name, model, criterion, optimizer)
        self.note = ""
        self._eager = partial(EagerEngine, model, criterion, optimizer)

    def hand_over(self) -> Plan | None:
        """Its plan, for another engine; None where it has none."""
        return self.engine.hand_over() if isinstance(self.engine, PlanEngine) else None

    def take_over(self, plan: Plan) -> None:
        """Goes on with a plan of the same model, where it may."""
        if isinstance(self.engine, PlanEngine):
            self.engine.take_over(plan)

    def is_current(self) -> bool:
        """Whether what was recorded of the model is how it is now, as far as that can be known."""
        return not isinstance(self.engine, PlanEngine) or self.engine.plan.is_current()

    def prepare(self, feed: Feed, batch_size: int) -> tuple[int, ...]:
        """Records what there is to record; the shape of the model's outputs, or () where it is not known."""
        return self._tried(lambda engine: engine.prepare(feed, batch_size))

    def chunk(self, number: int, x: np.ndarray, y: np.ndarray, outputs: bool = False) -> Chunk:
        """One training step on one batch, step ``number`` of its epoch."""
        return self._tried(lambda engine: engine.chunk(number, x, y, outputs))

    def epoch(self, run: Pass) -> Iterator[Chunk]:
        """Trains; a model that is changed in between into one that cannot be compiled goes on from the same step."""
        try:
            for chunk in self.engine.epoch(run):
                run = replace(run, first=chunk.first + len(chunk.losses))
                yield chunk
        except RecordingError as error:
            self._fall_back(error)
            yield from self.engine.epoch(run)

    def outputs(self, feed: Feed) -> np.ndarray:
        """The model's output for every row, in evaluation mode."""
        return self._tried(lambda engine: engine.outputs(feed))

    def _tried(self, what: Callable[[PlanEngine | EagerEngine], T]) -> T:
        try:
            return what(self.engine)
        except RecordingError as error:
            self._fall_back(error)
            return what(self.engine)

    def _fall_back(self, error: RecordingError) -> None:
        self.note = str(error)
        self.engine = self._eager()


Engine = PlanEngine | EagerEngine | FallbackEngine
