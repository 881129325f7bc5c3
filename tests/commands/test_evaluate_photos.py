"""Photographs for evaluate: as the network was trained on them, by class, and what does not go together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from colour_photos import CROPPED, GREEN, RED, SIDE, photo, save
from fastnn import models
from fastnn.commands.evaluate import class_lines
from job_runs import Outcome, call, refused
from PIL import Image


def evaluate(*words: Any) -> Outcome:
    return call(*words, module="fastnn.evaluate")


def wide(path: Path) -> None:
    """Red in the middle, which alone is seen; green on the whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((10, 60, 3), GREEN, np.uint8)
    pixels[:, 25:35] = RED
    Image.fromarray(pixels).save(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two cats, of which one is red, and three dogs, of which one is wide, in val/."""
    for half in ("train", "val"):
        photo(tmp_path / "data" / half / "cat" / "1.png", GREEN)
        photo(tmp_path / "data" / half / "dog" / "1.jpg", RED, (8, 20), quality=95)
    photo(tmp_path / "data" / "val" / "cat" / "2.png", RED, (30, 9))
    photo(tmp_path / "data" / "val" / "dog" / "2.png", RED, (8, 8))
    wide(tmp_path / "data" / "val" / "dog" / "3.png")
    return tmp_path / "data"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save(tmp_path / "net.pth")


@pytest.mark.parametrize("on_bad", ["error", "skip", "list"])
def test_cropped(on_bad: str, model: Path, data: Path, tmp_path: Path) -> None:
    """As predict has them: what lies beside the square does not count. Sizes that differ are no bad images."""
    words = ("--data", data, "--wrong", tmp_path / "wrong.txt", "--json", tmp_path / "test.json")
    outcome = evaluate(model, *words, "--on-bad-image", on_bad)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.lines[-3:] == [
        "accuracy of cat = 1 / 2 = 0.500",
        "accuracy of dog = 3 / 3 = 1.000",
        "test accuracy = 4 / 5 = 0.800",
    ]
    cat = data / "val" / "cat" / "2.png"
    assert (tmp_path / "wrong.txt").read_text() == f"wrong case: predict = 1 (dog) y = 0 (cat) img_path = {cat}\n"
    found = json.loads((tmp_path / "test.json").read_text())
    assert found["by_class"] == {"cat": {"correct": 1, "total": 2}, "dog": {"correct": 3, "total": 3}}
    paths = sorted((data / "val").rglob("*.*"))
    said = [json.loads(line) for line in call(model, *paths, "--json", module="fastnn.predict").lines]
    wrong = [one["image"] for one in said if one["label"] != Path(one["image"]).parent.name]
    assert wrong == [str(cat)]


@pytest.mark.parametrize("on_bad", ["error", "skip", "list"])
def test_scaled(on_bad: str, data: Path, tmp_path: Path) -> None:
    """The whole of a wide photograph, which is rather green."""
    model = save(tmp_path / "scaled.pth", preparation="scaled")
    outcome = evaluate(model, "--data", data, "--on-bad-image", on_bad)
    assert outcome.lines[-3:-1] == ["accuracy of cat = 1 / 2 = 0.500", "accuracy of dog = 2 / 3 = 0.667"]


def test_bad_images(model: Path, data: Path) -> None:
    bad = data / "val" / "cat" / "0.jpg"
    bad.write_bytes(b"")
    refused(evaluate(model, "--data", data), f"{bad} is empty (0 bytes)")
    outcome = evaluate(model, "--data", data, "--on-bad-image", "skip", "--quiet")
    assert outcome.out == "test accuracy = 4 / 5 = 0.800\n"


def test_another_number_of_classes(data: Path, tmp_path: Path) -> None:
    """A foreign model: which classes there are and how many, and no endless list."""
    foreign = tmp_path / "foreign.pth"
    fastnn.Network(models.create("lenet", (3, 64, 64), 1000)).save(foreign, input_shape=(3, 64, 64))
    for module in ("fastnn.evaluate", "fastnn.report"):
        outcome = call(foreign, "--data", data, module=module)
        known = "the network knows the classes ['0', '1', "
        refused(outcome, known, "'19', ...], the data has ['cat', 'dog'] (1,000 and 2 classes): labels would be")
        assert len(outcome.err) < 400


def test_other_classes_in_chinese(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_LANG", "zh")
    outcome = evaluate(save(tmp_path / "m.pth", ("cat", "emu")), "--data", data)
    assert outcome.err.splitlines()[1].startswith("网络认识的类别是 ['cat', 'emu'], 数据里的类别是 ['cat', 'dog']")


def test_lines_of_many_classes() -> None:
    """The least accurate ones; classes without images have no accuracy."""
    total = np.full(30, 100)
    total[3] = 0
    right = np.arange(30) * 3 % 90
    right[3] = 0
    lines = class_lines(right, total, [f"class {number}" for number in range(30)])
    assert lines[0] == "the 20 classes of 29 with the least accuracy:" and len(lines) == 21
    assert lines[1:3] == ["accuracy of class 0 = 0 / 100 = 0.000", "accuracy of class 1 = 3 / 100 = 0.030"]
    assert class_lines(right[:4], total[:4], ["a", "b\n", "c", "d"])[1] == r"accuracy of 'b\n' = 3 / 100 = 0.030"


def test_names_that_say_the_class(model: Path, tmp_path: Path) -> None:
    """Kaggle's; --memory keeps the images in a file."""
    for number, (name, colour) in enumerate((("cat", GREEN), ("dog", RED), ("cat", RED))):
        photo(tmp_path / "flat" / f"{name}.{number}.png", colour, (9 + number, 8))
    for more in ((), ("--labels-from-name",), ("--memory", "100")):
        assert evaluate(model, "--data", tmp_path / "flat", *more).lines[-3:] == [
            "accuracy of cat = 1 / 2 = 0.500",
            "accuracy of dog = 1 / 1 = 1.000",
            "test accuracy = 2 / 3 = 0.667",
        ]


@pytest.mark.parametrize("seed", [0, 5])
def test_what_training_held_out(seed: int, tmp_path: Path) -> None:
    """By the same fraction and seed: the best epoch's accuracy, of those files alone."""
    for number in range(10):
        photo(tmp_path / "flat" / f"cat.{number}.png", GREEN, (9 + number, 8))
        photo(tmp_path / "flat" / f"dog.{number}.png", RED if number % 3 else GREEN, (8, 9 + number))
    held = ("--data", tmp_path / "flat", "--val-fraction", 0.3, "--seed", seed)
    words = ("--model", "small_cnn", "--size", SIDE, "--epochs", 2, "--out", tmp_path / "net.pth")
    trained = call(*held, *words, "--json", tmp_path / "run.json")
    tested = evaluate(tmp_path / "net.pth", *held, "--json", tmp_path / "test.json")
    assert (tested.code, tested.lines[-1]) == (0, trained.lines[-1])
    assert json.loads((tmp_path / "test.json").read_text())["test_total"] == 6


def test_a_fraction_of_data_that_have_a_part_to_test_with(model: Path, data: Path) -> None:
    refused(evaluate(model, "--data", data, "--val-fraction", 0.2), f"{data} has a part to test with", "--val-fraction")


def test_turned_by_the_camera(tmp_path: Path) -> None:
    """With --exif, as in training. The network looks at the upper half, the photograph stands on its head."""
    network = fastnn.Network(3 * SIDE * SIDE, 2)
    network.layer1.weight._data[...] = network.layer1.bias._data[...] = 0
    network.layer1.weight._data[1, : SIDE * SIDE // 2], network.layer1.bias._data[0] = 1, 16
    network.save(tmp_path / "m.pth", classes=["cat", "dog"], **CROPPED)
    pixels = np.full((12, 8, 3), GREEN, np.uint8)
    pixels[6:] = RED
    exif = Image.Exif()
    exif[0x0112] = 3
    photo(tmp_path / "data" / "cat" / "1.png", GREEN)
    (tmp_path / "data" / "dog").mkdir()
    Image.fromarray(pixels).save(tmp_path / "data" / "dog" / "1.jpg", exif=exif, quality=95)
    for more, right in ((), 1), (("--exif",), 2):
        outcome = evaluate(tmp_path / "m.pth", "--data", tmp_path / "data", "--quiet", *more)
        assert outcome.out.startswith(f"test accuracy = {right} / 2")
