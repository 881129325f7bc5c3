"""Whether numbers look like those that a network was trained on: the least and the largest tell pixels that were not
scaled."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from fastnn.data.look import SAMPLE
from fastnn.training.feed import Feed

# Pixels that are scaled, and perhaps normalised, are below this (MNIST's: 2.8); pixels of files go to 255. Ten times
# what was seen in training is no accident of the sample.
_SCALED, _FAR = 5.0, 10.0


def range_of(feed: Feed) -> list[float]:
    """The least and the largest number that a model is given, by a sample of the rows."""
    x = feed.x[:: -(-len(feed) // SAMPLE)]
    if not x.size:
        return [0.0, 0.0]
    if x.dtype == np.uint8:  # the ends of each channel, as a batch would have them
        axes = (0, *range(2, x.ndim))
        x = np.stack([x.min(axis=axes), x.max(axis=axes)]) / 255
        x = x if feed.mean is None else (x - feed.mean) / feed.std
    return [float(x.min()), float(x.max())]


def warn_if_unlike(seen: Sequence[float] | None, feed: Feed, stacklevel: int) -> None:
    """Warns of rows that are not at all like those with the range ``seen``; not where nobody knows that."""
    if seen is None:
        return
    low, high = range_of(feed)
    usual, largest = (max(map(abs, ends)) for ends in (seen, (low, high)))
    if largest <= _FAR * usual and (largest > 1 or largest == 0 or usual <= _FAR * _SCALED):
        return
    advice = "divide pixels by 255" if usual <= _SCALED < largest else "give it inputs scaled as those were"
    text = f"x has values from {low:g} to {high:g}; this network was trained on values from {seen[0]:g} to {seen[1]:g}"
    warnings.warn(f"{text}: {advice}", stacklevel=stacklevel + 1)
