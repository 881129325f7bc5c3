"""The smallest networks, where nothing but overhead takes time: a step includes picking its batch out of the data.

A run is one epoch; times are of one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module

from benchmarks import loop
from benchmarks.harness import Case, Contender, Options
from benchmarks.train_step import FastnnTrainer, contender
from benchmarks.training import Job, Trainer, Work, make_job

ROUNDS = 15
PEERS = ("torch", "jax")

WORKS = (
    Work((1, 3, 1), 8, steps=500, loss="mse", optimizer="sgd", activation="sigmoid", lr=0.1),
    Work((3, 4, 1), 4, steps=500, loss="mse", optimizer="sgd", activation="sigmoid", lr=0.1),
)
QUICK_STEPS = 3


def cases(options: Options) -> Iterator[Case]:
    """One case a work."""
    for work in WORKS:
        chosen = replace(work, steps=QUICK_STEPS) if options.quick else work
        yield Case(chosen.name, partial(prepare, chosen, options), unit="step")


def prepare(work: Work, options: Options) -> list[Contender]:
    """The plan, both loops over a loader, PyTorch and JAX over batches that lie ready, and NumPy."""
    job = make_job(work, options.threads)
    makers: list[Callable[[Job], Trainer]] = [
        partial(FastnnTrainer, engine="plan"),
        partial(loop.Trainer, loader=True),
        import_module("benchmarks.peers.numpy_train_step").Trainer,
    ]
    if "torch" in options.peers:
        makers.append(partial(import_module("benchmarks.peers.torch_loop").Trainer, loader=True))
    makers += [import_module(f"benchmarks.peers.{peer}_train_step").Trainer for peer in options.peers]
    return [contender(make, job) for make in makers]
