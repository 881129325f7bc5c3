"""Training state in one file: parameters, optimizer, random state, position, configuration, data fingerprint.

A run that is killed and resumed from it ends with the same bits as one that was not.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from typing import Any

import numpy as np

from fastnn import random
from fastnn.engine import Chunk
from fastnn.errors import FormatError
from fastnn.trainer import Callback, Position, Trainer

# What must be the same for a resumed run to be the same run, and what to call it.
_FIXED = {
    "data": "the data set (its fingerprint)",
    "arch": "--arch",
    "batch_size": "--batch-size",
    "seed": "--seed",
    "optimizer": "--optimizer",
    "lr": "--lr",
    "loss": "--loss",
    "dtype": "the parameters' dtype",
}


def save_checkpoint(path: str | os.PathLike[str], trainer: Trainer, config: dict[str, Any]) -> None:
    """Writes the state of a run that stands between two steps."""
    from fastnn import io

    tensors = {
        f"model.{name}": np.ascontiguousarray(tensor._data) for name, tensor in trainer.model.state_dict().items()
    }
    state = trainer.optimizer.state_dict()
    steps = {}
    for number, values in state["state"].items():
        steps[str(number)] = values["step"]
        for name, value in values.items():
            if name != "step":
                tensors[f"optimizer.{number}.{name}"] = np.ascontiguousarray(value._data)
    tensors["epoch_losses"] = np.asarray(trainer.epoch_losses, dtype=np.float64)
    record = {
        "config": config,
        "position": asdict(trainer.position),
        "random": random.state.as_dict(),
        "dropout_calls": [module.calls for module in _dropouts(trainer)],
        "optimizer_steps": steps,
        "history": {name: list(values) for name, values in trainer.history.history.items()},
        "epoch_seconds": trainer.epoch_seconds,
    }
    io.save_state(path, tensors, record)


def load_checkpoint(path: str | os.PathLike[str], trainer: Trainer, config: dict[str, Any]) -> None:
    """Puts a run back where it stood.

    Raises:
        ValueError: the file is of another run: every difference is named.
        FormatError: it is damaged, or no training state.
    """
    from fastnn import io

    tensors, record = io.load_state(path)
    try:
        _check_config(path, record["config"], config)
        _restore(trainer, tensors, record)
    except (KeyError, AttributeError, TypeError, IndexError) as error:
        raise FormatError(
            f"{os.fspath(path)} is not a training state of this version: {error!r} is missing or wrong"
        ) from None


def _check_config(path: str | os.PathLike[str], saved: dict[str, Any], config: dict[str, Any]) -> None:
    different = [
        f"{label} was {saved.get(name)!r}, is now {config.get(name)!r}"
        for name, label in _FIXED.items()
        if saved.get(name) != config.get(name)
    ]
    if different:
        raise ValueError(
            f"{os.fspath(path)} is the state of another run: {'; '.join(different)}. Resume with the same settings, or start afresh "
            "without --resume"
        )


def _restore(trainer: Trainer, tensors: dict[str, np.ndarray], record: dict[str, Any]) -> None:
    trainer.model.load_state_dict({name[6:]: array for name, array in tensors.items() if name.startswith("model.")})
    state: dict[int, dict[str, Any]] = {
        int(number): {"step": int(step)} for number, step in record["optimizer_steps"].items()
    }
    for name, array in tensors.items():
        if name.startswith("optimizer."):
            _, number, slot = name.split(".", 2)
            state[int(number)][slot] = array
    groups = trainer.optimizer.state_dict()["param_groups"]
    trainer.optimizer.load_state_dict({"state": state, "param_groups": groups})
    random.state.restore(record["random"])
    for module, calls in zip(_dropouts(trainer), record["dropout_calls"], strict=True):
        module.calls = int(calls)
    trainer.position = Position(**{name: int(value) for name, value in record["position"].items()})
    trainer.history.history = {name: list(values) for name, values in record["history"].items()}
    trainer.history.epoch = list(range(trainer.position.epoch))
    trainer.epoch_losses = tensors["epoch_losses"].tolist()
    trainer.epoch_seconds = [float(seconds) for seconds in record["epoch_seconds"]]


def _dropouts(trainer: Trainer) -> list[Any]:
    from fastnn.nn.layers import Dropout

    return [module for module in trainer.model.modules() if isinstance(module, Dropout)]


class Checkpointer(Callback):
    """Saves the state every ``every`` steps; with 0 at the ends of epochs, at most every five seconds.

    A save that fails (disk full) is reported by ``on_error`` and tried again at the next one; training goes on.
    """

    # Epochs of small nets take a fraction of a second: a save (with its flush to disk) each would cost more than the training.
    seconds_between = 5.0

    def __init__(self, path: str, config: dict[str, Any], every: int, on_error: Any) -> None:
        self.path = path
        self.config = config
        self.every = every
        self.on_error = on_error
        self._last = time.monotonic()

    def save(self, trainer: Trainer) -> None:
        """Saves now."""
        try:
            save_checkpoint(self.path, trainer, self.config)
        except OSError as error:
            self.on_error(f"{error}. Training goes on; the next save is tried again")
        self._last = time.monotonic()

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        done = trainer.position.epoch * trainer.steps_per_epoch + trainer.position.step
        inside = trainer.position.step < trainer.steps_per_epoch
        if self.every and inside and done % self.every == 0:
            self.save(trainer)

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        due = time.monotonic() - self._last > self.seconds_between
        if due or (self.every and (epoch + 1) * trainer.steps_per_epoch % self.every == 0):
            self.save(trainer)
