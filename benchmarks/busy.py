"""Single steps alone and beside another process that is busy: the median of them and the 99th percentile.

A step a call, each timed, with as many threads as there are processors, so that one of them has to share its own.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
from fastnn.training.engines import Pass

from benchmarks.harness import Case, Contender, Options
from benchmarks.train_step import FastnnTrainer
from benchmarks.training import Job, Work, check_trainer, make_job

ROUNDS = 15
PEERS = ()

WORK = Work((784, 256, 10), 64, steps=100)
EPOCHS = 4  # of a run: some 0.3 s, a hundred time slices
QUICK_STEPS = 2

# Gone after a minute whatever becomes of its parent.
BUSY = "import time; end = time.time() + 60; print(flush=True)\nwhile time.time() < end: pass"


class StepTrainer(FastnnTrainer):
    """The plan, one step a call; ``seconds`` has each since it was emptied."""

    def __init__(self, job: Job) -> None:
        super().__init__(job, "plan")
        self.seconds: list[float] = []

    def epoch(self) -> float:
        """The mean loss of an epoch."""
        losses = []
        last = time.perf_counter()
        for chunk in self.engine.epoch(Pass(self.feed, self.order, self.batch, limit=lambda step: step + 1)):
            now = time.perf_counter()
            self.seconds.append(now - last)
            losses.append(chunk.losses)
            last = now
        return float(np.concatenate(losses).mean())


@contextmanager
def busy_process() -> Iterator[subprocess.Popen[bytes]]:
    """Another process that never waits, running when this is entered."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def cases(options: Options) -> Iterator[Case]:
    """The one work."""
    work = replace(WORK, steps=QUICK_STEPS) if options.quick else WORK
    yield Case(f"single steps beside a busy process, {work.name}", partial(prepare, work, options), unit="step")


def prepare(work: Work, options: Options) -> list[Contender]:
    """The same alone and beside."""
    job = make_job(work, options.threads)
    return [contender(job, "fastnn plan, alone", False), contender(job, "beside a busy process", True)]


def contender(job: Job, name: str, beside: bool) -> Contender:
    """A trainer of its own, so that the one beside is used to it."""
    trainer = StepTrainer(job)

    def run() -> float:
        trainer.seconds.clear()
        with busy_process() if beside else nullcontext():
            losses = [trainer.epoch() for _ in range(EPOCHS)]
        return losses[0]

    check, units = partial(check_trainer, StepTrainer, job), EPOCHS * job.work.steps
    return Contender(name, run, check, units, trainer.settings, singles=lambda: trainer.seconds)
