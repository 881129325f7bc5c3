"""What images of a data set are like, in some kilobytes: enough to tell a picture that is not like them at all.

An image is made small, light on dark. Each class has its mean image and the directions in which its images differ
most; what of an image these do not account for is its rest (principal components of each class: Hinton, Dayan and
Revow, 1997). A rest as large as hardly an image of the training has, as it is or against the image's own strength, is
unlike them; so are strokes that are far paler, fuller or more scattered than any there. What a network says of it does
not come into this: networks are sure of noise, too.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn import _core
from fastnn.data.look import look_of

# Of MNIST so many leave limits that 0.2 to 0.5 % of other digits exceed, and take 40 ms of a core; of larger images
# fewer, as they may have to be read.
_MOST_IMAGES, _MOST_BYTES = 4000, 2**24
LEAST_IMAGES = 200  # half of them measure the rests, so that the limit is one of a hundred at the least
_CELLS = 14  # of a side: two pixels of MNIST's; coarser ones tell fewer letters from digits
_DIRECTIONS = 5  # of a class
_MOST_CLASSES, _OF_ALL = 16, 40  # more classes, or none, are taken as one with so many directions
_ROUNDS = 8  # of the power iteration: the directions need not be the very best ones
_RARE = 0.003  # the share of the training's images whose rest is larger than the limit
_ROOM = 1 / 3  # what a picture may exceed the range of the training's strokes by, as a share of it
_INK = 51  # as in look.py


class Typical(NamedTuple):
    """cells: how many down and across, D in all. means: float32 (K, D) of K classes. directions: float32 (K, k, D), of
    unit length. limits: of the rest, and of the rest against the strength. ranges: (3, 2), least and most of ink,
    contrast and pieces. light: whether the ground is.
    """

    cells: tuple[int, int]
    means: np.ndarray
    directions: np.ndarray
    limits: list[float]
    ranges: list[list[float]]
    light: bool

    def facts(self) -> dict[str, Any]:
        """As JSON has it; the numbers of images as bytes in base64."""
        coded = {
            "means": b64encode(self.means.astype(np.uint8)).decode(),
            "directions": b64encode(np.rint(127 * self.directions).astype(np.int8)).decode(),
        }
        return self._asdict() | coded

    def unlike(self, images: np.ndarray) -> np.ndarray:
        """Which of the images uint8 (N, C, H, W) are not like these at all: bool (N,)."""
        cells, strokes = _seen(images, self.light)
        least, most = np.array(self.ranges).T
        outside = ((strokes < least) | (strokes > most)).any(axis=1)
        return outside | (_rests(cells, self.means, self.directions) > self.limits).any(axis=1)


def sample_of(images: np.ndarray) -> slice:
    """Which rows of a data set (N, ...) :func:`typical_of` looks at, evenly over the set."""
    most = min(_MOST_IMAGES, max(LEAST_IMAGES, _MOST_BYTES // max(1, images[:1].nbytes)))
    return slice(None, None, -(-len(images) // most))


def typical_of(images: np.ndarray, labels: np.ndarray | None) -> Typical | None:
    """What images uint8 (N, C, H, W) are like, of classes int64 (N,) or of none; None of too few."""
    if len(images) < LEAST_IMAGES:
        return None
    light = look_of(images).ground == "light"
    cells, strokes = _seen(images, light)
    first, second = slice(0, None, 2), slice(1, None, 2)  # these make the directions, those measure the rests
    groups = _groups(cells[first], None if labels is None else labels[first])
    count = _DIRECTIONS if len(groups) > 1 else min(_OF_ALL, cells.shape[1] // 2)
    means = np.stack([np.rint(group.mean(axis=0)) for group in groups])
    directions = np.stack([_directions(group - mean, count) for group, mean in zip(groups, means, strict=True)])
    directions = np.rint(127 * directions) / np.float32(127)  # as the file has them
    rests = np.sort(_rests(cells[second], means, directions), axis=0)
    limits = rests[-1 - int(_RARE * len(rests))]
    least, most = strokes.min(axis=0), strokes.max(axis=0)
    room = _ROOM * (most - least)
    ranges = np.stack([least - room, most + room], axis=1).round(4).tolist()
    return Typical(_cells(images.shape), means, directions, [float(f"{limit:.7g}") for limit in limits], ranges, light)


def parse_typical(facts: Any) -> Typical:
    """What :meth:`Typical.facts` gave.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    rows, columns = (int(count) for count in facts["cells"])
    means = np.frombuffer(b64decode(facts["means"], validate=True), np.uint8).reshape(-1, rows * columns)
    directions = np.frombuffer(b64decode(facts["directions"], validate=True), np.int8)
    directions = directions.reshape(len(means), -1, rows * columns) / np.float32(127)
    limits = [float(limit) for limit in facts["limits"]]
    ranges = [[float(low), float(high)] for low, high in facts["ranges"]]
    if not len(means) or len(limits) != 2 or len(ranges) != 3:
        raise ValueError("it lacks some of its numbers")
    return Typical((rows, columns), means.astype(np.float32), directions, limits, ranges, bool(facts["light"]))


def fits(typical: Typical, shape: Sequence[int]) -> bool:
    """Whether it is of images of this shape (C, H, W)."""
    return _cells(shape) == typical.cells


def _cells(shape: Sequence[int]) -> tuple[int, int]:
    """Of images (..., H, W), down and across."""
    rows, columns = (side // -(-side // _CELLS) for side in shape[-2:])
    return rows, columns


def _seen(images: np.ndarray, light: bool) -> tuple[np.ndarray, np.ndarray]:
    """Cells float32 (N, D), each the mean of its pixels, and strokes float64 (N, 3): ink, contrast, pieces. What is
    left over at the right and below makes no cell.
    """
    grey = images[:, 0] if images.shape[1] == 1 else images.sum(axis=1, dtype=np.uint16) // images.shape[1]
    grey = (255 - grey if light else grey).astype(np.uint8, copy=False)
    height, width = images.shape[2:]
    rows, columns = _cells(images.shape)
    down, across = height // rows, width // columns
    sums = np.zeros((len(grey), rows, columns), np.float32)
    for y, x in np.ndindex(down, across):
        sums += grey[:, y : y + rows * down : down, x : x + columns * across : across]
    ink = grey.sum(axis=(1, 2), dtype=np.int64)
    squares = (grey.astype(np.uint16) ** 2).sum(axis=(1, 2), dtype=np.int64)
    strokes = np.stack([ink / (height * width), squares / (255 * np.maximum(ink, 1)), _pieces(grey > _INK)], axis=1)
    return sums.reshape(len(grey), -1) / np.float32(down * across), strokes


def _pieces(ink: np.ndarray) -> np.ndarray:
    """Of masks (N, H, W): their pieces less their holes (Euler's number: pixels less pairs of neighbours and squares of
    four).
    """
    beside, below = ink[:, :, 1:] & ink[:, :, :-1], ink[:, 1:] & ink[:, :-1]
    squares = beside[:, 1:] & beside[:, :-1]
    pixels, *others = (np.count_nonzero(each, axis=(1, 2)) for each in (ink, beside, below, squares))
    return pixels - others[0] - others[1] + others[2]


def _groups(cells: np.ndarray, labels: np.ndarray | None) -> list[np.ndarray]:
    """The cells of each class; all as one where there are too many classes, or too few images of one."""
    if labels is None:
        return [cells]
    found = [cells[labels == label] for label in np.unique(labels)]
    enough = min(map(len, found)) >= 2 * _DIRECTIONS
    return found if enough and len(found) <= _MOST_CLASSES else [cells]


def _directions(rows: np.ndarray, count: int) -> np.ndarray:
    """The directions (count, D), at right angles, in which rows (N, D) around their mean are longest, by simultaneous
    iteration (Golub & Van Loan, section 8.2.4).
    """
    found = rows[np.arange(count) * len(rows) // count].copy()
    for _ in range(_ROUNDS):
        found = _product(_product(found, rows), np.ascontiguousarray(rows.T))
        for number, row in enumerate(found):
            for other in found[:number]:
                row -= (row * other).sum() * other
            row /= max(np.sqrt((row * row).sum()), 1e-9)
    return found


def _rests(cells: np.ndarray, means: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Of cells (N, D) the least rest of all classes, and the same as a share of the squares of the cells: (N, 2)."""
    least = np.full(len(cells), np.inf, np.float32)
    for mean, along in zip(means, directions, strict=True):
        off = cells - mean
        parts = _product(off, along)
        least = np.minimum(least, (off * off).sum(axis=1) - (parts * parts).sum(axis=1))
    return np.stack([least, least / np.maximum((cells * cells).sum(axis=1), 1)], axis=1)


def _product(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """x @ weight.T by the core, whose sums have one order on every machine."""
    return _core.dense_forward(np.ascontiguousarray(x), np.ascontiguousarray(weight))
