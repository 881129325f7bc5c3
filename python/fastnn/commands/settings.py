"""Settings of a training run, from the words of a command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """What the job is to do; the command line's options."""

    arch: tuple[int, ...]
    model: str | None  # what --model names, in the place of arch
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
    schedule: str | None = None  # of fastnn.training.schedules; None: the learning rate stays
    preparation: str = ""  # how images of any size become the network's: "scaled", "cropped"
    tensorboard: str | None = None  # a folder for event files
    optimizer_options: Mapping[str, Any] = field(default_factory=dict)  # for the optimizers that know them
    label_smoothing: float = 0.0
    augment: str | None = None  # as fastnn.data.augment names it
    early_stopping: int | None = None  # epochs without a better one


def parse_arch(text: str, option: str = "--arch") -> tuple[int, ...]:
    """(784, 256, 10) of "784-256-10", which an option was given.

    Raises:
        ValueError: not sizes with dashes between.
    """
    parts = text.split("-")
    if len(parts) < 2 or not all(map(is_size, parts)):
        raise ValueError(f"{option} is {text!r}; it must be sizes with dashes between, input first, such as 784-256-10")
    return tuple(map(int, parts))


def parse_size(text: str | None) -> tuple[int, int] | None:
    """(width, height) of "28x28".

    Raises:
        ValueError: anything else.
    """
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (is_size(width) and is_size(height)):
        raise ValueError(f"--resize is {text!r}; it must be WIDTHxHEIGHT, such as 28x28")
    return int(width), int(height)


def check_resize(size: tuple[int, int] | None, arch: tuple[int, ...]) -> None:
    """Refuses images of a size that the first layer does not take, grey or in colour, before any is read.

    Raises:
        ValueError: with the sizes of both.
    """
    if size is None:
        return
    width, height = size
    grey = width * height
    if arch[0] not in (grey, 3 * grey):
        text = f"--resize {width}x{height} makes images of {grey:,} features, {3 * grey:,} in colour"
        raise ValueError(f"{text}; layer 0 Linear({arch[0]}->{arch[1]}) takes {arch[0]:,}: change --resize or --arch")


def parse_shape(text: str) -> tuple[int, ...]:
    """An argparse type: (3, 64, 64) of "3x64x64"."""
    sizes = text.lower().split("x")
    if not all(map(is_size, sizes)):
        raise argparse.ArgumentTypeError(f"{text!r} is no shape, such as 3x64x64 (channels, height, width)")
    return tuple(map(int, sizes))


def is_size(text: str) -> bool:
    """Whether a word is a number above 0 that a size can be."""
    # 18 digits are more than any memory has bytes; Python reads no numbers of thousands.
    return text.isascii() and text.isdigit() and len(text) <= 18 and int(text) > 0
