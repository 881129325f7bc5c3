"""``image_dataset_from_directory``: files, order, splits and pixels of Keras 3.15 on TensorFlow 2.21 for the same
calls; bad input.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.errors import FormatError
from fastnn.keras.data.images import Photos
from fastnn.keras.utils import image_dataset_from_directory
from PIL import Image


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Pictures of 4 x 4 pixels of one grey: its number times 10."""
    for folder, count in {"b/deep": 2, "b": 4, "a": 6}.items():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.fromarray(np.full((4, 4, 3), 10 * number, np.uint8)).save(tmp_path / folder / f"{number}.png")
    (tmp_path / "a/notes.txt").write_text("no image")
    return tmp_path


def files(dataset: Any, root: Path) -> list[str]:
    return [Path(path).relative_to(root).as_posix() for path in dataset.file_paths]


ORDER = [*(f"a/{i}.png" for i in range(6)), *(f"b/{i}.png" for i in range(4)), "b/deep/0.png", "b/deep/1.png"]


def test_files_and_classes(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pets / ".hidden").mkdir()
    made = image_dataset_from_directory(pets, shuffle=False, image_size=(4, 4), batch_size=5)
    assert capsys.readouterr().out == "Found 12 files belonging to 2 classes.\n"
    assert made.class_names == ["a", "b"] and files(made, pets) == ORDER and len(made) == 3
    batches = list(made.as_numpy_iterator())
    assert [x.shape for x, _ in batches] == [(5, 4, 4, 3), (5, 4, 4, 3), (2, 4, 4, 3)]
    x, y = (np.concatenate(part) for part in zip(*batches, strict=True))
    assert (x.dtype, y.dtype) == (np.float32, np.int32) and y.tolist() == [0] * 6 + [1] * 6
    np.testing.assert_array_equal(x[:, 3, 2, 1], [0, 10, 20, 30, 40, 50, 0, 10, 20, 30, 0, 10])
    with pytest.raises(AttributeError, match=r"class_names is what image_dataset_from_directory gives .* before map"):
        made.prefetch(1).class_names  # noqa: B018


def test_the_split_is_keras_own(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    how = {"validation_split": 0.25, "seed": 7, "image_size": 4}
    train, val = image_dataset_from_directory(pets, subset="both", **how)
    shown = ["Found 12 files belonging to 2 classes.", "Using 9 files for training.", "Using 3 files for validation."]
    assert capsys.readouterr().out.splitlines() == shown
    names = ["b/1", "b/deep/0", "a/2", "a/5", "a/0", "a/1", "b/deep/1", "b/2", "a/3"]
    assert files(train, pets) == [f"{name}.png" for name in names]
    assert files(val, pets) == ["b/0.png", "b/3.png", "a/4.png"]
    assert [y.tolist() for _, y in val.as_numpy_iterator()] == [[1, 1, 0]]  # in this order in each pass
    for subset, both in (("training", train), ("validation", val)):
        alone = image_dataset_from_directory(pets, subset=subset, verbose=False, **how)
        assert alone.file_paths == both.file_paths and alone.class_names == ["a", "b"]


def test_orders(pets: Path) -> None:
    """Another each pass, the same for a seed; pixels and labels stay together."""

    def passes(**how: Any) -> list[list[float]]:
        made = image_dataset_from_directory(pets, image_size=4, verbose=False, **how)
        found = [next(made.as_numpy_iterator()) for _ in range(2)]
        for x, y in found:
            order = np.lexsort((x[:, 0, 0, 0], y))
            assert x[order, 0, 0, 0].tolist() == [0, 10, 20, 30, 40, 50, 0, 0, 10, 10, 20, 30]
        return [(x[:, 0, 0, 0] + y).tolist() for x, y in found]

    first, second = passes(seed=1)
    assert first != second and passes(seed=1) == [first, second] and passes(seed=2) != [first, second]
    fastnn.manual_seed(0)
    found = passes()
    fastnn.manual_seed(0)
    assert passes() == found


LABELS: dict[str, tuple[dict[str, Any], Any]] = {
    "categorical": ({"label_mode": "categorical"}, [[1, 0], [0, 1]]),
    "binary": ({"label_mode": "binary"}, [[0], [1]]),
    "turned round": ({"class_names": ["b", "a"], "label_mode": "binary"}, [[0], [1]]),
    "a list": ({"labels": [*range(11), 3]}, [0, 3]),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels(name: str, pets: Path) -> None:
    how, wanted = LABELS[name]
    made = image_dataset_from_directory(pets, shuffle=False, image_size=4, verbose=False, **how)
    ((_, y),) = made.as_numpy_iterator()
    assert y[[0, -1]].tolist() == wanted and y.dtype == (np.int32 if y.ndim == 1 else np.float32)
    if name == "turned round":
        assert files(made, pets)[0] == "b/0.png" and made.class_names == ["b", "a"]
    if name == "a list":
        assert made.class_names == [str(number) for number in range(11)]


@pytest.mark.parametrize("how", [{"labels": None}, {"label_mode": None}])
def test_images_alone(how: dict[str, Any], pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = image_dataset_from_directory(pets, batch_size=None, image_size=4, **how)
    assert len(made) == 12 and next(iter(made)).shape == (4, 4, 3)
    classes = "" if "labels" in how else " belonging to 2 classes"
    assert capsys.readouterr().out == f"Found 12 files{classes}.\n"


GREY = np.array([[0, 50, 100, 150, 200], [10, 60, 110, 160, 210], [20, 70, 120, 170, 255]], np.uint8)
PIXELS: dict[str, tuple[dict[str, Any], list[list[int]]]] = {
    "bilinear": ({}, [[9, 71, 134, 196], [24, 86, 149, 234]]),
    "nearest": ({"interpolation": "nearest"}, [[0, 50, 150, 200], [20, 70, 170, 255]]),
    "bicubic": ({"interpolation": "Bicubic"}, [[5, 70, 133, 197], [22, 87, 147, 241]]),
    "lanczos3": ({"interpolation": "lanczos3"}, [[4, 73, 130, 196], [22, 91, 143, 242]]),
    "crop": ({"crop_to_aspect_ratio": True}, [[6, 69, 131, 194], [16, 79, 141, 204]]),
    "pad": (
        {"pad_to_aspect_ratio": True, "image_size": (4, 4)},
        [[9, 71, 134, 196], [24, 86, 149, 234], [0] * 4, [0] * 4],
    ),
}


@pytest.mark.parametrize("name", PIXELS)
def test_pixels(name: str, tmp_path: Path) -> None:
    how, wanted = PIXELS[name]
    Image.fromarray(GREY).save(tmp_path / "x.png")
    given = {"image_size": (2, 4), **how, "labels": None, "batch_size": None, "verbose": False}
    (x,) = image_dataset_from_directory(tmp_path, color_mode="grayscale", **given).as_numpy_iterator()
    assert x[..., 0].tolist() == wanted and x.shape[-1] == 1
    for mode, channels in {"rgb": 3, "rgba": 4}.items():
        (coloured,) = image_dataset_from_directory(tmp_path, color_mode=mode, **given).as_numpy_iterator()
        assert coloured.shape[-1] == channels
        np.testing.assert_array_equal(coloured[..., 1], x[..., 0])


def test_colours(tmp_path: Path) -> None:
    pixels = np.arange(4 * 4 * 4, dtype=np.uint8).reshape(4, 4, 4) * 3
    Image.fromarray(pixels, "RGBA").save(tmp_path / "x.png")
    given = {"labels": None, "image_size": 4, "batch_size": None, "verbose": False}
    for mode, wanted in {"rgba": pixels, "rgb": pixels[..., :3]}.items():
        (x,) = image_dataset_from_directory(tmp_path, color_mode=mode, **given).as_numpy_iterator()
        np.testing.assert_array_equal(x, wanted)


def test_each_file_is_read_once_where_there_is_room(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    plain = Photos._image
    monkeypatch.setattr(Photos, "_image", lambda self, path: read.append(path) or plain(self, path))
    made = image_dataset_from_directory(pets, image_size=4, batch_size=4, verbose=False)
    next(made.as_numpy_iterator())
    assert len(read) == 4  # and none before it is asked for
    values = [sorted(np.concatenate([x for x, _ in made.as_numpy_iterator()])[:, 0, 0, 0]) for _ in range(2)]
    assert len(read) == 12
    monkeypatch.setattr("fastnn.keras.data.images.fits_memory", lambda size: False)
    made = image_dataset_from_directory(pets, image_size=4, batch_size=4, verbose=False)
    values += [sorted(np.concatenate([x for x, _ in made.as_numpy_iterator()])[:, 0, 0, 0]) for _ in range(2)]
    assert len(read) == 36 and all(each == values[0] for each in values)


def test_links(pets: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What lies outside is taken through links where it is asked for; a link within counts."""
    outside = tmp_path_factory.mktemp("outside")
    Image.new("RGB", (4, 4)).save(outside / "x.png")
    try:
        os.symlink(outside / "x.png", pets / "a/x.png")
        os.symlink(outside, pets / "b/more", target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    assert files(image_dataset_from_directory(pets, shuffle=False, verbose=False), pets) == ORDER
    (pets / "c").symlink_to(outside, target_is_directory=True)
    made = image_dataset_from_directory(pets, shuffle=False, verbose=False)
    assert files(made, pets) == ORDER and made.class_names == ["a", "b", "c"]
    (pets / "c").unlink()
    followed = files(image_dataset_from_directory(pets, shuffle=False, verbose=False, follow_links=True), pets)
    assert followed == sorted([*ORDER, "a/x.png", "b/more/x.png"])


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "label_mode": (
        {"label_mode": "one"},
        "label_mode is 'one'; it must be one of 'int', 'categorical', 'binary', None",
    ),
    "color_mode": ({"color_mode": "bgr"}, "color_mode is 'bgr'"),
    "interpolation": ({"interpolation": "area"}, "interpolation is 'area'; it must be one of 'nearest', 'bilinear'"),
    "subset": ({"subset": "test", "validation_split": 0.5}, "subset is 'test'"),
    "split": ({"subset": "training", "validation_split": 2.0}, "validation_split is 2.0; it must be between 0 and 1"),
    "subset alone": ({"subset": "training"}, "validation_split and subset go together"),
    "split alone": ({"validation_split": 0.2}, "validation_split and subset go together"),
    "no seed": ({"validation_split": 0.2, "subset": "training"}, "needs a seed, the same for both subsets"),
    "too small": ({"validation_split": 0.01, "subset": "both", "seed": 1}, "of the 12 images in .* leaves none"),
    "image_size": ({"image_size": (3, 0)}, "image_size is .* at least 1"),
    "both fits": ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "not both"),
    "data_format": ({"data_format": "channels_first"}, "data_format is 'channels_first'"),
    "labels": ({"labels": "from names"}, "labels is 'from names'"),
    "how many": ({"labels": [1, 2]}, "there are 2 labels for the 12 images"),
    "what kind": ({"labels": ["cat"] * 12}, "a list of class numbers"),
    "classes": ({"class_names": ["a", "c"]}, r"class_names are \['a', 'c'\]; the folders in .* are: 'a', 'b'"),
    "classes of none": ({"labels": None, "class_names": ["a"]}, "class_names go with labels='inferred'"),
    "binary": ({"class_names": ["a"], "label_mode": "binary"}, "'binary' needs 2 classes, there are 1"),
    "format": ({"format": "grain"}, "format is 'grain'"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_folders(name: str, pets: Path) -> None:
    how, text = MISTAKES[name]
    with pytest.raises(ValueError, match=text):
        image_dataset_from_directory(pets, verbose=False, **how)


def test_folders_without_images(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match=r"nowhere is no folder"):
        image_dataset_from_directory(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"expected a folder for each class; the folders in .* are: none"):
        image_dataset_from_directory(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match=r"has no images: looked for \.bmp"):
        image_dataset_from_directory(tmp_path, verbose=False)


BAD: dict[str, tuple[bytes | Callable[[bytes], bytes], str]] = {
    "empty": (b"", r"a/5\.png is empty"),
    "no image": (b"<html>", r"a/5\.png is not an image"),
    "half": (lambda data: data[: len(data) // 2], r"a/5\.png"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named(name: str, pets: Path) -> None:
    made, text = BAD[name]
    path = pets / "a/5.png"
    path.write_bytes(made(path.read_bytes()) if callable(made) else made)
    with pytest.raises(FormatError, match=text):
        list(image_dataset_from_directory(pets, image_size=4, verbose=False))


def test_fit_is_that_of_the_pixels(pets: Path) -> None:
    """From the files, and of the same as arrays."""
    made = image_dataset_from_directory(pets, image_size=4, shuffle=False, batch_size=5, verbose=False)
    x, y = (np.concatenate(part) for part in zip(*made.as_numpy_iterator(), strict=True))

    def history(*data: Any, **how: Any) -> Any:
        fastnn.manual_seed(1)
        layers = [keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(3, 2), keras.layers.Flatten()]
        net = keras.Sequential([keras.Input((4, 4, 3)), *layers, keras.layers.Dense(2, activation="softmax")])
        net.compile("sgd", "sparse_categorical_crossentropy")
        return net.fit(*data, epochs=2, verbose=0, **how).history

    assert history(made.cache().prefetch(-1)) == history(x, y, batch_size=5, shuffle=False)
