"""The report of photographs: thumbnails of a bounded size, the most confident mistakes first, hostile names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from colour_photos import GREEN, GREY, RED, photo, save
from fastnn import io, models
from fastnn.data.resident import Resident
from fastnn.html.pictures import case_picture
from fastnn.reporting import cases
from fastnn.reporting.curves import History, best_epoch
from fastnn.reporting.findings import Findings
from fastnn.reporting.page import Subject, make_page
from job_runs import call
from page_tree import HOSTILE, Node, parse, pixels
from PIL import Image


def page_of(model: Path, data: Path, *words: Any) -> Node:
    path = model.with_suffix(".html")
    outcome = call(model, "--data", data, "--html", path, *words, module="fastnn.report")
    assert (outcome.code, outcome.err) == (0, "")
    return parse(path)


def noisy(count: int, side: int) -> np.ndarray:
    """uint8 (count, 3, side, side) that no format makes small: photographs are smaller."""
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (count, side // 4, side // 4, 3), np.uint8)
    images = [np.asarray(Image.fromarray(each).resize((side, side))) for each in coarse]
    grain = rng.integers(0, 4, (count, side, side, 3), np.uint8)
    return np.ascontiguousarray((np.stack(images) // 4 * 4 + grain).transpose(0, 3, 1, 2))


class TestPictures:
    def test_photographs_are_jpeg(self) -> None:
        picture = case_picture(noisy(1, 64)[0])
        assert picture.address.startswith("data:image/jpeg;base64,") and len(picture.address) < 6000
        assert (picture.width, picture.height, picture.style) == (64, 64, "photo")
        large = case_picture(noisy(1, 256)[0][:, :128])
        assert (large.width, large.height) == (96, 48)

    def test_what_is_drawn_is_exact(self) -> None:
        """Small images, whose pixels are seen, and those of few colours."""
        small = case_picture(noisy(1, 32)[0])
        assert small.address.startswith("data:image/png") and small.style is None
        plain = case_picture(np.full((3, 64, 64), 200, np.uint8))
        assert plain.address.startswith("data:image/png") and plain.style == "photo"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Red and green cats and dogs of several sizes."""
    for number, (name, colour) in enumerate(
        [("cat", GREEN), ("cat", RED), ("dog", RED), ("dog", GREY), ("dog", GREEN)]
    ):
        photo(tmp_path / "data" / "val" / name / f"{number}.png", colour, (9 + number, 8))
        photo(tmp_path / "data" / "train" / name / f"{number}.png", colour)
    return tmp_path / "data"


def test_the_mistakes(data: Path, tmp_path: Path) -> None:
    """The most confident ones first, each with what it is, what it was taken for, and how sure the network was."""
    model = save(tmp_path / "net.pth", weight=2)
    network = fastnn.Network.load(model)
    network.layer1.bias._data[...] = [0.5, 0]
    network.save(model, classes=["cat", "dog"], input_shape=(3, 8, 8), preparation="cropped")
    page = page_of(model, data)
    found = [case.one("p").text for case in page.all("li", class_="case")]
    assert found == ["dog taken for cat", "cat taken for dog", "dog taken for cat"]
    sure = [case.one("tr", class_="said").all("td")[1].text for case in page.all("li", class_="case")]
    assert sure == ["92.4 %", "81.8 %", "62.2 %"]
    names = [case.one("bdi", class_="path").text for case in page.all("li", class_="case")]
    assert [Path(name).name for name in names] == ["4.png", "1.png", "3.png"]
    rows = [[cell.text for cell in row.all("td")] for row in page.one("section", id="classes").one("tbody").all("tr")]
    assert rows == [["2", "0.3333", "0.5000", "0.4000"], ["3", "0.5000", "0.3333", "0.4000"]]
    assert [cell.text for cell in page.one("table", class_="confusion").one("tbody").all("td")] == ["1", "1", "2", "1"]
    assert "5 images of 8 \N{MULTIPLICATION SIGN} 8 in colour, 2 classes" in page.one("dl").text


def test_the_size_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are shown until they are as large as a page can bear (here a tenth of that); asked for, any number."""
    monkeypatch.setattr(cases, "_MOST_BYTES", cases._MOST_BYTES // 10)
    count = 120
    images, targets = np.tile(noisy(60, 64), (2, 1, 1, 1)), np.zeros(count, np.int64)
    outputs = np.stack([np.zeros(count), 1 + np.arange(count) / count], axis=1).astype(np.float32)
    outputs[0, 1] = 9
    order = [f"{number}.jpg" for number in (0, *range(count - 1, 0, -1))]
    data = Resident(images, targets, [f"{number}.jpg" for number in range(count)], ["cat", "dog"])
    subject, sizes = Subject("m.pth", models.lenet((3, 64, 64), 2), "0" * 64, "d", data), []
    for limit in (0, None, 110):
        text = make_page(subject, Findings(outputs, targets), History(), limit)
        (tmp_path / "page.html").write_text(text, encoding="utf-8")
        tree = parse(tmp_path / "page.html")
        shown = [case.one("bdi", class_="path").text for case in tree.all("li", class_="case")]
        assert shown == order[: len(shown)]
        assert len(shown) == limit if limit is not None else 50 < len(shown) < 100
        assert tree.one("span", id="shown").text == f"The {len(shown)} most confident of 120"
        sizes.append(len(text))
    assert sizes[1] - sizes[0] < 250_000 < sizes[2]


def test_hostile_names(tmp_path: Path) -> None:
    """Of classes and files; the pictures that follow are whole."""
    classes = tuple(sorted(HOSTILE))
    for name in classes:
        photo(tmp_path / "data" / name / "\"'><script>alert(1)<!--.png", GREY)
    model = save(tmp_path / "m.pth", classes)
    page = page_of(model, tmp_path / "data")
    for name in ("script", "style", "body"):
        page.one(name)
    found = page.all("li", class_="case")
    assert len(found) == len(classes) - 1
    assert all(pixels(case.one("img")).shape == (8, 8, 3) for case in found)
    assert all("<script>alert(1)<!--.png" in case.one("bdi", class_="path").text for case in found)


class TestCurves:
    def test_of_a_run(self, data: Path, tmp_path: Path) -> None:
        """Losses and accuracies of both halves, and the learning rate, which is of neither."""
        history = {"loss": [2.0, 1.0], "val_loss": [2.0, 1.5], "accuracy": [0.5, 0.75], "lr": [0.01, 0.001]}
        (tmp_path / "run.json").write_text(json.dumps({"train_loss": history["loss"], "history": history}))
        page = page_of(save(tmp_path / "net.pth"), data, "--history", tmp_path / "run.json")
        figures = page.one("section", id="training").all("figure")
        assert [figure.one("b").text for figure in figures] == ["loss", "accuracy", "learning rate"]
        keys = [[span.text for span in figure.all("span")] for figure in figures]
        assert keys == [["training", "validation"], ["training"], []]
        assert "The best epoch of 2, by the validation: 2 (val_loss 1.5)." in page.one("section", id="training").text

    @pytest.mark.parametrize(
        ("metrics", "said"),
        [
            ({"val_accuracy": [0.5, 0.75, 0.75, 0.6], "val_loss": [0.1, 0.9, 0.8, 0.7]},
             "of 4, by the validation: 3 (val_accuracy 0.75, val_loss 0.8)."),
            ({"val_loss": [3.0, 1.0, 2.0]}, "of 3, by the validation: 2 (val_loss 1)."),
            ({"loss": [3.0]}, ""),
            ({"loss": [3.0], "val_loss": []}, ""),
        ],
    )  # fmt: skip
    def test_the_best_epoch(self, metrics: dict[str, list[float]], said: str) -> None:
        assert best_epoch(metrics) == (f"The best epoch {said}" if said else "")

    def test_of_the_best_epoch(self, data: Path, tmp_path: Path) -> None:
        """A state that has gone on keeps the best epoch's parameters: the model's."""
        model = save(tmp_path / "net.pth")
        own = {name: each.numpy() for name, each in fastnn.Network.load(model).state_dict().items()}
        later = {f"model.{name}": array + 1 for name, array in own.items()}
        for kept, unlike in ({f"best.{name}": array for name, array in own.items()}, False), ({}, True):
            io.save_state(f"{model}.state", later | kept, {"history": {"loss": [1.0]}})
            text = page_of(model, data).one("section", id="training").text
            assert ("may be of another run" in text) == unlike
