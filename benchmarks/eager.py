"""Eager code as tutorials write it: the five steps, ``model(x)`` on single images, and testing 10,000 images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from itertools import pairwise
from typing import Protocol

import numpy as np
from fastnn import Tensor, no_grad
from fastnn.training.engines import make_engine
from fastnn.training.feed import Feed

from benchmarks import loop
from benchmarks.harness import Case, Contender, Options, gamma, require_close
from benchmarks.train_step import contender, network
from benchmarks.training import Job, Trainer, Work, make_job

ROUNDS = 15
PEERS = ("torch",)

TRAINING = Work((784, 256, 10), 64, steps=50, pixels=True)
SINGLES = Work((784, 256, 10), 1, steps=64, pixels=True)
TESTING = Work((784, 256, 10), 1000, steps=10, pixels=True)
QUICK_STEPS = 2


class Model(Protocol):
    """One contender: built from a job, at the job's parameters."""

    name: str
    settings: str

    def one_by_one(self) -> np.ndarray:
        """Outputs (N, C) of the job's images, each in a call of its own."""
        ...

    def all(self) -> np.ndarray:
        """The same in batches."""
        ...


class FastnnModel:
    """A model and its plan."""

    def __init__(self, job: Job) -> None:
        self.name = "fastnn"
        self.settings = "fastnn: single images by model(x) under no_grad, many by the evaluation engine from float32"
        self.model = network(job)
        self.engine = make_engine("plan", self.model)
        self.feed = Feed(job.x, job.y)
        self.images = [Tensor(row) for row in job.x.reshape(len(job.x), 1, -1)]

    def one_by_one(self) -> np.ndarray:
        """Outputs (N, C) of the job's images, each in a call of its own."""
        with no_grad():
            outputs = [self.model(image) for image in self.images]
        return np.concatenate([output.numpy() for output in outputs])

    def all(self) -> np.ndarray:
        """The same in batches."""
        return self.engine.outputs(self.feed)


def cases(options: Options) -> Iterator[Case]:
    """Training, then single images and many, of pixels and of dense input."""
    works = [replace(work, mnist=options.mnist) for work in (TRAINING, SINGLES, TESTING)]
    training, singles, testing = (replace(work, steps=QUICK_STEPS) if options.quick else work for work in works)
    yield Case(f"five steps, {training.name}", partial(prepare_loops, training, options), "step", training.flops)
    for pixels in (True, False):
        work = replace(singles, pixels=pixels)
        yield Case(f"model(x), {work.name}", partial(prepare_models, work, options, True), "call")
    for pixels in (True, False):
        work = replace(testing, pixels=pixels)
        images = work.batch * work.steps
        prepare = partial(prepare_models, work, options, False)
        yield Case(f"test of {images:,} images, {work.name}", prepare, "pass", images=images)


def prepare_loops(work: Work, options: Options) -> list[Contender]:
    """The same loop in both, and PyTorch's with the fused optimizer."""
    job = replace(make_job(work, options.threads), pixels=None)
    makers: list[Callable[[Job], Trainer]] = [loop.Trainer]
    for peer in options.peers:
        makers += [import_module(f"benchmarks.peers.{peer}_{kind}").Trainer for kind in ("loop", "train_step")]
    return [contender(make, job) for make in makers]


def prepare_models(work: Work, options: Options, single: bool) -> list[Contender]:
    """fastnn and the peers wanted, one image a call or all in one pass."""
    job = replace(make_job(work, options.threads), pixels=None)
    makers: list[Callable[[Job], Model]] = [FastnnModel]
    makers += [import_module(f"benchmarks.peers.{peer}_model").Model for peer in options.peers]
    check = partial(check_outputs, job)
    models = [make(job) for make in makers]
    if single:
        return [Contender(m.name, m.one_by_one, check, units=len(job.x), settings=m.settings) for m in models]
    return [Contender(m.name, m.all, check, settings=m.settings) for m in models]


def check_outputs(job: Job, outputs: np.ndarray) -> None:
    """Compares logits (N, C) with float64's: each layer's sums are off by gamma(I + 1) of their magnitudes at most,
    and ReLU makes nothing larger.

    Raises:
        Mismatch: they differ.
    """
    x = job.x.astype(np.float64)
    error = np.zeros_like(x)
    layers = list(zip(job.parameters[::2], job.parameters[1::2], strict=True))
    for number, ((weight, bias), inputs) in enumerate(
        zip(layers, (i for i, _ in pairwise(job.work.sizes)), strict=True)
    ):
        size = np.abs(weight).T.astype(np.float64)
        error = error @ size + gamma(inputs + 1) * ((np.abs(x) + error) @ size + np.abs(bias))
        x = x @ weight.T.astype(np.float64) + bias
        x = x if number == len(layers) - 1 else np.maximum(x, 0)
    require_close(outputs, x, error, "the logits")
