"""Training a network on a data set: from settings to a trained network in its file."""

from __future__ import annotations

import functools
import inspect
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastnn import _core, random
from fastnn.commands.settings import Settings
from fastnn.commands.signals import Signals
from fastnn.data.resident import Resident
from fastnn.data.source import Source
from fastnn.errors import NonFiniteLossError, fault_of, retold, told
from fastnn.io.checks import shown_path
from fastnn.training.callbacks import BatchLines, Callback, LinearDecay
from fastnn.training.checkpoint import Checkpointer, load_checkpoint
from fastnn.training.console import Console
from fastnn.training.engines import Chunk
from fastnn.training.feed import Feed
from fastnn.training.network import LOSSES, OPTIMIZERS, Network
from fastnn.training.structure import unknown_in
from fastnn.training.trainer import Trainer


def check_fit(arch: Sequence[int], data: Resident) -> None:
    """Refuses a network whose first or last layer does not fit the data.

    Raises:
        ValueError: with the --arch that would fit.
    """
    channels, height, width = data.shape
    features, classes = channels * height * width, len(data.classes)
    fitting = "-".join(map(str, (features, *arch[1:-1], classes)))
    if arch[0] != features:
        layer, image = f"Linear({arch[0]}->{arch[1]})", f"{width}x{height}x{channels}"
        text = f"layer 0 {layer} got {features} features: an image is {image}. Use --arch {fitting}, or --resize WxH"
        raise told(ValueError(text), "arch.features", layer=layer, features=features, image=image, arch=fitting)
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


def make_network(settings: Settings, data: Resident) -> Network:
    """A fresh network for the data.

    Raises:
        ValueError: it does not fit them.
    """
    if settings.model is None:
        check_fit(settings.arch, data)
        return Network(*settings.arch)
    from fastnn.commands import networks

    shape, classes = data.shape, len(data.classes)
    try:
        model = networks.create(settings.model, shape, classes)
    except ValueError as error:
        if ":" in settings.model:
            raise
        raise ValueError(f"{error}. Use --resize WxH, or another --model") from error
    if ":" in settings.model:
        networks.check_outputs(settings.model, model, shape, classes)
    return Network(model)


def make_trainer(settings: Settings, data: Resident) -> Trainer:
    """A fresh network and its trainer: the seed decides the initial weights, every order and every dropout."""
    random.manual_seed(settings.seed)
    network = make_network(settings, data)
    kind = OPTIMIZERS[settings.optimizer]
    known = inspect.signature(kind).parameters
    options = {name: value for name, value in settings.optimizer_options.items() if name in known}
    optimizer = kind(network.parameters(), **({} if settings.lr is None else {"lr": settings.lr}), **options)
    return Trainer(network, LOSSES[settings.loss](), optimizer, engine=settings.engine)


def config_of(settings: Settings, source: Source, trainer: Trainer) -> Callable[[], dict[str, Any]]:
    """What identifies a run, for its state file: as it is now, but the fingerprint is taken when it is asked for. Short
    runs have no state, and do not wait for it.
    """
    config = {
        "arch": "-".join(map(str, settings.arch)) if settings.model is None else None,
        "model": settings.model,
        "batch_size": settings.batch_size,
        "seed": settings.seed,
        "optimizer": settings.optimizer,
        "lr": trainer.optimizer.param_groups[0]["lr"],
        "schedule": f"linear over {settings.epochs} epochs" if settings.scheduled else None,
        "loss": settings.loss,
        "dtype": "float32",
        "version": _core.__version__,
    }
    return functools.cache(lambda: {"data": source.train.fingerprint(), **config})


def feed_of(data: Resident, loss: str) -> Feed:
    """The data as the loss wants it: class numbers, or one-hot rows for losses that compare numbers."""
    feed = Feed.of(data)
    if loss == "cross_entropy":
        return feed
    return replace(feed, y=(data.targets[:, None] == np.arange(len(data.classes))).astype(np.float32))


def train(settings: Settings, source: Source, console: Console, signals: Signals) -> Trainer:
    """Trains and saves the network; returns the trainer.

    Raises:
        ValueError: the network does not fit the data, or the state is of another run.
        NonFiniteLossError: the loss became NaN or infinite; the last good state stays.
        Interrupted: by a signal, with the state saved.
    """
    trainer = make_trainer(settings, source.train)
    config = config_of(settings, source, trainer)
    console.line(f"train_dataset length: {len(source.train)}")
    console.line(f"train_loader length: {-(-len(source.train) // settings.batch_size)}")
    if settings.resume:
        resume(settings.state, trainer, config(), console)
    checkpointer = Checkpointer(settings.state, config, settings.checkpoint_every, console.warn)
    callbacks = [BatchLines(console), checkpointer, SignalCheck(signals, checkpointer, console)]
    if settings.scheduled:
        callbacks.insert(0, LinearDecay(trainer.optimizer.param_groups[0]["lr"]))
    if settings.tensorboard is not None:
        from fastnn.training.tensorboard_log import TensorBoardLog

        callbacks.append(TensorBoardLog(settings.tensorboard))
    signals.deferred = True
    try:
        feed = feed_of(source.train, settings.loss)
        if settings.profile:
            trainer.engine.start_profile(*feed.batch(np.arange(min(settings.batch_size, len(source.train)))))
        trainer.fit(feed, epochs=settings.epochs, batch_size=settings.batch_size, callbacks=callbacks)
    except NonFiniteLossError as error:
        kept = f"the state in {shown_path(settings.state)} is from before" if os.path.exists(settings.state) else ""
        text = f"{error}; {kept or 'no state was saved before'}"
        raise retold(NonFiniteLossError(text), fault_of(error)) from error
    if settings.checkpoint_every or settings.resume or checkpointer.saved:
        checkpointer.save(trainer)
    save_model(settings, trainer, source)
    console.line(f"model saved: {shown_path(settings.out)}")
    if any(unknown_in(trainer.model._built().get("structure", {}))):
        text = (
            f"{shown_path(settings.out)} has the weights of {settings.model}, not its code: evaluate and predict take"
        )
        console.line(f"{text} --model {settings.model} too")
    for line in trainer.engine.profile().lines() if settings.profile else ():
        console.line(line, important=True)
    signals.deferred = False
    signals.check()
    return trainer


def save_model(settings: Settings, trainer: Trainer, source: Source) -> None:
    """Writes the network as it is now to its file."""
    prepared = {"preparation": "scaled"} if settings.resized else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* will not tell how to build")  # said in words for a command
        trainer.model.save(settings.out, classes=list(source.train.classes), **prepared)


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
