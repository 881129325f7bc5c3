"""A part of a data set that is held out of training: the same files on every machine."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from math import floor

import numpy as np

from fastnn.text import way


@dataclass(frozen=True)
class Split:
    """Which share of each class is held out: the files whose SHA-256 over seed and name come first.

    Of n images these are ``fraction * n``, rounded to the nearest (a half upwards), at least one and at most n - 1; of
    a class with a single image none.

    Raises:
        ValueError: the fraction is not between 0 and 1.
    """

    fraction: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.fraction < 1:
            name = way("--val-fraction", "the part to validate with")
            raise ValueError(f"{name} is {self.fraction}; it must be between 0 and 1, such as 0.2")

    def held_out(self, names: Sequence[str], targets: np.ndarray) -> np.ndarray:
        """bool (N,), by the names relative to the root of the data, with ``/`` between their parts, and the labels
        int64 (N,). Neither order nor the Unicode form that a file system gives names matter.

        Raises:
            ValueError: no class has two images.
        """
        marks = [sha256(f"{self.seed}/{_one_form(name)}".encode("utf-8", "surrogateescape")).digest() for name in names]
        labels, held = targets.tolist(), np.zeros(len(names), bool)
        order = sorted(range(len(names)), key=lambda row: (labels[row], marks[row], names[row]))
        for _, of_class in groupby(order, labels.__getitem__):
            rows = list(of_class)
            held[rows[: self.count(len(rows))]] = True
        if not held.any():
            raise ValueError("no class has two images: there is nothing to hold out for the validation")
        return held

    def count(self, images: int) -> int:
        """How many of so many images of a class are held out."""
        return min(max(floor(self.fraction * images + 0.5), 1), images - 1)


def _one_form(name: str) -> str:
    return unicodedata.normalize("NFC", name)
