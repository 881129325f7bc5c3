"""``ImageDataGenerator``: what it makes of images, by definition, and beside Keras where it is there."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn.keras.preprocessing.image import ImageDataGenerator
from PIL import Image

RNG = np.random.default_rng(2)
X = (RNG.random((10, 16, 16, 3)) * 255).astype(np.float32)
Y = np.arange(10)
MODES = ("nearest", "constant", "reflect", "wrap")
# What images are told to do. Keras turns images that are not square about another point.
TOLD: list[dict[str, Any]] = [
    {"theta": 33.0},
    {"tx": 2.5, "ty": -1.25},
    {"shear": 20.0},
    {"zx": 0.7, "zy": 1.4},
    {"theta": -70.0, "tx": 3, "ty": 20.0, "shear": 15.0, "zx": 1.5, "zy": 0.6},
    {"tx": -40.3, "ty": 37.3},
    {"tx": 15.0, "ty": -15.0},
    {"flip_horizontal": True, "theta": 10, "channel_shift_intensity": 50.0},
    {"flip_vertical": True, "channel_shift_intensity": -30.0},
]


def extended(place: float, size: int, mode: str) -> int | None:
    """The pixel that stands at an integer place, inside or outside; None: none."""
    place = int(place)
    if mode == "nearest":
        return min(max(place, 0), size - 1)
    if mode == "reflect":
        return min(place % (2 * size), 2 * size - 1 - place % (2 * size))
    return place if 0 <= place < size else None


def by_definition(image: np.ndarray, told: dict[str, Any], mode: str) -> np.ndarray:
    """Each pixel by itself: rotation, shift, shear and zoom about the centre lead to a place between four others."""
    height, width, _ = image.shape
    theta, shear = (math.radians(told.get(name, 0)) for name in ("theta", "shear"))
    out = np.empty(image.shape)
    for row in range(height):
        for column in range(width):
            x, y = (column - (width - 1) / 2) * told.get("zx", 1), (row - (height - 1) / 2) * told.get("zy", 1)
            x, y = x - math.sin(shear) * y, math.cos(shear) * y
            x, y = x + told.get("tx", 0), y + told.get("ty", 0)
            x, y = math.cos(theta) * x - math.sin(theta) * y, math.sin(theta) * x + math.cos(theta) * y
            x, y = x + (width - 1) / 2, y + (height - 1) / 2
            if mode == "wrap":  # the last pixel upon the first
                x, y = (at if 0 <= at <= end else at % end for at, end in ((x, width - 1), (y, height - 1)))
            outside = not (0 <= x <= width - 1 and 0 <= y <= height - 1)
            out[row, column] = 7.0 if mode == "constant" and outside else 0.0
            for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
                share = abs(1 - dy - y + math.floor(y)) * abs(1 - dx - x + math.floor(x))
                at = extended(math.floor(y) + dy, height, mode), extended(math.floor(x) + dx, width, mode)
                if share > 0 and None not in at and not (mode == "constant" and outside):
                    out[row, column] += share * image[at]
    return out


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("told", TOLD[:6])
def test_maps_by_definition(told: dict[str, Any], mode: str) -> None:
    """Of an image that is not square."""
    image = X[0, :7, :11]
    given = image.copy()
    found = ImageDataGenerator(fill_mode=mode, cval=7.0).apply_transform(image, told)
    np.testing.assert_allclose(found, by_definition(image, told, mode), atol=1e-3)
    np.testing.assert_array_equal(image, given)


def test_whole_pixels_are_moved_as_they_are() -> None:
    """Shifts go the way they are called; 90 degrees are np.rot90; a row or a column alone is an image too."""
    image = X[0, :6, :9]
    generator = ImageDataGenerator(fill_mode="wrap")
    np.testing.assert_allclose(generator.apply_transform(image, {"tx": 2})[:, :7], image[:, 2:], atol=1e-4)
    np.testing.assert_allclose(generator.apply_transform(image, {"ty": -1})[1:], image[:-1], atol=1e-4)
    flipped = generator.apply_transform(image, {"flip_vertical": True, "flip_horizontal": True})
    np.testing.assert_array_equal(flipped, image[::-1, ::-1])
    np.testing.assert_array_equal(generator.apply_transform(image, {"flip_vertical": True}), image[::-1])
    turned = ImageDataGenerator().apply_transform(X[0], {"theta": 90})
    np.testing.assert_allclose(turned, np.rot90(X[0]), atol=1e-3)
    np.testing.assert_allclose(generator.apply_transform(image[:1], {"zx": 0.5}).shape, (1, 9, 3))
    thin = ImageDataGenerator().apply_transform(image[:, :1], {"ty": 1, "tx": 5})
    np.testing.assert_allclose(thin[:-1], image[1:, :1], atol=1e-4)
    doubled = ImageDataGenerator().apply_transform(np.arange(6.0).reshape(1, 6, 1), {"zx": 0.5})
    np.testing.assert_allclose(doubled.ravel(), 1.25 + 0.5 * np.arange(6))


@pytest.mark.parametrize(("name", "axis"), [("width_shift_range", 1), ("height_shift_range", 0)])
@pytest.mark.parametrize("limit", [0.25, 4, 3.5, [2, 4]])
def test_shifts_go_where_their_names_say(name: str, axis: int, limit: Any) -> None:
    generator = ImageDataGenerator(**{name: limit})
    drawn = [generator.get_random_transform((16, 20, 3), seed) for seed in range(40)]
    moved, still = ("tx", "ty") if axis else ("ty", "tx")
    shifts = np.array([each[moved] for each in drawn])
    assert all(each[still] == 0 for each in drawn) and shifts.min() < 0 < shifts.max()
    largest = {0.25: (16, 20)[axis] / 4, 4: 3, 3.5: 3.5}.get(limit, 4) if not isinstance(limit, list) else 4
    assert 0.8 * largest <= np.abs(shifts).max() <= largest
    if limit not in (0.25, 3.5):
        assert set(np.abs(shifts)) == set(limit if isinstance(limit, list) else range(4))


def test_ranges() -> None:
    generator = ImageDataGenerator(
        rotation_range=30, zoom_range=0.2, shear_range=5, horizontal_flip=True, channel_shift_range=9.0,
        brightness_range=(0.5, 2),
    )  # fmt: skip
    drawn = [generator.get_random_transform((8, 8, 1)) for _ in range(200)]
    ends = {"theta": (-30, 30), "zx": (0.8, 1.2), "zy": (0.8, 1.2), "shear": (-5, 5), "brightness": (0.5, 2)}
    for name, (low, high) in {**ends, "channel_shift_intensity": (-9, 9)}.items():
        values = np.array([each[name] for each in drawn])
        assert low <= values.min() < low + 0.1 * (high - low) and high - 0.1 * (high - low) < values.max() <= high
    assert 70 < sum(each["flip_horizontal"] for each in drawn) < 130
    assert not any(each["flip_vertical"] for each in drawn)
    nothing = ImageDataGenerator()
    np.testing.assert_array_equal(nothing.random_transform(X[0]), X[0])
    assert ImageDataGenerator(zoom_range=(0.5, 0.75)).zoom_range == [0.5, 0.75]


def test_the_seed_decides() -> None:
    """One given, or else fastnn's."""
    generator = ImageDataGenerator(rotation_range=90, horizontal_flip=True)

    def batches(seed: int | None = None) -> np.ndarray:
        flow = generator.flow(X, batch_size=4, seed=seed)
        return np.concatenate([next(flow) for _ in range(6)])

    np.testing.assert_array_equal(batches(3), batches(3))
    assert not np.array_equal(batches(3), batches(4))
    found = []
    for seed in (1, 1, 2):
        fastnn.manual_seed(seed)
        found.append(batches())
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2]) and not np.array_equal(found[0], batches())


def test_what_standardizes() -> None:
    first = ImageDataGenerator(preprocessing_function=lambda image: image - 5, rescale=0.5)
    np.testing.assert_allclose(first.standardize(X[0].copy()), (X[0] - 5) / 2, rtol=1e-6)
    each = ImageDataGenerator(samplewise_std_normalization=True).flow(X, batch_size=10, shuffle=False)[0]
    np.testing.assert_allclose([each.mean(axis=(1, 2, 3)), each.std(axis=(1, 2, 3))], [[0] * 10, [1] * 10], atol=1e-4)
    data = ImageDataGenerator(featurewise_std_normalization=True, rescale=1 / 255)
    with pytest.warns(UserWarning, match=r"featurewise_center has no effect before ImageDataGenerator\.fit"):
        ImageDataGenerator(featurewise_center=True).flow(X)[0]
    data.fit(X)
    batch = data.flow(X, batch_size=10)[0]
    np.testing.assert_allclose([batch.mean(axis=(0, 1, 2)), batch.std(axis=(0, 1, 2))], [[0] * 3, [1] * 3], atol=1e-4)
    white = ImageDataGenerator(zca_whitening=True, zca_epsilon=1e-2)
    white.fit(X[:, :3, :2])
    flat = white.flow(X[:, :3, :2], batch_size=10)[0].reshape(10, -1)
    spread = np.linalg.svd(flat, compute_uv=False)
    np.testing.assert_allclose(spread[:9], math.sqrt(10), rtol=1e-3)


def test_flow() -> None:
    """Rows stay together; passes without end; a subset; weights; channels first."""
    flow = ImageDataGenerator().flow(X, Y, batch_size=4, sample_weight=Y / 10)
    assert (len(flow), flow.n, iter(flow)) == (3, 10, flow)
    for _ in range(3):
        parts = [flow.next() for _ in range(3)]
        assert [len(x) for x, _, _ in parts] == [4, 4, 2]
        assert sorted(np.concatenate([y for _, y, _ in parts])) == list(range(10))
        for x, y, weight in parts:
            np.testing.assert_array_equal(x, X[y])
            np.testing.assert_array_equal(weight, y / 10)
    next(flow)
    flow.reset()
    assert [len(next(flow)[1]) for _ in range(3)] == [4, 4, 2]
    full = ImageDataGenerator().flow(X[:8], batch_size=4)
    assert [len(next(full)) for _ in range(5)] == [4] * 5
    ordered = ImageDataGenerator().flow(X.astype(np.uint8), Y, batch_size=4, shuffle=False)
    assert ordered[2][1].tolist() == [8, 9] and ordered[2][0].dtype == np.float32
    halves = [
        ImageDataGenerator(validation_split=0.3).flow(X, subset=s, shuffle=False) for s in ("validation", "training")
    ]
    np.testing.assert_array_equal(np.concatenate([half[0] for half in halves]), X)
    generator = ImageDataGenerator(rotation_range=90, brightness_range=(0.5, 1), data_format="channels_first")
    other = ImageDataGenerator(rotation_range=90, brightness_range=(0.5, 1))
    np.testing.assert_array_equal(
        generator.flow(X.transpose(0, 3, 1, 2), seed=1)[0], other.flow(X, seed=1)[0].transpose(0, 3, 1, 2)
    )


def test_a_generator_of_ones_own() -> None:
    """What a subclass has of its own is called for every image."""

    class Squares(ImageDataGenerator):
        def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
            raise AssertionError("Keras' iterators do not call it")

        def apply_transform(self, x: np.ndarray, transform_parameters: Any) -> np.ndarray:
            x = super().apply_transform(x, transform_parameters)
            return x - x[4:5, 4:5]

    batch = Squares(rotation_range=20, rescale=2.0).flow(X, batch_size=10, seed=1, shuffle=False)[0]
    plain = ImageDataGenerator(rotation_range=20, rescale=2.0).flow(X, batch_size=10, seed=1, shuffle=False)[0]
    np.testing.assert_allclose(batch, plain - plain[:, 4:5, 4:5], atol=1e-4)


def test_every_batch_is_written(tmp_path: Path) -> None:
    flow = ImageDataGenerator().flow(X, Y, batch_size=4, save_to_dir=tmp_path, save_prefix="seen", shuffle=False)
    next(flow)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert [name.split("_")[:2] for name in files] == [["seen", str(i)] for i in range(4)]
    with Image.open(tmp_path / files[0]) as image:
        assert image.size == (16, 16) and image.mode == "RGB"


MISTAKES: dict[str, tuple[Callable[[], Any], str]] = {
    "fill_mode": (lambda: ImageDataGenerator(fill_mode="nearst"), "fill_mode is 'nearst'; did you mean 'nearest'"),
    "order": (lambda: ImageDataGenerator(interpolation_order=3), "interpolation_order is 3; it must be one of 0, 1"),
    "split": (lambda: ImageDataGenerator(validation_split=20), "validation_split is 20; it must be at least 0"),
    "zoom": (lambda: ImageDataGenerator(zoom_range=[1, 2, 3]), r"zoom_range is \[1, 2, 3\]; it must be two numbers"),
    "brightness": (lambda: ImageDataGenerator(brightness_range=0.5), "brightness_range is 0.5; it must be two"),
    "format": (lambda: ImageDataGenerator(data_format="first"), "data_format is 'first'"),
    "an image": (lambda: ImageDataGenerator().flow(X[0]), r"\(N, height, width, channels\), got shape \(16, 16, 3\)"),
    "a batch": (lambda: ImageDataGenerator().random_transform(X), r"one image .*got shape \(10, 16, 16, 3\): x\[0\]"),
    "rows": (lambda: ImageDataGenerator().flow(X, Y[:3]), "x has 10 images, y has 3 rows"),
    "subset": (
        lambda: ImageDataGenerator().flow(X, subset="training"),
        r"subset needs ImageDataGenerator\(validation_",
    ),
    "classes": (
        lambda: ImageDataGenerator(validation_split=0.5).flow(X, Y, subset="training"),
        "for validation, has other classes than the rest: shuffle x and y",
    ),
    "a range": (
        lambda: ImageDataGenerator(rotation_range=(0, 20)),
        r"rotation_range is \(0, 20\); it must be a number",
    ),
    "a function": (
        lambda: ImageDataGenerator(preprocessing_function=lambda image: None).flow(X)[0],
        r"preprocessing_function gave an array \(\) of an image \(16, 16, 3\)",
    ),
    "fit": (lambda: ImageDataGenerator(featurewise_center=True).fit(X[0]), r"fit takes images \(N, height, width, ch"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str) -> None:
    call, message = MISTAKES[name]
    with pytest.raises(ValueError, match=message):
        call()
    with pytest.raises(IndexError, match="there is no batch 3: there are 3, from 0 to 2"):
        ImageDataGenerator().flow(X, batch_size=4)[3]


def everything(kind: Any) -> dict[Any, Any]:
    """What a class like Keras' makes of the same images and seeds. Shifts are swapped there, and left out."""
    out: dict[Any, Any] = {}
    for mode in MODES:
        for order in (0, 1):
            for form in ("channels_last", "channels_first"):
                generator = kind(fill_mode=mode, cval=7.0, interpolation_order=order, data_format=form)
                x = X[0] if form == "channels_last" else X[0].transpose(2, 0, 1)
                out[mode, order, form] = [generator.apply_transform(x.copy(), told) for told in TOLD]
    bright = kind(rotation_range=9)
    out["brightness"] = [bright.apply_transform(X[0], {"brightness": f, "theta": 5}) for f in (0.3, 1.7)]
    out["brightness of others"] = bright.apply_transform(X[0] / 100 - 1, {"brightness": 1.3})
    out["bytes"] = kind().apply_transform(X[0].astype(np.uint8), {"theta": 30})
    for given in (
        {"rescale": 1 / 255},
        {"samplewise_center": True, "samplewise_std_normalization": True},
        {"featurewise_center": True, "featurewise_std_normalization": True, "rescale": 0.1},
        {"preprocessing_function": lambda x: x / 2 - 1, "rescale": 2.0},
        {"zca_whitening": True},
    ):
        generator = kind(**given)
        generator.fit(X)
        out[tuple(given)] = [generator.standardize(X[1].copy()), generator.standardize(X[:4].copy())]
    augmented = kind(featurewise_center=True, rotation_range=20)
    augmented.fit(X, augment=True, rounds=2, seed=3)
    out["fit"] = augmented.mean
    given = {"rotation_range": 40, "zoom_range": 0.2, "shear_range": 0.2, "horizontal_flip": True}
    given |= {"vertical_flip": True, "channel_shift_range": 20.0, "brightness_range": (0.5, 1.2), "rescale": 1 / 255}
    for seed in (1, 5):
        flow = kind(**given).flow(X, Y, batch_size=4, seed=seed, sample_weight=Y / 10)
        out["flow", seed] = [next(flow) for _ in range(7)]
        flow = kind(zoom_range=(0.5, 0.8), fill_mode="reflect").flow(X, Y, batch_size=4, seed=seed)
        out["by number", seed] = [flow[i] for i in (2, 0, 1)]
        flow.on_epoch_end()
        out["by number again", seed] = [flow[i] for i in (1, 0)]
    return out


def flat(value: Any) -> list[np.ndarray]:
    return [each for part in value for each in flat(part)] if isinstance(value, list | tuple) else [np.asarray(value)]


@pytest.mark.filterwarnings("ignore")  # Keras' own
def test_beside_keras() -> None:
    """The same pixels, also of everything drawn by a seed."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    theirs = pytest.importorskip("keras.src.legacy.preprocessing.image")
    wanted = everything(theirs.ImageDataGenerator)
    for name, found in everything(ImageDataGenerator).items():
        for got, expected in zip(flat(found), flat(wanted[name]), strict=True):
            np.testing.assert_allclose(got, expected, atol=1e-4, err_msg=str(name))
