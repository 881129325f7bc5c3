"""Whole training steps: batch, forward, loss, backward, update, from the same parameters on the same batches.

A run is one epoch of a few steps over data in memory; times are of one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
from fastnn import nn, optim
from fastnn.training.engines import Pass, make_engine
from fastnn.training.feed import Feed

from benchmarks.harness import Case, Contender, Options
from benchmarks.training import Job, Trainer, Work, check_trainer, make_job

ROUNDS = 21
PEERS = ("torch", "torch_compile", "jax", "sklearn")
ENGINES = ("plan", "eager")

WORKS = (
    Work((784, 256, 10), 64, steps=100),
    Work((784, 256, 10), 64, steps=100, pixels=True),
    Work((784, 512, 10), 128, steps=50),
    Work((784, 200, 200, 200, 10), 6000, steps=2, loss="mse", optimizer="sgd", lr=0.1),
    Work((1, 3, 1), 8, steps=500, loss="mse", optimizer="sgd", activation="sigmoid", lr=0.1),
)
QUICK_STEPS, QUICK_BATCH = 2, 64

SETTINGS = (
    "fastnn: batches are gathered by index in every step, as after a shuffle; digits (19 % of the pixels are not 0) "
    "from uint8, scaled in the step"
)


def network(job: Job) -> nn.Module:
    """The job's network at its parameters."""
    model = job.work.model()
    names = [name for name, _ in model.named_parameters()]
    model.load_state_dict(dict(zip(names, job.parameters, strict=True)), strict=False)  # buffers stay
    return model


class FastnnTrainer:
    """fastnn's engines on data that lies in memory, as ``fit`` and the command line run them."""

    eps_corrected = True

    def __init__(self, job: Job, engine: str) -> None:
        work = job.work
        self.model = network(job)
        criterion = nn.CrossEntropyLoss() if work.loss == "cross_entropy" else nn.MSELoss()
        update = optim.Adam if work.optimizer == "adam" else optim.SGD
        optimizer = update(self.model.parameters(), lr=work.lr)
        self.engine = make_engine(engine, self.model, criterion, optimizer)
        self.feed = Feed(job.x if job.pixels is None else job.pixels, job.y)
        self.order = np.arange(len(job.x))
        self.batch = work.batch
        self.name = f"fastnn {engine}"
        self.settings = SETTINGS

    def epoch(self) -> float:
        """The mean loss of an epoch."""
        chunks = self.engine.epoch(Pass(self.feed, self.order, self.batch))
        return float(np.concatenate([chunk.losses for chunk in chunks]).mean())

    def parameters(self) -> list[np.ndarray]:
        """Weight (O, I) and bias (O,) of each layer."""
        return [parameter.detach().numpy().copy() for parameter in self.model.parameters()]


def cases(options: Options) -> Iterator[Case]:
    """One case a work."""
    for work in WORKS:
        work = replace(work, mnist=options.mnist)
        if options.quick:
            work = replace(work, steps=QUICK_STEPS, batch=min(work.batch, QUICK_BATCH))
        yield Case(work.name, partial(prepare, work, options), unit="step", flops=work.flops)


def prepare(work: Work, options: Options) -> list[Contender]:
    """fastnn's engines, NumPy and the peers wanted, all at the same parameters."""
    job = make_job(work, options.threads)
    makers: list[Callable[[Job], Trainer]] = [partial(FastnnTrainer, engine=engine) for engine in ENGINES]
    peers = ("numpy", *options.peers)
    makers += [import_module(f"benchmarks.peers.{peer}_train_step").Trainer for peer in peers]
    return [contender(make, job) for make in makers]


def contender(make: Callable[[Job], Trainer], job: Job) -> Contender:
    """One trainer at the job."""
    trainer = make(job)
    check = partial(check_trainer, make, job)
    return Contender(trainer.name, trainer.epoch, check, units=job.work.steps, settings=trainer.settings)
