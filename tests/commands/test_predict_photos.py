"""Photographs for predict: cropped as in training, upright, from folders, in any number; Kaggle's table by the byte."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from colour_photos import CROPPED, GREEN, GREY, RED, SIDE, photo, save
from fastnn import io, models, nn, transforms
from fastnn.commands import pictures
from fastnn.data.images import open_image
from fastnn.datasets import ImageFolder
from fastnn.training.model_files import load_model
from fastnn.training.preparation import prepare, spec_of
from fastnn.transforms import CenterCrop, Grayscale, Resize
from job_runs import Outcome, call, refused, temporary_files
from PIL import Image


def predict(*words: Any) -> Outcome:
    return call(*words, module="fastnn.predict")


def labels(*words: Any) -> dict[str, str]:
    """The class of each image, by the name of its file."""
    outcome = predict(*words, "--json")
    assert outcome.code == 0, outcome.err
    return {Path(one["image"]).name: one["label"] for one in map(json.loads, outcome.lines)}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save(tmp_path / "net.pth")


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    """Kaggle's folder: green, red, grey, red."""
    folder = tmp_path / "test"
    for number, colour in ((1, GREEN), (2, RED), (10, GREY), (9, RED)):
        photo(folder / f"{number}.png", colour)
    return folder


class TestPreparation:
    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("size", [(8, 8), (13, 8), (9, 21), (40, 30), (3, 5)])
    def test_the_pixels_of_the_training(self, size: tuple[int, int], channels: int, tmp_path: Path) -> None:
        """As transforms.Resize and CenterCrop have them, also of other modes."""
        noise = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
        (tmp_path / "x" / "a").mkdir(parents=True)
        for mode, ending in (("RGB", "png"), ("L", "png"), ("CMYK", "jpg"), ("P", "png"), ("RGBA", "webp")):
            Image.fromarray(noise).convert(mode).save(tmp_path / "x" / "a" / f"{mode}.{ending}")
        steps = [*([Grayscale()] if channels == 1 else []), Resize(SIDE), CenterCrop(SIDE), transforms.ToTensor()]
        data = ImageFolder(tmp_path / "x", transforms.Compose(steps))
        network = fastnn.Network(channels * SIDE * SIDE, 2)
        network.save(tmp_path / "m.pth", input_shape=(channels, SIDE, SIDE), preparation="cropped")
        spec = spec_of(*load_model(tmp_path / "m.pth"))
        for (path, _), (x, _) in zip(data.samples, data, strict=True):
            with Image.open(path) as image:
                assert np.array_equal(prepare(image, spec) / np.float32(255), x.numpy())

    def test_what_lies_outside_of_the_square_is_not_seen(self, model: Path, tmp_path: Path) -> None:
        wide = np.zeros((10, 60, 3), np.uint8)
        wide[..., 1] = 255
        wide[:, 25:35] = RED
        Image.fromarray(wide).save(tmp_path / "wide.png")
        assert labels(model, tmp_path / "wide.png") == {"wide.png": "dog"}
        assert labels(model, tmp_path / "wide.png", "--raw") == {"wide.png": "cat"}
        scaled = save(tmp_path / "scaled.pth", preparation="scaled")
        assert labels(scaled, tmp_path / "wide.png") == {"wide.png": "cat"}

    @pytest.mark.parametrize(("steps", "known"), [
        ([Resize(SIDE), CenterCrop(SIDE)], "cropped"),
        ([Grayscale(3), Resize(SIDE), CenterCrop((SIDE, SIDE))], "cropped"),
        ([Resize(SIDE), CenterCrop(SIDE), transforms.Lambda(lambda image: image)], "cropped"),
        ([Resize((SIDE, SIDE))], "scaled"),
        ([Resize(2 * SIDE), CenterCrop(SIDE)], "scaled"),
        ([Resize(SIDE, transforms.InterpolationMode.NEAREST), CenterCrop(SIDE)], "scaled"),
        ([CenterCrop(SIDE)], "scaled"),
    ])  # fmt: skip
    def test_fit_remembers_it(self, steps: list[Any], known: str, tmp_path: Path) -> None:
        for name, colour in (("a", RED), ("b", GREEN)):
            photo(tmp_path / "data" / name / "0.png", colour, (9, 9 if known == "cropped" else 12))
        data = ImageFolder(tmp_path / "data", transforms.Compose([*steps, transforms.ToTensor()]))
        network = fastnn.Network(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 2))
        network.fit(data, epochs=1, verbose=0)
        network.save(tmp_path / "m.pth")
        assert load_model(tmp_path / "m.pth")[1].preparation == known

    @pytest.mark.parametrize("first", [[Resize((SIDE, SIDE))], [Resize(SIDE), CenterCrop(SIDE)]])
    def test_fit_remembers_what_random_transforms_leave(self, first: list[Any], tmp_path: Path) -> None:
        """Such images cannot be looked at; their size and normalisation are told all the same."""

        class RandomHorizontalFlip:
            def __call__(self, image: Image.Image) -> Image.Image:
                return image

        for name, colour in (("a", RED), ("b", GREEN)):
            photo(tmp_path / "data" / name / "0.png", colour, (9, 20))
        normal = transforms.Normalize((0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
        steps = [*first, RandomHorizontalFlip(), transforms.ToTensor(), normal]
        network = fastnn.Network(3 * SIDE * SIDE, 2)
        network.fit(ImageFolder(tmp_path / "data", transforms.Compose(steps)), epochs=1, verbose=0)
        network.save(tmp_path / "m.pth")
        info = load_model(tmp_path / "m.pth")[1]
        assert (info.input_shape, info.mean, info.std) == ((3, SIDE, SIDE), [0.5, 0.4, 0.3], [0.2, 0.2, 0.1])
        assert info.preparation == ("cropped" if len(first) == 2 else "scaled")
        x = normal(transforms.ToTensor()(transforms.Compose(first)(Image.open(tmp_path / "data" / "a" / "0.png"))))
        found = json.loads(predict(tmp_path / "m.pth", tmp_path / "data" / "a" / "0.png", "--json").out)
        assert list(found["probabilities"].values()) == network.predict(x.numpy()[None])[0].tolist()

    def test_turned_by_the_camera(self, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Upright the middle of the photograph is red; said once. --raw leaves it as it is."""
        tall = np.full((30, 10, 3), GREEN, np.uint8)
        tall[12:18] = RED
        exif = Image.Exif()
        exif[0x0112] = 6
        for number in range(3):
            turned = Image.fromarray(tall).transpose(Image.Transpose.ROTATE_90)
            turned.save(tmp_path / f"{number}.jpg", exif=exif, quality=95, subsampling=0)
        Image.fromarray(tall).save(tmp_path / "upright.png")
        spec = spec_of(*load_model(model))
        turned, upright = (prepare(open_image(tmp_path / name), spec) for name in ("0.jpg", "upright.png"))
        assert np.abs(turned.astype(int) - upright).max() < 60
        sideways = prepare(open_image(tmp_path / "0.jpg"), spec, raw=True)
        assert np.abs(sideways.astype(int) - upright).max() > 200
        caplog.clear()
        assert predict(model, *[tmp_path / f"{number}.jpg" for number in range(3)], "--threads", 2).code == 0
        assert [record.getMessage().startswith("photographs are turned") for record in caplog.records] == [True]
        caplog.clear()
        assert predict(model, tmp_path / "0.jpg", "--raw").code == predict(model, tmp_path / "upright.png").code == 0
        assert caplog.records == []

    def test_enormous_sides(self, model: Path, tmp_path: Path) -> None:
        Image.new("L", (1, 7_000_000)).save(tmp_path / "long.ppm")
        refused(predict(model, tmp_path / "long.ppm"), "long.ppm cannot be made the network's: resized from 1 x")


def test_folders(model: Path, numbered: Path) -> None:
    """All images beneath, in natural order; what is hidden or no image by name is left out."""
    photo(numbered / "more" / "3.JPG", GREEN)
    for name in (".4.png", ".hidden/5.png", "notes.txt"):
        (numbered / name).parent.mkdir(exist_ok=True)
        (numbered / name).write_bytes(b"no image")
    names = ["1.png", "2.png", "9.png", "10.png", "more/3.JPG"]
    outcome = predict(model, numbered / "2.png", numbered)
    assert (outcome.code, outcome.err) == (0, "")
    said = [line.partition(": ")[0] for line in outcome.lines]
    assert said == [str(numbered / name) for name in ("2.png", *names)]


def test_the_model_comes_first(model: Path, numbered: Path) -> None:
    for first, kind in ((numbered, "a folder, not a regular file"), (numbered / "2.png", "an image")):
        refused(predict(first, model), f"{first} is {kind}: the model comes first, then the images")


def test_batches(model: Path, numbered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bits in batches of three and one at a time; no more images in memory than a batch."""
    network, info = load_model(model)
    alone = [predict(model, path, "--json").out for path in pictures.images_of([str(numbered)])]
    monkeypatch.setattr(pictures, "_TOGETHER", 3)
    monkeypatch.setattr(pictures, "evaluation_batch", lambda feed: 3)
    batches = list(pictures.read(pictures.images_of([str(numbered)]), spec_of(network, info)))
    assert [len(batch.paths) for batch in batches] == [3, 1] and batches[0].pixels.shape == (3, 3, SIDE, SIDE)
    assert predict(model, numbered, "--json", "--threads", 2).out == "".join(alone)


def test_top(tmp_path: Path, numbered: Path) -> None:
    model = save(tmp_path / "m.pth", ("a", "b", "c", "d"), 4.0)
    path = numbered / "2.png"
    assert predict(model, path, "--top", 1).out == f"{path}: b (94.8%)\n"
    assert predict(model, path).out == predict(model, path, "--top", 3).out
    assert predict(model, path, "--top", 9).lines[0].count("%") == 4
    assert list(json.loads(predict(model, path, "--json", "--top", 2).out)["probabilities"]) == ["b", "a"]
    assert list(json.loads(predict(model, path, "--json").out)["probabilities"]) == ["a", "b", "c", "d"]


class TestBadImages:
    @pytest.fixture
    def folder(self, numbered: Path) -> Path:
        (numbered / "11.jpg").write_bytes(b"")
        (numbered / "12.jpg").write_bytes(b"<html>")
        return numbered

    def test_named_at_the_end(self, model: Path, folder: Path) -> None:
        outcome = predict(model, folder)
        assert len(outcome.lines) == 4
        refused(outcome, "2 of 6 images cannot be used: leave", "11.jpg is empty", "12.jpg is not an image", lines=3)
        one = predict(model, folder / "1.png", folder / "11.jpg")
        refused(one, "11.jpg is empty (0 bytes) (--on-bad-image skip leaves it out)\n")
        assert len(one.lines) == 1
        gone = predict(model, folder / "1.png", folder / "77.jpg")
        refused(gone, "77.jpg: No such file or directory (--on-bad-image skip leaves it out)")

    def test_left_out(self, model: Path, folder: Path) -> None:
        outcome = predict(model, folder, "--on-bad-image", "skip")
        assert (outcome.code, len(outcome.lines)) == (0, 4)
        assert outcome.err.startswith("fastnn: left out 2 of 6 images:\n") and "11.jpg" in outcome.err
        refused(predict(model, folder / "11.jpg", folder / "12.jpg", "--on-bad-image", "skip"), "2 of 2", lines=3)

    def test_many(self, model: Path, tmp_path: Path) -> None:
        for number in range(30):
            (tmp_path / f"{number}.png").write_bytes(b"")
        refused(predict(model, tmp_path), "30 of 30 images", f"{tmp_path}/4.png is empty", "and 25 more", lines=7)

    def test_the_table(self, model: Path, folder: Path, tmp_path: Path) -> None:
        table = tmp_path / "out.csv"
        table.write_text("of an earlier run\n")
        words = (model, folder, "--csv", table, "--id-from-name")
        refused(predict(*words), "12.jpg", f"--on-bad-image skip; {table} was not written", lines=3)
        assert table.read_text() == "of an earlier run\n"
        assert predict(*words, "--on-bad-image", "skip").code == 0
        assert [line.split(",")[0] for line in table.read_text().splitlines()] == ["id", "1", "2", "9", "10"]

    def test_a_folder_without_images(self, model: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty" / "notes.txt").touch()
        refused(predict(model, tmp_path / "empty"), f"there are no images in {tmp_path}/empty. Looked for .jpg")


class TestTable:
    def table(self, *words: Any) -> bytes:
        outcome = predict(*words, "--csv", "-")
        assert (outcome.code, outcome.err) == (0, "")
        return outcome.out.encode()

    def test_kaggle(self, model: Path, numbered: Path, tmp_path: Path) -> None:
        """Byte for byte: e / (1 + e), 1 / (1 + e) and a half as float32 numbers are written."""
        expected = b"id,label\n1,0.26894143\n2,0.7310586\n9,0.7310586\n10,0.5\n"
        path = tmp_path / "out.csv"
        outcome = predict(model, "--csv", path, "--id-from-name", numbered)
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out == f"{path}: 4 images; label: the probability of dog\n"
        assert path.read_bytes() == expected and temporary_files(tmp_path) == []
        assert self.table(model, "--id-from-name", *sorted(numbered.iterdir())) == expected

    def test_clipped(self, tmp_path: Path, numbered: Path) -> None:
        model = save(tmp_path / "sure.pth", weight=1000)
        words = (model, numbered, "--id-from-name")
        assert self.table(*words) == b"id,label\n1,0.0\n2,1.0\n9,1.0\n10,0.5\n"
        clipped = b"id,label\n1,0.005\n2,0.995\n9,0.995\n10,0.5\n"
        assert self.table(*words, "--clip") == clipped
        assert self.table(model, "--id-from-name", "--clip", numbered) == clipped
        assert self.table(model, "--clip", 0.1, 0.4, numbered, "--id-from-name").endswith(b"\n2,0.4\n9,0.4\n10,0.4\n")

    def test_names(self, model: Path, numbered: Path) -> None:
        """The ids are the files' names; one that a spreadsheet would run, or that has a comma in it, does no harm."""
        for name in ("=1+1.png", 'a,"b.png', "two\nlines.png"):
            photo(numbered / name, GREY)
        found = self.table(model, numbered).decode()
        assert found.startswith("id,label\n1.png,0.26894143\n2.png,0.7310586\n9.png,0.7310586\n10.png,0.5\n")
        for row in ("'=1+1.png,0.5\n", '"a,""b.png",0.5\n', "'two\\nlines.png',0.5\n"):
            assert row in found

    def test_more_classes(self, tmp_path: Path, numbered: Path) -> None:
        model = save(tmp_path / "m.pth", ("a", "b,c", "d"), 1000)
        words = (model, numbered, "--id-from-name")
        expected = b'id,a,"b,c",d\n1,1.0,0.0,0.0\n2,0.0,1.0,0.0\n9,0.0,1.0,0.0\n10,0.33333334,0.33333334,0.33333334\n'
        assert self.table(*words) == expected
        assert self.table(*words, "--label", "class") == b'id,label\n1,a\n2,"b,c"\n9,"b,c"\n10,a\n'

    def test_one_output_that_tells_two_classes(self, tmp_path: Path, numbered: Path) -> None:
        network = fastnn.Network(3 * SIDE * SIDE, 1)
        network.layer1.weight._data[...] = 0
        network.layer1.bias._data[...] = 1
        network.save(tmp_path / "m.pth", classes=["cat", "dog"], outputs="sigmoid", **CROPPED)
        assert self.table(tmp_path / "m.pth", numbered / "1.png", "--id-from-name") == b"id,label\n1,0.7310586\n"

    def test_numbers(self, tmp_path: Path, numbered: Path) -> None:
        words = (numbered, "--csv", tmp_path / "x.csv")
        refused(predict(save(tmp_path / "m.pth", outputs="numbers"), *words), "no probabilities: --label class writes")
        fastnn.Network(3 * SIDE * SIDE, 2).save(tmp_path / "n.pth", outputs="numbers", **CROPPED)
        refused(predict(tmp_path / "n.pth", *words), "it tells no classes for --csv. --json gives them")
        refused(predict(save(tmp_path / "nan.pth", weight=np.nan), *words), "the network gives nan for the image 1.png")
        assert not (tmp_path / "x.csv").exists()

    def test_ids_that_are_none(self, model: Path, numbered: Path, tmp_path: Path) -> None:
        words = (model, numbered, "--csv", tmp_path / "x.csv")
        photo(numbered / "photo.png", GREY)
        refused(predict(*words, "--id-from-name"), f"1 of 5 images have no number at the end of their name, the first is {numbered}/photo.png")  # fmt: skip  # noqa: E501
        (numbered / "photo.png").unlink()
        photo(numbered / "01.png", GREY)
        refused(predict(*words, "--id-from-name"), f"{numbered}/01.png and {numbered}/1.png have the same id, 1: leave")
        assert predict(*words).code == 0
        photo(numbered / "more" / "1.png", GREY)
        refused(predict(*words), f"{numbered}/1.png and {numbered}/more/1.png have the same id, 1.png")

    def test_options_that_do_not_go_together(self, model: Path, numbered: Path, tmp_path: Path) -> None:
        for words, said in (
            (("--id-from-name",), "--id-from-name is of the table that --csv FILE writes"),
            (("--clip",), "--clip is of the table"),
            (("--label", "class"), "--label is of the table"),
            (("--csv", "x", "--json"), "not allowed with"),
            (("--csv", "x", "--clip", 0.9, 0.1), "--clip is 0.9 0.1: the first must be less"),
            (("--csv", "x", "--clip", 0.9), f"'{numbered}' is no number from 0 to 1"),
            (("--csv", "x", "--clip", 0.5, "nan"), "'nan' is no number from 0 to 1"),
            (("--csv", "x", "--clip", "--label", "class"), "--label class writes none"),
            (("--csv", tmp_path / "no" / "x.csv"), "there is no folder"),
            (("--csv", model), "is the model itself: the table would replace it"),
            (("--csv", numbered / "1.png"), "is an image: the table would replace it"),
        ):
            refused(predict(model, *words, numbered), said)
        assert load_model(model) and labels(model, numbered / "1.png") == {"1.png": "cat"}
        assert not os.path.exists("x")


def test_a_file_that_does_not_tell_its_network(numbered: Path, tmp_path: Path) -> None:
    """Of the usual images of the network that is named."""
    model = models.create("lenet", (3, 64, 64), 2)
    io.save_pth(tmp_path / "m.pth", {name: each.numpy() for name, each in model.state_dict().items()})
    refused(predict(tmp_path / "m.pth", numbered), "--model")
    named = predict(tmp_path / "m.pth", numbered, "--model", "lenet")
    assert named.code == 0 and len(named.lines) == 4 and "Assumed: " in named.err
    refused(predict(tmp_path / "m.pth", numbered, "--model", "small_cnn"), "is no small_cnn")
