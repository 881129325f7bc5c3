"""The digit job: a data set, a network, epochs, a test that lists every wrong case."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn import _core, chinese, random
from fastnn.commands.cli import Signals
from fastnn.data.resident import Resident
from fastnn.data.source import Source
from fastnn.errors import NonFiniteLossError
from fastnn.io.checks import shown_path
from fastnn.nn.labels import predicted_classes
from fastnn.training.callbacks import BatchLines, Callback, LinearDecay
from fastnn.training.checkpoint import Checkpointer, load_checkpoint
from fastnn.training.console import Console
from fastnn.training.engines import Chunk, EagerEngine, PlanEngine
from fastnn.training.feed import Feed
from fastnn.training.model_files import ModelInfo, parameters_sha256, save_model
from fastnn.training.network import LOSSES, OPTIMIZERS, Network
from fastnn.training.tensorboard_log import TensorBoardLog
from fastnn.training.trainer import Trainer

# Wrong cases on the screen; all are in the file.
SHOWN = 20


@dataclass(frozen=True)
class Settings:
    """What the job is to do; the command line's options."""

    arch: tuple[int, ...]
    epochs: int
    batch_size: int
    lr: float | None
    optimizer: str
    loss: str
    seed: int
    engine: str
    out: str
    state: str
    checkpoint_every: int
    resume: bool
    profile: bool = False
    scheduled: bool = False  # the learning rate rises and falls (LinearDecay)
    tensorboard: str | None = None  # a folder for event files
    optimizer_options: Mapping[str, Any] = field(default_factory=dict)  # for the optimizers that know them


@dataclass(frozen=True)
class TestResult:
    """How a test went: the rows that were wrong, what was said of them, how many there were."""

    wrong: np.ndarray
    predicted: np.ndarray
    total: int

    @property
    def correct(self) -> int:
        return self.total - len(self.wrong)


def parse_arch(text: str) -> tuple[int, ...]:
    """(784, 256, 10) of "784-256-10".

    Raises:
        ValueError: not sizes with dashes between.
    """
    parts = text.split("-")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"--arch is {text!r}; it must be sizes with dashes between, input first, such as 784-256-10")
    return tuple(map(int, parts))


def check_writable(path: str) -> None:
    """Refuses, before anything is computed, a file that could not be written in the end.

    Raises:
        OSError: no such folder, no permission, or the name of something that is no file.
    """
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{shown_path(path)} cannot be written: there is no folder {shown_path(folder)}")
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(f"{shown_path(path)} cannot be written: it is a folder or a device, not a file")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise PermissionError(f"{shown_path(path)} cannot be written: no permission")


def check_fit(arch: Sequence[int], data: Resident) -> None:
    """Refuses a network whose first or last layer does not fit the data.

    Raises:
        ValueError: with the --arch that would fit.
    """
    channels, height, width = data.shape
    features, classes = channels * height * width, len(data.classes)
    fitting = "-".join(map(str, (features, *arch[1:-1], classes)))
    if arch[0] != features:
        raise ValueError(
            f"layer 0 Linear({arch[0]}->{arch[1]}) got {features} features: an image is {width}x{height}x{channels}. "
            f"Use --arch {fitting}, or --resize WxH"
        )
    if arch[-1] != classes:
        shown = ", ".join(map(shown_path, data.classes[:10])) + (", ..." if classes > 10 else "")
        raise ValueError(
            f"the data has {classes} classes ({shown}), the last layer {arch[-1]} outputs. Use --arch {fitting}"
        )


class SignalCheck(Callback):
    """Stops between two steps after a signal, with the state saved."""

    def __init__(self, signals: Signals, checkpointer: Checkpointer, console: Console) -> None:
        self.signals = signals
        self.checkpointer = checkpointer
        self.console = console

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        if self.signals.received:
            if self.checkpointer.save(trainer):
                where = shown_path(self.checkpointer.path)
                self.console.line(f"stopped; the state is in {where}: go on with --resume", important=True)
            self.signals.check()


def make_trainer(settings: Settings) -> Trainer:
    """A fresh network and its trainer: the seed decides the initial weights, every order and every dropout."""
    random.manual_seed(settings.seed)
    network = Network(*settings.arch)
    kind = OPTIMIZERS[settings.optimizer]
    known = inspect.signature(kind).parameters
    options = {name: value for name, value in settings.optimizer_options.items() if name in known}
    optimizer = kind(network.parameters(), **({} if settings.lr is None else {"lr": settings.lr}), **options)
    return Trainer(network, LOSSES[settings.loss](), optimizer, engine=settings.engine)


def config_of(settings: Settings, source: Source, trainer: Trainer) -> dict[str, Any]:
    """What identifies a run, for its state file."""
    return {
        "data": source.train.fingerprint(),
        "arch": "-".join(map(str, settings.arch)),
        "batch_size": settings.batch_size,
        "seed": settings.seed,
        "optimizer": settings.optimizer,
        "lr": trainer.optimizer.param_groups[0]["lr"],
        "schedule": f"linear over {settings.epochs} epochs" if settings.scheduled else None,
        "loss": settings.loss,
        "dtype": "float32",
        "version": _core.__version__,
    }


def feed_of(data: Resident, loss: str) -> Feed:
    """The data as the loss wants it: class numbers, or one-hot rows for losses that compare numbers."""
    if loss == "cross_entropy":
        return Feed(data.images, data.targets, data.mean, data.std)
    one_hot = (data.targets[:, None] == np.arange(len(data.classes))).astype(np.float32)
    return Feed(data.images, one_hot, data.mean, data.std)


def train(settings: Settings, source: Source, console: Console, signals: Signals) -> Trainer:
    """Trains and saves the network; returns the trainer.

    Raises:
        ValueError: the network does not fit the data, or the state is of another run.
        NonFiniteLossError: the loss became NaN or infinite; the last good state stays.
        Interrupted: by a signal, with the state saved.
    """
    check_fit(settings.arch, source.train)
    trainer = make_trainer(settings)
    config = config_of(settings, source, trainer)
    console.line(f"train_dataset length: {len(source.train)}")
    console.line(f"train_loader length: {-(-len(source.train) // settings.batch_size)}")
    if settings.resume:
        resume(settings.state, trainer, config, console)
    checkpointer = Checkpointer(settings.state, config, settings.checkpoint_every, console.warn)
    callbacks = [BatchLines(console), checkpointer, SignalCheck(signals, checkpointer, console)]
    if settings.scheduled:
        callbacks.insert(0, LinearDecay(config["lr"]))
    if settings.tensorboard is not None:
        callbacks.append(TensorBoardLog(settings.tensorboard))
    signals.deferred = True
    try:
        feed = feed_of(source.train, settings.loss)
        if settings.profile:
            trainer.engine.start_profile(*feed.batch(np.arange(min(settings.batch_size, len(source.train)))))
        trainer.fit(feed, epochs=settings.epochs, batch_size=settings.batch_size, callbacks=callbacks)
    except NonFiniteLossError as error:
        kept = f"the state in {shown_path(settings.state)} is from before" if os.path.exists(settings.state) else ""
        raise NonFiniteLossError(f"{error}; {kept or 'no state was saved before'}") from error
    if settings.checkpoint_every or settings.resume or checkpointer.saved:
        checkpointer.save(trainer)
    save_model(settings.out, trainer.model, info_of(settings.arch, source.train))
    console.line(f"model saved: {shown_path(settings.out)}")
    for line in trainer.engine.profile().lines() if settings.profile else ():
        console.line(line, important=True)
    signals.deferred = False
    signals.check()
    return trainer


def resume(path: str, trainer: Trainer, config: dict[str, Any], console: Console) -> None:
    """Puts a trainer where its state file says, or says that there is none."""
    if not os.path.exists(path):
        console.line(f"nothing to resume: there is no {shown_path(path)}; starting afresh")
        return
    version = load_checkpoint(path, trainer, config)
    position = trainer.position
    console.line(f"resumed from {shown_path(path)}: epoch {position.epoch + 1}, batch {position.step}")
    if version != config["version"]:
        console.line(f"that state is of fastnn {version}, this is {config['version']}: the result may have other bits")


def info_of(arch: Sequence[int], data: Resident) -> ModelInfo:
    """What a model file says about its network."""
    mean, std = (None if values is None else values.tolist() for values in (data.mean, data.std))
    return ModelInfo(tuple(arch), list(data.classes), tuple(data.shape), mean, std)


def test(engine: PlanEngine | EagerEngine, data: Resident) -> TestResult:
    """Classifies every image."""
    outputs = engine.outputs(Feed(data.images, data.targets, data.mean, data.std))
    predicted = predicted_classes(outputs)
    return TestResult(np.flatnonzero(predicted != data.targets), predicted, len(data))


def report_test(result: TestResult, data: Resident, wrong_file: str, console: Console) -> None:
    """Prints and files the wrong cases, and the accuracy last."""
    console.line(f"test_dataset length: {result.total}")
    lines = [
        f"wrong case: predict = {_named(result.predicted[i], data.classes)} "
        f"y = {_named(data.targets[i], data.classes)} img_path = {shown_path(data.names[i])}"
        for i in result.wrong
    ]
    for i, line in zip(result.wrong[:SHOWN], lines, strict=False):
        named = (_named(label, data.classes) for label in (result.predicted[i], data.targets[i]))
        console.line(chinese.wrong_case(*named, shown_path(data.names[i]), console.stream) or line)
    if lines or os.path.exists(wrong_file):  # the list of an earlier run must not stay
        from fastnn.io import write_atomic

        write_atomic(wrong_file, ["".join(line + "\n" for line in lines).encode()])
        more = f"; the first {SHOWN} are above" if len(lines) > SHOWN else ""
        console.line(f"{len(lines)} wrong cases: {shown_path(wrong_file)}{more}")
    console.line(
        f"test accuracy = {result.correct} / {result.total} = {result.correct / result.total:.3f}", important=True
    )


def _named(label: int, classes: Sequence[str]) -> str:
    """7, or 3 (zebra) where the class's name is not its number."""
    name = classes[label] if label < len(classes) else ""
    return str(label) if name in ("", str(label)) else f"{label} ({shown_path(name)})"


def results(settings: Settings, trainer: Trainer, result: TestResult | None) -> dict[str, Any]:
    """The run as JSON has it."""
    engine = trainer.engine
    plan_steps = engine.plan.core.steps_run if isinstance(engine, PlanEngine) else 0
    return {
        "test_correct": result.correct if result else None,
        "test_total": result.total if result else None,
        "train_loss": trainer.history.history.get("loss", []),
        "epoch_s": trainer.epoch_seconds,
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


def seconds_since_start() -> float:
    """Seconds since this process was started, the interpreter's start included (not on Linux: its CPU time)."""
    try:
        with open("/proc/self/stat", "rb") as stat:
            started = int(stat.read().rsplit(b")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError, ValueError):
        return time.process_time()
