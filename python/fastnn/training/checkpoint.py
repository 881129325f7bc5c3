"""Training state in one file: parameters, optimizer, random state, position, configuration, data fingerprint.

A run that is killed and resumed from it ends with the same bits as one that was not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from fastnn import random
from fastnn.errors import FormatError, fault_of, retold
from fastnn.io.checks import shown_path
from fastnn.training.batches import Position
from fastnn.training.best import Best, best_epoch
from fastnn.training.callbacks import Callback
from fastnn.training.engines import Chunk
from fastnn.training.trainer import Trainer

# What must be the same for a resumed run to be the same run, and what to call it.
_FIXED = {
    "data": "the data set (its fingerprint)",
    "arch": "--arch",
    "model": "--model",
    "batch_size": "--batch-size",
    "seed": "--seed",
    "optimizer": "--optimizer",
    "lr": "--lr",
    "weight_decay": "--weight-decay",
    "momentum": "--momentum",
    "nesterov": "--nesterov",
    "schedule": "the learning rate's schedule (--schedule, --recipe, --epochs)",
    "loss": "--loss",
    "label_smoothing": "--label-smoothing",
    "augment": "--augment",
    "early_stopping": "--early-stopping",
    "val": "the images that are looked at after each epoch (their fingerprint)",
    "dtype": "the parameters' dtype",
}


def save_checkpoint(
    path: str | os.PathLike[str], trainer: Trainer, config: dict[str, Any], best: Best | None = None
) -> None:
    """Writes the state of a run that stands between two steps; best: the callback that keeps its best epoch."""
    from fastnn import io

    tensors = {
        f"model.{name}": np.asarray(tensor._data, order="C") for name, tensor in trainer.model.state_dict().items()
    }
    state = trainer.optimizer.state_dict()
    steps = {}
    for number, values in state["state"].items():
        steps[str(number)] = values["step"]
        arrays = {name: value for name, value in values.items() if name != "step"}
        tensors |= {f"optimizer.{number}.{name}": np.asarray(value._data, order="C") for name, value in arrays.items()}
    if best is not None:
        tensors |= {f"best.{name}": array for name, array in best.tensors.items()}
    tensors["epoch_losses"] = np.asarray(trainer.epoch_losses, dtype=np.float64)
    record = {
        "config": config,
        "position": asdict(trainer.position),
        "random": random.state.as_dict(),
        "dropout_calls": [module.calls for module in _dropouts(trainer)],
        "optimizer_steps": steps,
        "history": {name: list(values) for name, values in trainer.history.history.items()},
        "epoch_seconds": trainer.epoch_seconds,
        "epoch_accuracy": [trainer.epoch_accuracy.correct, trainer.epoch_accuracy.samples],
    }
    io.save_state(path, tensors, record)


def load_checkpoint(
    path: str | os.PathLike[str], trainer: Trainer, config: dict[str, Any], best: Best | None = None
) -> str:
    """Puts a run back where it stood; returns the version of fastnn that saved it.

    Raises:
        ValueError: the file is of another run: every difference is named.
        FormatError: it is damaged, or no training state.
    """
    from fastnn import io

    tensors, record = io.load_state(path)
    saved = record.get("config")
    if not isinstance(saved, dict):
        raise FormatError(f"{shown_path(path)} is a state without a run's configuration")
    _check_config(path, saved, config)
    try:
        kept = _best_tensors(trainer, tensors, record, best)
        _restore(trainer, tensors, record)
    except (LookupError, AttributeError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        text = f"{shown_path(path)} is not a training state that fits this run: {error!r}"
        raise retold(FormatError(text), fault_of(error)) from error
    if best is not None:
        best.tensors = kept
    return str(saved.get("version"))


def _check_config(path: str | os.PathLike[str], saved: dict[str, Any], config: dict[str, Any]) -> None:
    different = [
        f"{label} was {saved.get(name)!r}, is now {config.get(name)!r}"
        for name, label in _FIXED.items()
        if saved.get(name) != config.get(name)
    ]
    if different:
        raise ValueError(
            f"{shown_path(path)} is the state of another run: {'; '.join(different)}. "
            "Resume with the same settings, or start afresh without --resume"
        )


def _best_tensors(
    trainer: Trainer, tensors: dict[str, np.ndarray], record: dict[str, Any], best: Best | None
) -> dict[str, np.ndarray]:
    """Those of the best epoch, which fit the model; none before the first epoch is over."""
    kept = {name.removeprefix("best."): array for name, array in tensors.items() if name.startswith("best.")}
    if kept:
        trainer.model._loading(kept)
    if best is not None and bool(kept) != (best_epoch(record["history"]) is not None):
        raise ValueError("its best epoch and its history do not fit each other")
    return kept


def _restore(trainer: Trainer, tensors: dict[str, np.ndarray], record: dict[str, Any]) -> None:
    """Every number is checked against what the file holds before anything is changed."""
    random.RandomState().restore(record["random"])
    losses, seconds = tensors["epoch_losses"], record["epoch_seconds"]
    position = _position(record["position"], len(losses), len(seconds))
    history = {name: _numbers(name, values, position.epoch) for name, values in record["history"].items()}
    state = _optimizer_state(trainer, tensors, record["optimizer_steps"], began=position.epoch + position.step > 0)
    calls = [_count("dropout call", count, 2**32) for count in record["dropout_calls"]]
    dropouts = list(zip(_dropouts(trainer), calls, strict=True))
    epoch_seconds = _numbers("epoch_seconds", seconds, len(seconds))
    correct, samples = (_count("epoch_accuracy", value, 2**63) for value in record.get("epoch_accuracy", [0, 0]))
    parameters = {name[6:]: array for name, array in tensors.items() if name.startswith("model.")}
    groups = trainer.optimizer.state_dict()["param_groups"]
    put_parameters = trainer.model._loading(parameters)
    put_state = trainer.optimizer._loading({"state": state, "param_groups": groups})
    put_parameters()
    put_state()
    random.state.restore(record["random"])
    for module, count in dropouts:
        module.calls = count
    trainer.position = position
    trainer.history.history = history
    trainer.history.epoch = list(range(position.epoch))
    trainer.epoch_losses = losses.tolist()
    trainer.epoch_accuracy.correct, trainer.epoch_accuracy.samples = correct, samples
    trainer.epoch_seconds = epoch_seconds


def _position(values: dict[str, Any], losses: int, epochs: int) -> Position:
    """A position that the file's losses and epochs can have led to.

    An epoch more than those that were timed: a run may end between an epoch's last step and its note.
    """
    position = Position(
        _count("epoch", values["epoch"], epochs + 2),
        _count("step", values["step"], losses + 1),
        _count("order", values["order"], 2**32),
    )
    if position.step not in (0, losses):
        raise ValueError(f"step {position.step} of an epoch with {losses} losses")
    return position


def _optimizer_state(
    trainer: Trainer, tensors: dict[str, np.ndarray], steps: dict[str, Any], began: bool
) -> dict[int, dict[str, Any]]:
    """The optimizer's state, with every array that it keeps; ``began``: there was a step."""
    state: dict[int, dict[str, Any]] = {int(number): {"step": step} for number, step in steps.items()}
    for name, array in tensors.items():
        if name.startswith("optimizer."):
            _, number, slot = name.split(".", 2)
            state[int(number)][slot] = array
    if began and not state:
        raise ValueError("the optimizer's state is missing")
    for group in trainer.optimizer.state_dict()["param_groups"]:
        slots = trainer.optimizer.active_slots(group)
        for number in group["params"]:
            if missing := sorted(set(slots) - set(state.get(number, slots))):
                raise ValueError(f"the optimizer's state of parameter {number} lacks {', '.join(missing)}")
    return state


def _count(name: str, value: Any, limit: int) -> int:
    if type(value) is int and 0 <= value < limit:
        return value
    raise ValueError(f"{name} is {str(value)[:60]}; it must be an integer from 0 to {limit - 1}")


def _numbers(name: str, values: Any, most: int) -> list[float]:
    sound = isinstance(values, list) and len(values) <= most and all(type(value) in (int, float) for value in values)
    if not sound:
        raise ValueError(f"{name} must be a list of at most {most} numbers")
    return [float(value) for value in values]


def _dropouts(trainer: Trainer) -> list[Any]:
    from fastnn.nn.dropout import Dropout

    return [module for module in trainer.model.modules() if isinstance(module, Dropout)]


class Checkpointer(Callback):
    """Saves the state every ``every`` steps; with 0 at the ends of epochs, at most every five seconds.

    config: gives what identifies the run. A save that fails (disk full) is reported by ``on_error`` and tried again at
    the next one; training goes on.
    """

    # Epochs of small nets take a fraction of a second: a save each, with its flush to disk, would cost more than they
    # do.
    seconds_between = 5.0

    def __init__(
        self,
        path: str,
        config: Callable[[], dict[str, Any]],
        every: int,
        on_error: Callable[[str], None],
        best: Best | None = None,
    ) -> None:
        self.path = path
        self.config = config
        self.every = every
        self.on_error = on_error
        self.best = best
        self.saved = False
        self._last = time.monotonic()

    def save(self, trainer: Trainer) -> bool:
        """Saves now; whether that worked.

        Raises:
            NonFiniteLossError: a parameter is NaN or infinite; the last good state stays.
        """
        trainer.check_parameters()
        self._last = time.monotonic()
        try:
            save_checkpoint(self.path, trainer, self.config(), self.best)
        except OSError as error:
            self.on_error(f"{error.strerror or error}. The next save will be tried again")
            return False
        self.saved = True
        return True

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        done = trainer.position.epoch * trainer.steps_per_epoch + trainer.position.step
        inside = trainer.position.step < trainer.steps_per_epoch
        if self.every and inside and done % self.every == 0:
            self.save(trainer)

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        due = time.monotonic() - self._last > self.seconds_between
        if due or (self.every and (epoch + 1) * trainer.steps_per_epoch % self.every == 0):
            self.save(trainer)
