"""Networks of images: whole training steps in compiled plans, the five steps typed out, and ``model(x)``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from fastnn import Tensor, no_grad

from benchmarks import loop
from benchmarks.harness import Case, Contender, Options
from benchmarks.images import ImageWork, check_outputs, check_steps, make_image_job
from benchmarks.train_step import FastnnTrainer, network
from benchmarks.training import Job, Trainer

ROUNDS = 11
PEERS = ("torch",)

LENET5 = ImageWork("lenet5", (1, 28, 28), 64, steps=20)
RESNET34 = ImageWork("resnet34", (3, 64, 64), 32, steps=1)
STEPS = (
    LENET5,
    ImageWork("lenet", (3, 64, 64), 64, steps=5),
    ImageWork("small_cnn", (3, 32, 32), 64, steps=3),
    RESNET34,
)
# Forward passes under no_grad, and the batches of each.
CALLS = ((replace(LENET5, steps=16), (1, 64)), (RESNET34, (1, 32)))
QUICK_BATCH = 2


class FastnnModel:
    """``model(x)`` as tutorials call it, without gradients."""

    name = "fastnn"
    settings = "fastnn: model(x) under no_grad, in eval mode"

    def __init__(self, job: Job) -> None:
        self.model = network(job).eval()
        self.batches = [Tensor(x) for x, _ in job.batches()]

    def run(self) -> np.ndarray:
        """Outputs (N, C) of all batches."""
        with no_grad():
            return np.concatenate([self.model(x).numpy() for x in self.batches])


def cases(options: Options) -> Iterator[Case]:
    """Steps, then the loop, then calls."""

    def sized(work: ImageWork) -> ImageWork:
        return replace(work, steps=1, batch=min(work.batch, QUICK_BATCH)) if options.quick else work

    for work in map(sized, STEPS):
        makers = [partial(FastnnTrainer, engine="plan")]
        yield Case(f"step, {work.name}", partial(prepare, work, options, makers), "step", work.flops)
    work = sized(LENET5)
    yield Case(f"five steps, {work.name}", partial(prepare, work, options, [loop.Trainer]), "step", work.flops)
    for one, batches in CALLS:
        for work in (sized(replace(one, batch=batch)) for batch in batches):
            flops = sum(work.layer_flops())
            yield Case(f"model(x), {work.name}", partial(prepare_calls, work, options), "call", flops)


def prepare(work: ImageWork, options: Options, makers: list[Callable[[Job], Trainer]]) -> list[Contender]:
    """fastnn's, and the peers' training."""
    job = make_image_job(work, options.threads)
    makers = makers + [peer(name).Trainer for name in options.peers]
    contenders = []
    for make in makers:
        trainer = make(job)
        check = partial(check_steps, make, job)
        contenders.append(Contender(trainer.name, trainer.epoch, check, units=work.steps, settings=trainer.settings))
    return contenders


def prepare_calls(work: ImageWork, options: Options) -> list[Contender]:
    """fastnn's, and the peers' models."""
    job = make_image_job(work, options.threads)
    models = [FastnnModel(job), *(peer(name).Model(job) for name in options.peers)]
    check = partial(check_outputs, job)
    return [Contender(each.name, each.run, check, units=work.steps, settings=each.settings) for each in models]


def peer(name: str) -> Any:
    """A peer's file of networks of images."""
    return import_module(f"benchmarks.peers.{name}_images")
