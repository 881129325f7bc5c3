"""predict --show, and what predict says of pictures that are not like those of the training at all."""

from __future__ import annotations

import json
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn import _core
from fastnn.data.images import open_image
from fastnn.data.photo import as_mnist
from fastnn.errors import FormatError
from fastnn.training.model_files import load_model
from fastnn.training.model_info import ModelInfo
from job_runs import Outcome, call, refused
from PIL import Image

DRAWN, LABELS = _core.draw_digits(5, 0, 1010)
WORDS = "; unlike the images that it was trained on"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shown") / "m.safetensors"
    network = fastnn.Network(784, 16, 10)
    network.fit((DRAWN[:1000] / 255, LABELS[:1000]), epochs=2, verbose=0, seed=1)
    network.save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two digits and noise."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in (0, 1):
        Image.fromarray(255 - DRAWN[1000 + number]).resize((140, 140)).save(folder / f"{number}.png")
    noise = np.random.default_rng(1).integers(0, 256, (70, 50), np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    return folder


def predict(*words: object) -> Outcome:
    return call(*words, module="fastnn.predict")


class TestUnlike:
    def test_lines(self, model: Path, pictures: Path) -> None:
        outcome = predict(model, pictures)
        assert [line.endswith(WORDS) for line in outcome.lines] == [False, False, True]
        assert (outcome.code, outcome.err) == (0, "")

    def test_json(self, model: Path, pictures: Path) -> None:
        assert [json.loads(line)["unlike"] for line in predict(model, pictures, "--json").lines] == [False, False, True]

    def test_a_table(self, model: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        outcome = predict(model, pictures, "--csv", tmp_path / "t.csv")
        assert (
            outcome.err == f"fastnn: 1 of 3 images are unlike the images that it was trained on: {pictures}/noise.png\n"
        )
        assert "unlike" not in (tmp_path / "t.csv").read_text()
        monkeypatch.setenv("FASTNN_LANG", "zh")
        outcome = predict(model, pictures, "--csv", tmp_path / "t.csv")
        assert outcome.err == f"fastnn: 3 张图片中有 1 张与训练图片差别很大: {pictures}/noise.png\n"

    def test_a_network_of_numbers(self, pictures: Path, tmp_path: Path) -> None:
        network = fastnn.Network(784, 2)
        x = (DRAWN[:1000] / 255).astype(np.float32)
        network.fit((x, x.mean(axis=(1, 2))[:, None] * np.float32([1, 2])), loss="mse", epochs=1, verbose=0)
        network.save(tmp_path / "m.pth")
        lines = predict(tmp_path / "m.pth", pictures, "--raw").lines
        assert lines[-1].endswith(WORDS) and len(lines[-1].split(", ")) == 2

    def test_files_that_do_not_tell(self, model: Path, pictures: Path, tmp_path: Path) -> None:
        """As of former versions, or of another size."""
        network = load_model(model)[0]
        for info in ({"typical": {}}, {"input_shape": (1, 7, 112), "preparation": "scaled"}):
            network.save(tmp_path / "m.pth", **info)
            outcome = predict(tmp_path / "m.pth", pictures, "--json")
            assert outcome.code == 0 and "unlike" not in outcome.out

    @pytest.mark.parametrize("typical", [{"cells": 1}, [1, 2], "x", 3])
    def test_damaged_files(self, model: Path, typical: object, tmp_path: Path) -> None:
        load_model(model)[0].save(tmp_path / "m.pth", typical=typical)
        with pytest.raises(FormatError, match="description of the network is damaged"):
            load_model(tmp_path / "m.pth")

    def test_the_file_is_small(self, model: Path) -> None:
        info = load_model(model)[1]
        assert 10_000 < len(info.text()) - len(ModelInfo().text()) < 20_000


class TestShow:
    def test_the_picture(self, model: Path, pictures: Path, tmp_path: Path) -> None:
        """A row an image: itself, and the very pixels that the network was given, each as a square of five."""
        for words in ((), ("--json",), ("--csv", tmp_path / "t.csv")):
            outcome = predict(model, pictures, "--show", tmp_path / "seen.png", *words)
            assert outcome.code == 0
            page = np.asarray(open_image(tmp_path / "seen.png").convert("L"))
            assert page.shape == (3 * 160 + 16, 672)
            (tmp_path / "seen.png").unlink()
        seen = page[8:152, 176:320]
        expected = as_mnist(open_image(pictures / "0.png"))
        assert np.array_equal(seen[2::36, 2::36], expected[::7, ::7])
        assert (page[:, 336:] < 100).sum() > 500  # words

    def test_as_jpeg_of_many_and_odd_images(self, model: Path, pictures: Path, tmp_path: Path) -> None:
        Image.new("RGBA", (300, 2)).save(pictures / "\u732b\n.png")
        outcome = predict(model, *[pictures] * 40, "--show", tmp_path / "seen.jpg")
        assert outcome.code == 0 and len(outcome.lines) == 160
        with Image.open(tmp_path / "seen.jpg") as page:
            assert page.size == (672, 100 * 160 + 16)

    @pytest.mark.parametrize(("name", "words"), [
        ("m.safetensors", "uses .png or .jpg"), ("seen.xyz", "use .png or .jpg"), ("no/seen.png", "there is no folder"),
        ("pictures/0.png", "is one of the images: the picture would replace it"),
    ])  # fmt: skip
    def test_refused(self, model: Path, pictures: Path, name: str, words: str, tmp_path: Path) -> None:
        before = (pictures / "0.png").read_bytes()
        target = model if name == model.name else tmp_path / name
        refused(predict(model, pictures / "0.png", "--show", target), words.replace("uses", "use"))
        assert (pictures / "0.png").read_bytes() == before
        load_model(model)

    def test_an_image_in_a_folder_is_not_replaced(self, model: Path, pictures: Path) -> None:
        refused(predict(model, pictures, "--show", pictures / "1.png"), "is one of the images")
