"""From settings and data to a trainer: the network, its loss and optimizer, what it is fed, what identifies its run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastnn import _core, random
from fastnn.commands.settings import Settings
from fastnn.data.resident import Resident
from fastnn.data.source import Source
from fastnn.errors import told
from fastnn.io.checks import shown_path
from fastnn.training.feed import Feed
from fastnn.training.network import LOSSES, OPTIMIZERS, Network
from fastnn.training.trainer import Trainer


def check_fit(arch: Sequence[int], data: Resident, resizing: str = "--resize WxH") -> None:
    """Refuses a network whose first or last layer does not fit the data. resizing: the option for other images.

    Raises:
        ValueError: with the --arch that would fit.
    """
    channels, height, width = data.shape
    features, classes = channels * height * width, len(data.classes)
    fitting = "-".join(map(str, (features, *arch[1:-1], classes)))
    if arch[0] != features:
        layer, image = f"Linear({arch[0]}->{arch[1]})", f"{width}x{height}x{channels}"
        text = f"layer 0 {layer} got {features} features: an image is {image}. Use --arch {fitting}, or {resizing}"
        raise told(ValueError(text), "arch.features", layer=layer, features=features, image=image, arch=fitting)
    if arch[-1] != classes:
        shown = ", ".join(map(shown_path, data.classes[:10])) + (", ..." if classes > 10 else "")
        raise ValueError(
            f"the data has {classes} classes ({shown}), the last layer {arch[-1]} outputs. Use --arch {fitting}"
        )


def make_network(settings: Settings, data: Resident) -> Network:
    """A fresh network for the data.

    Raises:
        ValueError: it does not fit them.
    """
    resizing = "another --size" if settings.preparation == "cropped" else "--resize WxH"
    if settings.model is None:
        check_fit(settings.arch, data, resizing)
        return Network(*settings.arch)
    from fastnn.commands import networks

    shape, classes = data.shape, len(data.classes)
    try:
        model = networks.create(settings.model, shape, classes)
    except ValueError as error:
        if ":" in settings.model:
            raise
        raise ValueError(f"{error}. Use {resizing}, or another --model") from error
    if ":" in settings.model:
        networks.check_outputs(settings.model, model, shape, classes)
    return Network(model)


def make_trainer(settings: Settings, source: Source) -> Trainer:
    """A fresh network and its trainer: the seed decides the initial weights, every order and every dropout.

    Raises:
        ValueError: the network does not fit the data.
    """
    random.manual_seed(settings.seed)
    network = make_network(settings, source.train)
    kind = OPTIMIZERS[settings.optimizer]
    known = inspect.signature(kind).parameters
    options = {name: value for name, value in settings.optimizer_options.items() if name in known}
    optimizer = kind(network.parameters(), **({} if settings.lr is None else {"lr": settings.lr}), **options)
    smoothing = {"label_smoothing": settings.label_smoothing} if settings.label_smoothing else {}
    # The training batches' accuracy is of interest beside that of others.
    outputs = source.val is not None
    return Trainer(network, LOSSES[settings.loss](**smoothing), optimizer, engine=settings.engine, outputs=outputs)


def config_of(settings: Settings, source: Source, trainer: Trainer) -> Callable[[], dict[str, Any]]:
    """What identifies a run, for its state file: as it is now, but fingerprints are taken when they are asked for.
    Short runs have no state, and do not wait for them.
    """
    group, validation = trainer.optimizer.param_groups[0], source.val
    config = {
        "arch": "-".join(map(str, settings.arch)) if settings.model is None else None,
        "model": settings.model,
        "batch_size": settings.batch_size,
        "seed": settings.seed,
        "optimizer": settings.optimizer,
        "lr": group["lr"],
        **{name: group.get(name) or None for name in ("weight_decay", "momentum", "nesterov")},
        "schedule": f"{settings.schedule} over {settings.epochs} epochs" if settings.schedule else None,
        "loss": settings.loss,
        "label_smoothing": settings.label_smoothing or None,
        "augment": settings.augment,
        "early_stopping": settings.early_stopping,
        "dtype": "float32",
        "version": _core.__version__,
    }
    return functools.cache(
        lambda: {
            "data": source.train.fingerprint(),
            "val": None if validation is None else validation.fingerprint(),
            **config,
        }
    )


def feed_of(data: Resident, loss: str) -> Feed:
    """The data as the loss wants it: class numbers, or one-hot rows for losses that compare numbers."""
    feed = Feed.of(data)
    if loss == "cross_entropy":
        return feed
    return replace(feed, y=(data.targets[:, None] == np.arange(len(data.classes))).astype(np.float32))


def training_feed(settings: Settings, data: Resident) -> Feed:
    """The data to train on, augmented where that was asked for."""
    feed = feed_of(data, settings.loss)
    if settings.augment is None:
        return feed
    from fastnn.data.augment import augmentation

    return replace(feed, augment=augmentation(settings.augment, settings.seed))
