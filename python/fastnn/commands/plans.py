"""``fastnn info --plan``: what a compiled training step of a network does and takes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from fastnn.commands.cli import MODELS
from fastnn.commands.settings import parse_arch, parse_shape
from fastnn.io.checks import shown_path
from fastnn.text import did_you_mean

if TYPE_CHECKING:
    from fastnn.engine.plan import Plan
    from fastnn.engine.program import Program
    from fastnn.nn.module import Module
    from fastnn.training.network import Network

_MEASURED = 50  # steps of a network of dense layers
_MEASURED_S = 1.0  # of steps of others, which take from milliseconds to seconds

Shape = tuple[int, int, int]


def image_shape(text: str) -> Shape:
    """An argparse type: (3, 64, 64) of "3x64x64"."""
    shape = parse_shape(text)
    if len(shape) != 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not CHANNELSxHEIGHTxWIDTH, such as 3x64x64")
    return shape[0], shape[1], shape[2]


def plan_lines(text: str, shape: Shape | None, batch_size: int) -> list[str]:
    """What a training step takes of a model of :mod:`fastnn.models` by its name, of a network of these sizes
    (``784-256-10``), or of the model in a file. shape: of its images, None for the usual one.

    Raises:
        ValueError: neither a name nor sizes nor a file that is there; a shape that does not fit.
        FormatError: the file holds no network.
    """
    from fastnn import random
    from fastnn.training.network import Network

    state = random.state.as_dict()
    try:
        model, usual = _model_of(text, shape)
    finally:
        random.state.restore(state)  # to look at a network draws nothing
    if isinstance(model, Network) and model.sizes:
        if shape is not None:
            raise ValueError(f"--input-shape is for networks of images: an input of {text} is {model.sizes[0]} numbers")
        return chain_lines(model, batch_size)
    if not (shape or usual):
        raise ValueError(f"{shown_path(text)} does not tell the shape of its images: add --input-shape CxHxW")
    return layer_lines(model, shape or usual, batch_size)


def _model_of(text: str, shape: Shape | None) -> tuple[Module, tuple[int, ...]]:
    """The model, and the shape of its inputs where that is known."""
    from fastnn import models
    from fastnn.training.model_files import load_model
    from fastnn.training.network import Network

    if text in MODELS:
        usual, classes = MODELS[text]
        return models.create(text, shape or usual, classes), usual
    if os.path.isfile(text):
        model, info = load_model(text)
        return model, info.input_shape
    if not text[:1].isdigit():
        known = f"{', '.join(MODELS)}, sizes such as 784-256-10, or a file{did_you_mean(text, MODELS)}"
        raise ValueError(f"--plan is {text!r}; it must be one of {known}")
    return Network(*parse_arch(text, "--plan")), ()


def layer_lines(model: Module, shape: tuple[int, ...], batch_size: int) -> list[str]:
    """What a compiled training step of a model takes, a line a layer: shapes, multiply-adds, bytes; memory, phases,
    threads, time (Adam, cross-entropy). shape: of one input.
    """
    import numpy as np

    from fastnn import nn, optim
    from fastnn.engine.plan import Plan
    from fastnn.reporting.steps import step_lines
    from fastnn.reporting.summary import kind_of

    plan = Plan(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    x = np.random.default_rng(0).random((batch_size, *shape), dtype=np.float32)
    y = np.zeros(batch_size, dtype=np.int64)
    program = plan.train_program(x, y)
    return [
        f"a training step of {kind_of(model)} on {batch_size} inputs of {shape}, as it is compiled:",
        *step_lines(program, plan.names()),
        f"phases, with a barrier behind each: {len(plan.core.phases(program.number))}",
        *_thread_lines(plan, program),
        _measured(lambda: plan.step(x, y)),
    ]


def _measured(step: Callable[[], object]) -> str:
    """How long a step takes, as a line."""
    from time import perf_counter

    step()  # warm
    times, began = [perf_counter()], perf_counter()
    while times[-1] - began < _MEASURED_S or len(times) < 3:
        step()
        times.append(perf_counter())
    steps = sorted(after - before for before, after in pairwise(times))
    return f"a step takes {steps[len(steps) // 2] * 1e3:.2f} ms (the median of {len(steps)})"


def _thread_lines(plan: Plan, program: Program) -> list[str]:
    """How many threads a program is given, and why."""
    from fastnn import _core

    most, chosen = _core.get_num_threads(), plan.core.best_threads(program.number)
    counts = sorted({1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, chosen})
    predicted = [f"{count}: {plan.core.step_seconds(program.number, count) * 1e6:.1f}" for count in counts]
    return [
        f"threads: {chosen} of {most} that may be used. Predicted us of a step by threads (cpp/plan/cost.h):",
        f"  {', '.join(predicted)}",
    ]


def chain_lines(network: Network, batch_size: int) -> list[str]:
    """What a compiled training step of a network does: its ops, its phases, how many threads it is given and why, and
    its parts as the cost model predicts them and as they are measured (Adam, cross-entropy, input without zeros).
    """
    import numpy as np

    from fastnn import nn, optim
    from fastnn.training.engines import Pass, PlanEngine
    from fastnn.training.feed import Feed

    engine = PlanEngine(network, nn.CrossEntropyLoss(), optim.Adam(network.parameters()))
    features, outputs = network.sizes[0], network.sizes[-1]
    x = (np.arange(_MEASURED * batch_size * features, dtype=np.float32) % 251 + 1).reshape(-1, features) / 256
    feed, order = Feed(x, np.arange(len(x)) % outputs), np.arange(len(x))

    def epoch() -> None:
        for _ in engine.epoch(Pass(feed, order, batch_size, limit=lambda step: _MEASURED, drop_last=True)):
            pass

    epoch()  # warm
    engine.start_profile(*feed.batch(order[:batch_size]))
    program = engine.plan.train_program(*feed.batch(order[:batch_size]))
    epoch()
    return [
        "ops of a step, as they are lowered; %n is a view of memory:",
        *(f"  {line}" for line in program.lines()),
        "phases of a step, with a barrier behind each:",
        *(f"  {_phase_line(phase)}" for phase in engine.plan.core.phases(program.number)),
        *_thread_lines(engine.plan, program),
        *engine.profile().lines(),
    ]


def _phase_line(phase: list[str]) -> str:
    """A phase as ``Plan.phases`` lists it: its instructions, by the way that they are cut."""
    parts: list[list[str]] = []
    for name in phase:
        if name in ("everywhere", "rows", "features", "group"):
            parts.append([])
        parts[-1].append(name)
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, *names in parts)
