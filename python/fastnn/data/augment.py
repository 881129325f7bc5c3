"""Augmentation of images in memory while a network is trained on them, by compiled code in whatever thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastnn import _core, random
from fastnn.text import did_you_mean

NAMES = ("light", "strong")


@dataclass(frozen=True)
class Augment:
    """How each image is changed in each epoch: a function of (seed, epoch, row of the image), so the same for any
    batch size, order and number of threads, on every machine, and where a run resumes.

    ``light``: flipped or not, moved by up to an eighth of each side, reflected at the border (torchvision's
    ``RandomHorizontalFlip`` and ``RandomCrop`` with ``padding_mode="reflect"``). ``strong``: flipped or not; a window
    of half of the area or more, stretched by up to 4/3, turned by up to 15 degrees; brightness, contrast and, in
    colour, saturation by up to 30 %; in one image of four a rectangle of its mean colour. Both are for photographs: a
    digit or a letter that is flipped is another one, or none.
    """

    name: str
    seed: int

    def images(self, block: np.ndarray, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Rows (int64 (B,)) of a block uint8 (N, C, H, W) as an epoch (from 0) has them: uint8 (B, C, H, W).

        Raises:
            ValueError: no such row, more than 4 channels, or sides of more than 32,767 pixels.
            TypeError: arrays of other types.
        """
        return _core.augmented(block, rows, self.name, self.seed, epoch)


def augmentation(name: str, seed: int) -> Augment:
    """The augmentation of a name.

    Raises:
        ValueError: there is none of that name, or the seed is outside -2**63 .. 2**64 - 1.
        TypeError: the seed is no whole number.
    """
    if name not in NAMES:
        raise ValueError(
            f"unknown augmentation {name!r}{did_you_mean(str(name), NAMES) or '.'} Known: {', '.join(NAMES)}"
        )
    return Augment(name, random.Generator().manual_seed(seed).initial_seed())
