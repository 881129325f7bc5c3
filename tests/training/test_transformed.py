"""What a transform tells of images: preparation, shape and normalisation, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from fastnn.training.transformed import told_by
from fastnn.transforms import CenterCrop, Compose, Grayscale, Lambda, Normalize, Resize, ToTensor


class RandomRotation:
    def __init__(self, expand: bool = False) -> None:
        self.expand = expand


class RandomCrop:
    pass


CROPPED = {"preparation": "cropped"}
WHOLE = {**CROPPED, "input_shape": (3, 8, 8), "mean": None, "std": None}
CROP = (Resize(8), CenterCrop(8))
HALF = Normalize(0.5, 0.25)


@pytest.mark.parametrize(
    ("steps", "known"),
    [
        ((*CROP, ToTensor()), WHOLE),
        ((Resize([8]), CenterCrop((8, 8)), RandomRotation(), ToTensor()), WHOLE),
        ((*CROP, ToTensor(), HALF), {**WHOLE, "mean": [0.5] * 3, "std": [0.25] * 3}),
        ((Grayscale(), *CROP, ToTensor(), HALF), {**WHOLE, "input_shape": (1, 8, 8), "mean": [0.5], "std": [0.25]}),
        ((Grayscale(3), *CROP, ToTensor()), WHOLE),
        ((Resize((8, 6)), ToTensor()), {**WHOLE, "preparation": "scaled", "input_shape": (3, 8, 6)}),
        ((*CROP, RandomCrop(), ToTensor()), CROPPED),
        ((*CROP, RandomRotation(expand=True), ToTensor()), CROPPED),
        ((*CROP, ToTensor(), Lambda(abs)), CROPPED),
        ((*CROP, ToTensor(), Normalize((1, 2), (1, 2))), CROPPED),
        ((*CROP, HALF, ToTensor()), CROPPED),
        (CROP, CROPPED),
        ((Resize(8), CenterCrop((8, 6)), ToTensor()), {}),
        ((Resize(9), CenterCrop(8), ToTensor()), {}),
        ((Resize(8, max_size=20), CenterCrop(8), ToTensor()), {}),
        ((Resize(8, "nearest"), CenterCrop(8), ToTensor()), {}),
        ((Resize(8), ToTensor()), {}),
        ((Resize(8),), {}),
        ((RandomRotation(), *CROP, ToTensor()), {}),
        ((ToTensor(),), {}),
        ((), {}),
    ],
    ids=str,
)
def test_told_by(steps: tuple[Any, ...], known: dict[str, Any]) -> None:
    assert told_by(Compose(steps)) == known


def test_no_composition() -> None:
    assert told_by(ToTensor()) == told_by(None) == {}
