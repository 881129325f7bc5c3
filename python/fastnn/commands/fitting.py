"""Training a network on a data set: from settings to a trained network in its file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from fastnn.commands.settings import Settings
from fastnn.commands.signals import Signals
from fastnn.commands.trainers import config_of, feed_of, make_trainer, training_feed
from fastnn.data.source import Source
from fastnn.errors import NonFiniteLossError, fault_of, retold
from fastnn.io.checks import shown_path
from fastnn.training.best import Best, best_epoch
from fastnn.training.callbacks import AccuracyOnTest, BatchLines, Callback, EpochTimes
from fastnn.training.checkpoint import Checkpointer, load_checkpoint
from fastnn.training.console import Console
from fastnn.training.engines import Chunk
from fastnn.training.feed import Feed
from fastnn.training.memory_line import MemoryLine
from fastnn.training.schedules import SCHEDULES
from fastnn.training.structure import unknown_in
from fastnn.training.trainer import Trainer


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


class Run:
    """A training run: its trainer, its state on disk, the best epoch so far where there is something to validate on.

    Raises:
        ValueError: the network does not fit the data, or there is nothing that early stopping could look at.
    """

    def __init__(self, settings: Settings, source: Source, console: Console, signals: Signals) -> None:
        self.settings = settings
        self.source = source
        self.console = console
        self.signals = signals
        self.validation = source.val
        if settings.early_stopping and self.validation is None:
            raise ValueError(
                "--early-stopping needs images to look at after each epoch: in val/ beside train/, or a part split off "
                "by --val-fraction 0.2"
            )
        self.trainer = make_trainer(settings, source)
        self.config = config_of(settings, source, self.trainer)
        self.best = None if self.validation is None else Best(self.save_best, settings.early_stopping)
        every = settings.checkpoint_every
        self.checkpointer = Checkpointer(settings.state, self.config, every, console.warn, self.best)

    def resume(self) -> None:
        """Puts the trainer where the state file says, or says that there is none."""
        path = self.settings.state
        if not os.path.exists(path):
            self.console.line(f"nothing to resume: there is no {shown_path(path)}; starting afresh")
            return
        config = self.config()
        version = load_checkpoint(path, self.trainer, config, self.best)
        position = self.trainer.position
        where = f"epoch {position.epoch + 1}, batch {position.step}"
        if position.epoch >= self.settings.epochs:
            where = "nothing is left to train, all epochs are done"
        self.console.line(f"resumed from {shown_path(path)}: {where}")
        if version != config["version"]:
            now = config["version"]
            self.console.line(f"that state is of fastnn {version}, this is {now}: the result may have other bits")

    def fit(self) -> None:
        """Trains to the end.

        Raises:
            NonFiniteLossError: the loss became NaN or infinite; what was saved before stays.
            Interrupted: by a signal, with the state saved.
        """
        settings, trainer = self.settings, self.trainer
        feed = training_feed(settings, self.source.train)
        if settings.profile:
            trainer.engine.start_profile(*feed.batch(np.arange(min(settings.batch_size, len(feed)))))
        val = None if self.validation is None else feed_of(self.validation, settings.loss)
        run = {"epochs": settings.epochs, "batch_size": settings.batch_size, "callbacks": self.callbacks(feed, val)}
        with self._told_what_is_left():
            trainer.fit(feed, val, **run)

    def callbacks(self, feed: Feed, val: Feed | None) -> list[Callback]:
        """In the order in which they hear of a step: its state is saved with the next step's rate."""
        settings, found = self.settings, []
        if val is not None:
            found.append(MemoryLine(self.console, self._images(), feed, val, settings.batch_size))
        if settings.schedule is not None:
            found.append(SCHEDULES[settings.schedule](self.trainer.optimizer.param_groups[0]["lr"]))
        told = not self.console.quiet or settings.tensorboard is not None
        if val is None and self.source.test is not None and told:
            found.append(AccuracyOnTest(Feed.of(self.source.test)))
        found.append(BatchLines(self.console) if self.best is None else EpochTimes(self.console))
        if self.best is not None:
            found.append(self.best)
        found += [self.checkpointer, SignalCheck(self.signals, self.checkpointer, self.console)]
        if settings.tensorboard is not None:
            from fastnn.training.tensorboard_log import TensorBoardLog

            found.append(TensorBoardLog(settings.tensorboard, feed))
        return found

    def _images(self) -> list[np.ndarray]:
        """Those in memory; others are read from a file, and not to be written."""
        parts = {id(part): part for part in (self.source.train, self.source.test, self.validation) if part is not None}
        return [part.images for part in parts.values() if part.images.flags.writeable]

    def save_best(self) -> None:
        """The model file while training goes on, which does not depend on it."""
        with self.console.going_on():
            self.save_model()

    def save_model(self) -> None:
        """Writes the network as it is now to its file."""
        settings = self.settings
        prepared = {"preparation": settings.preparation} if settings.preparation else {}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* will not tell how to build")  # said in words for a command
            self.trainer.model.save(settings.out, classes=list(self.source.train.classes), **prepared)

    def finish(self) -> None:
        """The state of the last step, the model of the best epoch."""
        settings, trainer = self.settings, self.trainer
        if settings.checkpoint_every or settings.resume or self.checkpointer.saved or self.best is not None:
            self.checkpointer.save(trainer)
        if self.best is not None:
            self._take_best(self.best)
        self.save_model()
        self.console.line(f"model saved: {shown_path(settings.out)}")
        if any(unknown_in(trainer.model._built().get("structure", {}))):
            text = f"{shown_path(settings.out)} has the weights of {settings.model}, not its code"
            self.console.line(f"{text}: evaluate and predict take --model {settings.model} too")
        for line in trainer.engine.profile().lines() if settings.profile else ():
            self.console.line(line, important=True)

    def _take_best(self, best: Best) -> None:
        """Puts the parameters of the best epoch into the model, and says which it is."""
        history = self.trainer.history.history
        number = best_epoch(history)
        if number is None:
            return
        if best.out_of_patience(self.trainer) and len(self.trainer.history.epoch) < self.settings.epochs:
            self.console.line(f"stopped early: the last {best.patience} epochs were not better than epoch {number + 1}")
        self.trainer.model.load_state_dict(best.tensors)
        values = [f"{name} {history[name][number]:.4f}" for name in ("val_accuracy", "val_loss") if name in history]
        self.console.line(f"best epoch: {number + 1} of {len(history['val_loss'])} ({', '.join(values)})")

    @contextmanager
    def _told_what_is_left(self) -> Iterator[None]:
        """Training that fails says what there is of it."""
        try:
            yield
        except NonFiniteLossError as error:
            state = shown_path(self.settings.state)
            kept = f"the state in {state} is from before" if os.path.exists(self.settings.state) else ""
            best = None if self.best is None else best_epoch(self.trainer.history.history)
            model = "" if best is None else f", the model of epoch {best + 1} is in {shown_path(self.settings.out)}"
            text = f"{error}; {kept or 'no state was saved before'}{model}"
            raise retold(NonFiniteLossError(text), fault_of(error)) from error


def train(settings: Settings, source: Source, console: Console, signals: Signals) -> Trainer:
    """Trains and saves the network, the best one where there is something to validate on; returns the trainer.

    Raises:
        ValueError: the network does not fit the data, or the state is of another run.
        NonFiniteLossError: the loss became NaN or infinite; the last good state stays.
        Interrupted: by a signal, with the state saved.
    """
    run = Run(settings, source, console, signals)
    console.line(f"train_dataset length: {len(source.train)}")
    console.line(f"train_loader length: {-(-len(source.train) // settings.batch_size)}")
    if settings.resume:
        run.resume()
    signals.deferred = True
    run.fit()
    run.finish()
    signals.deferred = False
    signals.check()
    return run.trainer
