"""Augmentation: the oracle's pixels on every machine; how often and how far; what is refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from fastnn import _core
from fastnn.data.augment import NAMES, augmentation
from fastnn.reference.augment import augmented
from harness import check_same_bits

SHAPES = [
    (5, 1, 1, 1),
    (4, 3, 2, 3),
    (9, 1, 28, 28),
    (30, 3, 64, 48),
    (3, 4, 9, 7),
    (3, 2, 8, 16),
    (2, 3, 1, 90),
    (2, 1, 150, 1),
]

each_name = pytest.mark.parametrize("name", NAMES)


def channels_last(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


@each_name
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_oracles_pixels(
    isa: str, threads: int, name: str, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    """In both orders of memory, which the result has too."""
    x, rows = rng.integers(0, 256, shape).astype(np.uint8), rng.integers(0, shape[0], 25)
    for seed, epoch in ((0, 0), (2**64 - 1, 3)):
        expected = augmented(x, rows, name, seed, epoch)
        for block in (x, channels_last(x)):
            found = augmentation(name, seed).images(block, rows, epoch)
            check_same_bits(np.ascontiguousarray(found), expected)
            assert found[:1].strides[1:] == block[:1].strides[1:]


@each_name
def test_a_row_has_its_own_numbers(name: str, rng: np.random.Generator) -> None:
    """Whatever stands beside it; others in another epoch, of another seed, of the same image in another row."""
    x = np.repeat(rng.integers(0, 256, (1, 3, 16, 16)).astype(np.uint8), 40, axis=0)
    rows = rng.permutation(40)
    how = augmentation(name, 3)
    all_rows = how.images(x, rows, 1)
    for place in (0, 7, 39):
        check_same_bits(how.images(x, rows[place : place + 1], 1)[0], all_rows[place])
    for other in (
        how.images(x, rows, 0),
        augmentation(name, 3 + 2**32).images(x, rows, 1),
        how.images(x, rows[::-1], 1),
    ):
        same = np.mean([np.array_equal(a, b) for a, b in zip(all_rows, other, strict=True)])
        assert same < 0.25  # light has 2 * 5 * 5 ways
    assert len({image.tobytes() for image in all_rows}) > 15


def usual(count: int, share: float, of: int) -> bool:
    """Within five standard deviations."""
    return abs(count - share * of) < 5 * (share * (1 - share) * of) ** 0.5


def test_light_moves_and_flips_evenly() -> None:
    """Each way as often as any other: two or not, by two pixels of 16 in all directions."""
    place = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    count = 5000
    found = augmentation("light", 11).images(np.repeat(place, count, axis=0), np.arange(count), 0)[:, 0]
    flipped = found[:, 8, 8] > found[:, 8, 9]
    down = found[:, 8, 8] // 16 - 8
    right = found[:, 8, 8] % 16 - np.where(flipped, 7, 8)
    ways = Counter(zip(flipped.tolist(), down.astype(np.int8).tolist(), right.astype(np.int8).tolist(), strict=True))
    assert set(ways) == {(flip, i, j) for flip in (False, True) for i in range(-2, 3) for j in range(-2, 3)}
    assert all(usual(times, 1 / 50, count) for times in ways.values())


def test_light_reflects() -> None:
    """What comes in from outside is the image again, without its outermost pixel twice."""
    line = np.arange(10, 18, dtype=np.uint8).reshape(1, 1, 1, 8)
    found = augmentation("light", 0).images(np.repeat(line, 200, axis=0), np.arange(200), 0)[:, 0, 0]
    moved = {tuple(row) for row in found.tolist()}
    expected = [(10, 11, 12, 13, 14, 15, 16, 17), (11, 10, 11, 12, 13, 14, 15, 16), (11, 12, 13, 14, 15, 16, 17, 16)]
    assert moved == {*expected, *(row[::-1] for row in expected)}


def test_strong_turns_and_flips() -> None:
    """A ramp's slope tells how: half of them fall, and turns go both ways to 15 degrees."""
    ramp = np.broadcast_to(np.arange(0, 256, 4, dtype=np.uint8), (1, 1, 64, 64))
    count = 2000
    found = augmentation("strong", 1).images(np.repeat(ramp, count, axis=0), np.arange(count), 0)[:, 0].astype(float)
    middle = found[:, 24:41, 24:41]
    across, along = np.diff(middle, axis=2).mean(axis=(1, 2)), np.diff(middle, axis=1).mean(axis=(1, 2))
    whole = np.abs(across) > 0.5  # not where a rectangle hides the middle
    assert whole.mean() > 0.9
    assert usual(int((across[whole] > 0).sum()), 0.5, int(whole.sum()))
    slant = along[whole] / np.abs(across[whole])
    steepest = np.tan(np.radians(15)) * 4 / 3  # where it is stretched most
    clear = np.abs(slant) < steepest * 1.2  # half a rectangle in the middle slants more
    assert clear.mean() > 0.9 and slant[clear].min() < -0.24 and slant[clear].max() > 0.24


def test_strong_recolours() -> None:
    """A grey image stays grey and becomes up to 30 % brighter or darker, in even steps."""
    count = 3000
    grey = np.full((count, 3, 4, 4), 100, np.uint8)
    found = augmentation("strong", 1).images(grey, np.arange(count), 0)
    assert np.all(found == found[:, :1, :1, :1])
    levels = found[:, 0, 0, 0]
    assert (levels.min(), levels.max()) == (70, 130) and len(set(levels.tolist())) == 61
    assert usual(int((levels < 100).sum()), 76.5 / 155, count)


def test_strong_erases_one_in_four(rng: np.random.Generator) -> None:
    """A rectangle of one colour, from 4x4 to 16x16 of 32x32 pixels, anywhere."""
    count = 800
    noise = rng.integers(0, 256, (1, 3, 32, 32)).astype(np.uint8)
    found = augmentation("strong", 1).images(np.repeat(noise, count, axis=0), np.arange(count), 0)
    alike = (found[:, :, 1:, 1:] == found[:, :, :-1, 1:]).all(axis=1) & (
        found[:, :, 1:, 1:] == found[:, :, 1:, :-1]
    ).all(axis=1)
    sizes = alike.sum(axis=(1, 2))  # the rectangle but its first row and column; chance makes one or two
    erased = sizes >= 9
    assert usual(int(erased.sum()), 0.25, count)
    assert sizes[erased].min() < 20 and 180 < sizes.max() <= 225 + 5
    assert alike[erased].any(axis=(0, 1)).all() and alike[erased].any(axis=(0, 2)).all()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 3, 4, 4), np.float32), "x must be uint8"),
        (np.zeros((2, 4, 4), np.uint8), "4 dimensions"),
        (np.zeros((2, 5, 4, 4), np.uint8), r"may have 4 channels and 32767 pixels a side, got shape \(2, 5, 4, 4\)"),
        (np.zeros((1, 1, 1, 2**15), np.uint8), "32767 pixels a side"),
        (np.zeros((2, 4, 3, 4), np.uint8).transpose(0, 2, 1, 3), "C order or with the channels innermost, got"),
    ],
)
def test_other_arrays_are_refused(x: np.ndarray, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        augmentation("light", 0).images(x, np.zeros(1, int), 0)
    order = np.zeros(1, np.int64)
    if x.dtype == np.uint8:
        _core.Source(x, order, order, None, None, "light", 0, 0)  # a program that runs it refuses it


def test_wrong_settings() -> None:
    x = np.zeros((2, 1, 4, 4), np.uint8)
    with pytest.raises(ValueError, match=r"unknown augmentation 'lite'; did you mean 'light'\? Known: light, strong"):
        augmentation("lite", 0)
    with pytest.raises(TypeError, match="seed must be an integer, got str"):
        augmentation("light", "5")
    with pytest.raises(ValueError, match="seed"):
        augmentation("light", 2**64)
    with pytest.raises(ValueError, match=r"index 2 at place 1 is outside 0\.\.1"):
        augmentation("light", 0).images(x, np.array([0, 2]), 0)
    for name in ("heavy", ""):
        with pytest.raises(ValueError, match=f"light or strong, got {name}$"):
            _core.augmented(x, np.zeros(1, int), name, 0, 0)
    assert augmentation("strong", -1) == augmentation("strong", 2**64 - 1)
    assert repr(augmentation("light", 5)) == "Augment(name='light', seed=5)"
    assert augmentation("light", 0).images(x, np.zeros(0, int), 0).shape == (0, 1, 4, 4)
