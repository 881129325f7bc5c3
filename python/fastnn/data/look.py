"""How the images of a data set look: what a network that was trained on them has to be given."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastnn.data.photo import BOX, SIDE, on_dark

# So many images, evenly over the set, tell how all of it looks: of a share of 95 %, 200 leave a deviation of 1.5 %.
# They take some 5 ms.
SAMPLE = 200

# Labels are wrong, and images odd, in a few of a hundred cases of real data sets.
MOST = 0.95

# Ink is brighter than a fifth of the range, as in MNIST's own boxes: 99.9 % of them are 20 long at this threshold. The
# built-in digits, whose strokes fade at the ends, are 18 to 21, their centres up to 2.7 from the middle.
_INK, _BOX_OFF, _CENTRE_OFF = 51, 2, 3


class Look(NamedTuple):
    """ground: ``dark``, ``light``, ``mixed``. framed: whether they are of MNIST's kind, strokes in a box of 20 in the
    middle of 28x28.
    """

    ground: str
    framed: bool


def look_of(images: np.ndarray) -> Look:
    """How images look, uint8 (N, C, H, W) with N >= 1; those of several channels have no frame."""
    some = images[:: -(-len(images) // SAMPLE)]
    dark = float(np.count_nonzero(on_dark(some.reshape(-1, *some.shape[2:])))) / (len(some) * some.shape[1])
    ground = "dark" if dark >= MOST else "light" if dark <= 1 - MOST else "mixed"
    if ground == "mixed" or some.shape[1:] != (1, SIDE, SIDE):
        return Look(ground, False)
    return Look(ground, _are_framed(some[:, 0] if ground == "dark" else 255 - some[:, 0]))


def _are_framed(digits: np.ndarray) -> bool:
    """Whether most of these light strokes on dark (N, 28, 28) have MNIST's size and place."""
    inked = digits > _INK
    side = np.maximum(_length(inked.any(axis=1)), _length(inked.any(axis=2)))
    mass = digits.sum(axis=(1, 2), dtype=np.int64)
    place = 2 * np.arange(SIDE) + 1 - SIDE  # twice the distance from the middle
    off = [np.abs((digits.sum(axis=axis, dtype=np.int64) * place).sum(axis=1)) for axis in (1, 2)]
    centred = np.maximum(*off) <= 2 * _CENTRE_OFF * mass
    return bool(np.count_nonzero((np.abs(side - BOX) <= _BOX_OFF) & centred) >= MOST * len(digits))


def _length(inked: np.ndarray) -> np.ndarray:
    """From the first to the last inked row or column, int64 (N,) of bool (N, 28); 0 where there is no ink."""
    found = inked.shape[1] - inked[:, ::-1].argmax(axis=1) - inked.argmax(axis=1)
    return np.where(inked.any(axis=1), found, 0)
