"""What the commands leave in files: whether they may, and a run as JSON."""

from __future__ import annotations

import json
import os
from typing import Any

from fastnn import _core
from fastnn.commands.settings import Settings
from fastnn.commands.testing import TestResult
from fastnn.io import write_atomic
from fastnn.io.checks import shown_path
from fastnn.platform import seconds_since_start
from fastnn.training.best import best_epoch
from fastnn.training.engines import PlanEngine
from fastnn.training.model_files import parameters_sha256
from fastnn.training.trainer import Trainer


def check_writable(path: str, option: str = "") -> None:
    """Refuses, before anything is computed, a file that could not be written in the end. option: what names it.

    Raises:
        OSError: no such folder, no permission, or the name of something that is no file.
        ValueError: it is -.
    """
    if path == "-":
        raise ValueError(f"{option} - is no file: the standard output has other lines".lstrip())
    folder = os.path.dirname(os.path.realpath(path))
    text = f"{option} {shown_path(path)} cannot be written".lstrip()
    if os.path.islink(os.path.realpath(path)):
        raise OSError(f"{text}: it is a link that leads back to itself")
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{text}: there is no folder {shown_path(folder)}")
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(f"{text}: it is a folder or a device, not a file")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise PermissionError(f"{text}: no permission")


def write_json(path: str, content: dict) -> None:
    """Writes JSON atomically."""
    write_atomic(path, [(json.dumps(content, indent=2) + "\n").encode()])


def results(settings: Settings, trainer: Trainer, result: TestResult | None) -> dict[str, Any]:
    """The run as JSON has it."""
    engine, best = trainer.engine, best_epoch(trainer.history.history)
    plan_steps = engine.plan.core.steps_run if isinstance(engine, PlanEngine) else 0
    return {
        "test_correct": result.correct if result else None,
        "test_total": result.total if result else None,
        "train_loss": trainer.history.history.get("loss", []),
        "history": trainer.history.history,
        "best_epoch": None if best is None else best + 1,
        "epoch_s": trainer.epoch_seconds,
        "images_per_s": [trainer.samples / seconds for seconds in trainer.epoch_seconds],
        "wall_s": seconds_since_start(),
        "epochs": settings.epochs,
        "seed": settings.seed,
        "isa": _core.isa(),
        "threads": _core.get_num_threads(),
        "engine": engine.name,
        "plan_steps": plan_steps,
        "parameters_sha256": parameters_sha256(trainer.model),
        "version": _core.__version__,
    }
