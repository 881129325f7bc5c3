"""What images of a data set are like, and what is told to be unlike them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from digit_photos import PHOTOS
from fastnn import _core
from fastnn.data import typical
from fastnn.data.idx import read_idx
from fastnn.data.photo import as_mnist
from fastnn.data.typical import Typical, fits, parse_typical, sample_of, typical_of
from PIL import Image

DRAWN, LABELS = _core.draw_digits(11, 0, 3000)
TRAIN = 2000


def of_digits(images: np.ndarray, labels: np.ndarray | None) -> Typical:
    """As it comes out of a file."""
    found = typical_of(images[:, None], labels)
    assert found is not None
    return parse_typical(json.loads(json.dumps(found.facts())))


@pytest.fixture(scope="module")
def digits() -> Typical:
    return of_digits(DRAWN[:TRAIN], LABELS[:TRAIN])


@cache
def odd_pictures(seed: int) -> dict[str, np.ndarray]:
    """Pictures of no digits, 30 of a kind, as predict prepares them: uint8 (N, 28, 28)."""
    rng = np.random.default_rng(seed)
    noise = [rng.integers(0, 256, (side, side), np.uint8) for side in (28, 64, 200) for _ in range(10)]
    soft = [np.asarray(Image.fromarray(each).resize((200, 200), Image.Resampling.BICUBIC)) for each in noise[:10]]
    pale = [np.full((60, 80), shade, np.uint8) for shade in rng.integers(0, 256, 30)]
    grain = [np.clip(rng.normal(200, 5, (100, 100)), 0, 255).astype(np.uint8) for _ in range(30)]
    lots = [np.concatenate(list(row), axis=1) for row in DRAWN[:120].reshape(30, 4, 28, 28)]
    kinds = {"noise": noise, "soft noise": soft, "blank": pale, "grain": grain, "four digits": lots}
    return {kind: np.stack([as_mnist(Image.fromarray(each)) for each in some]) for kind, some in kinds.items()}


class TestDigits:
    def test_others_are_like_them(self, digits: Typical) -> None:
        assert np.count_nonzero(digits.unlike(DRAWN[TRAIN:, None])) <= 15  # 1.5 %, of the built-in ones

    @pytest.mark.parametrize("kind", ["noise", "soft noise", "blank", "grain", "four digits"])
    def test_what_is_no_digit(self, digits: Typical, kind: str) -> None:
        found = odd_pictures(1)[kind]
        assert np.count_nonzero(digits.unlike(found[:, None])) >= 0.9 * len(found)

    def test_by_its_form_alone(self, digits: Typical) -> None:
        """With the ink and the pieces of digits: a frame, and what the classes' directions do not leave over."""
        frame = np.zeros((1, 1, 28, 28), np.uint8)
        frame[..., 4:24, 4:24] = 255
        frame[..., 7:21, 7:21] = 0
        turned = np.ascontiguousarray(np.rot90(DRAWN[TRAIN:], axes=(1, 2)))[:, None]
        assert digits.unlike(frame).all() and digits.unlike(turned).mean() >= 0.1
        anything = digits._replace(limits=[np.inf, np.inf])
        assert not anything.unlike(frame).any() and anything.unlike(turned).mean() <= 0.01

    def test_on_light_ground(self, digits: Typical) -> None:
        """The same of the same images, inverted; light digits are unlike dark ones."""
        light = of_digits(255 - DRAWN[:TRAIN], LABELS[:TRAIN])
        assert light.light and not digits.light
        some = np.concatenate([DRAWN[TRAIN:], *odd_pictures(1).values()])[:, None]
        assert np.array_equal(light.unlike(255 - some), digits.unlike(some))
        assert light.unlike(DRAWN[TRAIN:, None]).all()

    def test_without_classes(self) -> None:
        """As of a regression: one kind of images, with more directions."""
        found = of_digits(DRAWN[:TRAIN], None)
        assert found.means.shape == (1, 196) and found.directions.shape == (1, 40, 196)
        assert np.count_nonzero(found.unlike(DRAWN[TRAIN:, None])) <= 15
        assert found.unlike(odd_pictures(1)["noise"][:, None]).mean() >= 0.9


def test_colour_photographs() -> None:
    """Of other sizes, with another number of classes; noise and single colours are unlike them."""
    rng = np.random.default_rng(5)
    small = rng.integers(0, 256, (1200, 3, 4, 4), np.uint8)
    photos = np.stack([np.asarray(Image.fromarray(each.transpose(1, 2, 0)).resize((40, 33))) for each in small])
    photos = np.ascontiguousarray(photos.transpose(0, 3, 1, 2))
    found = typical_of(photos[:1000], np.arange(1000) % 3)
    assert found is not None and found.means.shape == (3, 13 * 11) and fits(found, (3, 33, 40))
    assert not fits(found, (1, 28, 28))
    assert np.count_nonzero(found.unlike(photos[1000:])) <= 6
    assert found.unlike(rng.integers(0, 256, (20, 3, 33, 40), np.uint8)).all()
    assert found.unlike(np.zeros((1, 3, 33, 40), np.uint8)).all()


def test_many_classes_and_rare_ones_are_one() -> None:
    for labels in (np.arange(TRAIN) // 2 % 20, np.where(np.arange(TRAIN) < 5, 1, 0)):
        assert len(of_digits(DRAWN[:TRAIN], labels).means) == 1


def test_too_few() -> None:
    assert typical_of(DRAWN[:199, None], LABELS[:199]) is None
    assert typical_of(DRAWN[:200, None], LABELS[:200]) is not None


def test_which_rows_are_looked_at() -> None:
    """Evenly over the set, of large images fewer, never too few to tell."""
    for shape, least in (((60000, 28, 28), 2000), ((5000, 3, 224, 224), 200), ((100000, 3, 64, 64), 1200)):
        images = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), shape, (0,) * len(shape))
        assert least <= len(images[sample_of(images)]) <= 4000
    assert len(DRAWN[sample_of(DRAWN)]) == 3000


def test_pieces_less_holes() -> None:
    pictures = np.zeros((4, 7, 7), bool)
    pictures[1, 1:6, 1:6] = True
    pictures[1, 2:5, 2:5] = False  # a ring
    pictures[2, ::2, ::2] = True
    pictures[3, 2:5] = True
    assert typical._pieces(pictures).tolist() == [0, 0, 16, 1]


def test_directions_are_the_principal_ones() -> None:
    rng = np.random.default_rng(2)
    rows = (rng.normal(size=(400, 5)) * [9, 7, 5, 0.3, 0.2] @ np.linalg.qr(rng.normal(size=(5, 5)))[0]).astype(
        np.float32
    )
    found = typical._directions(rows, 3)
    assert np.abs(found @ found.T - np.eye(3)).max() < 1e-5
    exact = np.linalg.svd(rows, full_matrices=False)[2][:3]
    assert np.abs(found.T @ found - exact.T @ exact).max() < 1e-3


@pytest.mark.parametrize("change", [
    {"cells": [13, 15]}, {"cells": [0, 5]}, {"cells": [-1, 196]}, {"cells": 196}, {"cells": "xy"},
    {"means": "%%%"}, {"means": ""}, {"means": None},
    {"directions": "AAAA"}, {"limits": [1]}, {"limits": "ab"}, {"ranges": [[1, 2]]}, {"ranges": 3},
])  # fmt: skip
def test_damaged(digits: Typical, change: dict[str, object]) -> None:
    facts = digits.facts() | change
    with pytest.raises((ValueError, TypeError)):
        parse_typical(facts)
    for lacking in facts:
        with pytest.raises((ValueError, TypeError, KeyError)):
            parse_typical({name: value for name, value in digits.facts().items() if name != lacking})


@pytest.mark.slow
def test_real_digits(mnist: Path) -> None:
    """Few of MNIST's test images are called unlike, few photographs of them, most of what is no digit."""
    x, y, test = (
        read_idx(next(mnist.glob(f"{name}*")))
        for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3")
    )
    some = sample_of(x)
    found = of_digits(np.ascontiguousarray(x[some]), y[some].astype(np.int64))
    assert found.unlike(test[:, None]).mean() <= 0.006
    kinds = [np.stack([as_mnist(take(digit)) for digit in test[:12]]) for take in PHOTOS]
    assert found.unlike(np.concatenate(kinds)[:, None]).mean() <= 0.05
    for pictures in odd_pictures(1).values():
        assert found.unlike(pictures[:, None]).mean() >= 0.9
