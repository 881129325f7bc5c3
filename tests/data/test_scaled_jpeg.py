"""JPEG files decoded at a fraction of their size, where a smaller one follows and the user allows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastnn.data.images import open_image, read_rgb
from fastnn.data.pixels import jpeg_target, pixel_plan
from fastnn.data.source import open_source
from fastnn.datasets import ImageFolder
from fastnn.errors import FormatError
from fastnn.transforms import CenterCrop, Compose, Grayscale, Lambda, Resize, ToTensor
from PIL import Image

SIZE = (500, 375)


def photo(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Smooth colours with a little detail."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of photographs, one of them with a PNG file."""
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for i in range(3):
            photo(10 * number + i).save(tmp_path / name / f"{i}.jpg", quality=90)
    photo(3).save(tmp_path / "dog/3.png")
    return tmp_path


def read(folder: Path, *steps: object) -> np.ndarray:
    dataset = ImageFolder(folder, Compose([*steps, ToTensor()]))
    resident = dataset._decode(pixel_plan(dataset.transform), 2, None)
    for i, (image, _) in enumerate(dataset):
        assert np.array_equal((image.numpy() * 255).round().astype(np.uint8), resident.images[i]), (
            "the same, one by one"
        )
    return resident.images.astype(np.int64)


@pytest.mark.parametrize("size", [(64, 64), 48, (90, 70)])
@pytest.mark.parametrize("before", [(), (Grayscale(),)], ids=["colour", "grey"])
def test_nearly_the_same_pixels(folder: Path, size: object, before: tuple) -> None:
    exact, scaled = read(folder, *before, Resize(size)), read(folder, *before, Resize(size, scaled_jpeg=True))
    assert exact.shape == scaled.shape
    assert not np.array_equal(exact[:6], scaled[:6]), "the decoder did make them smaller"
    assert np.abs(exact - scaled).mean() < 2
    assert np.array_equal(exact[6], scaled[6]), "a PNG file as ever"


def test_what_follows_sees_the_size_there_is(folder: Path) -> None:
    shapes = {read(folder, Resize(200, scaled_jpeg=scaled), Resize(48)).shape for scaled in (False, True)}
    assert shapes == {(7, 3, 48, 63)}, "63 of 266: from the second size, not from the file's"


@pytest.mark.parametrize(("wanted", "decoded"), [((64, 64), (125, 94)), ((200, 100), (250, 188)), ((251, 9), SIZE)])
def test_never_smaller_than_wanted(tmp_path: Path, wanted: tuple, decoded: tuple) -> None:
    photo(1).save(tmp_path / "a.jpg")
    assert open_image(tmp_path / "a.jpg", jpeg_target=lambda width, height: wanted).size == decoded
    assert read_rgb(tmp_path / "a.jpg").size == SIZE


def test_only_what_begins_by_making_images_smaller() -> None:
    small = Resize(32, scaled_jpeg=True)
    for transform in (small, Compose([small]), Compose([Grayscale(), Compose([small, Lambda(abs)])])):
        assert jpeg_target(transform)(500, 375) == (42, 32)
    for transform in (Resize(32), Compose([CenterCrop(90), small]), Compose([Lambda(abs), small]), ToTensor(), None):
        assert jpeg_target(transform) is None
    assert "scaled_jpeg=True" in repr(small) and "scaled" not in repr(Resize(32)), "kept images are told apart by it"


def test_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    photo(1).save(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(FormatError, match=r"a\.jpg cannot be read as an image: the file is truncated"):
        open_image(path, jpeg_target=lambda width, height: (20, 20))


def test_a_strip_without_a_result(tmp_path: Path) -> None:
    """Resize leaves it no height; the file is not damaged."""
    (tmp_path / "a").mkdir()
    Image.new("RGB", (5000, 1)).save(tmp_path / "a/strip.jpg")
    for scaled in (False, True):
        data = ImageFolder(tmp_path, Compose([Resize(10, max_size=20, scaled_jpeg=scaled), ToTensor()]))
        with pytest.raises(ValueError, match="height and width must be > 0"):
            data[0]


def test_source(folder: Path) -> None:
    exact, scaled = (open_source(folder, resize=(64, 64), scaled_jpeg=value).train.images for value in (False, True))
    assert exact.shape == scaled.shape == (7, 1, 64, 64) and not np.array_equal(exact, scaled)
    assert np.array_equal(
        *(open_source(folder, resize=SIZE, scaled_jpeg=value).train.images for value in (False, True))
    )
