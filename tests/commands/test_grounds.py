"""predict and evaluate agree: the model file tells how its training images look, and both follow it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import _core, io, transforms
from fastnn.data.look import look_of
from fastnn.datasets import ImageFolder
from fastnn.training.model_files import load_model
from fastnn.training.preparation import spec_of
from fastnn.utils.data import DataLoader
from job_runs import call
from PIL import Image

TRAIN, TEST = 400, 60
DRAWN, LABELS = _core.draw_digits(11, 0, TRAIN + TEST)


def as_is(digit: np.ndarray) -> Image.Image:
    return Image.fromarray(digit)


def on_white(digit: np.ndarray) -> Image.Image:
    return Image.fromarray(255 - digit)


def on_either(digit: np.ndarray) -> Image.Image:
    """On dark or on light, as the digit has it."""
    return as_is(digit) if int(digit.sum()) % 2 else on_white(digit)


def large(digit: np.ndarray) -> Image.Image:
    """Three times as large, in a corner of a sheet: no frame of MNIST's."""
    sheet = Image.new("L", (100, 110), 255)
    sheet.paste(on_white(digit).resize((84, 84)), (0, 20))
    return sheet


def colour(digit: np.ndarray) -> Image.Image:
    return Image.merge("RGB", [as_is(digit), as_is(digit // 2), as_is(digit // 3)])


def uneven(digit: np.ndarray) -> Image.Image:
    """Pushed into a corner, without MNIST's frame."""
    return Image.fromarray(255 - np.roll(digit, (-4, 5), axis=(0, 1)))


def small(digit: np.ndarray) -> Image.Image:
    return on_white(digit).resize((20, 20))


# (what the images are, more words for the training, its input size)
KINDS: dict[str, tuple[Callable, tuple[str, ...], int]] = {
    "dark": (as_is, (), 784),
    "light": (on_white, (), 784),
    "mixed": (on_either, (), 784),
    "resized": (large, ("--resize", "28x28"), 784),
    "colour": (colour, (), 784),
    "not centred": (uneven, (), 784),
    "small": (small, (), 400),
    "binary cross-entropy": (on_white, ("--loss", "bce_with_logits"), 784),
    "squares": (on_white, ("--loss", "mse"), 784),
}
DIGITS, LETTERS = "0123456789", "abcdefghij"


def write(make: Callable, folder: Path, rows: range, names: str) -> None:
    for row in rows:
        path = folder / names[LABELS[row]]
        path.mkdir(parents=True, exist_ok=True)
        make(DRAWN[row]).save(path / f"{row}.png")


def wrong_in(model: Path, data: Path) -> tuple[set[str], str]:
    """The files that an evaluation gets wrong, and what it says beside."""
    wrong = model.with_suffix(".wrong")
    outcome = call(model, "--data", data, "--wrong", wrong, module="fastnn.evaluate")
    assert outcome.code == 0, outcome.err
    lines = wrong.read_text().splitlines() if wrong.exists() else []
    return {line.split("img_path = ")[1] for line in lines}, outcome.err


def told(model: Path, *paths: Path, words: tuple = ()) -> tuple[list[dict[str, Any]], str]:
    outcome = call(model, *paths, "--json", *words, module="fastnn.predict")
    assert outcome.code == 0, outcome.err
    return [json.loads(line) for line in outcome.lines], outcome.err


def check_agreement(model: Path, data: Path, *, good: float = 0.5) -> str:
    """Each file's class is right in both or in neither; what both say beside."""
    paths = sorted((data / "test").rglob("*.png"))
    answers, said = told(model, *paths)
    wrong, said_too = wrong_in(model, data)
    assert {str(path) for path, one in zip(paths, answers, strict=True) if one["label"] != path.parent.name} == wrong
    assert len(wrong) < (1 - good) * len(paths)
    return said + said_too


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[Path, Path]]:
    """(model, data) of a kind of images, with class names."""
    made: dict[tuple[str, str], tuple[Path, Path]] = {}

    def train(kind: str, names: str) -> tuple[Path, Path]:
        if (kind, names) not in made:
            folder = tmp_path_factory.mktemp("kind")
            make, words, inputs = KINDS[kind]
            write(make, folder / "data" / "train", range(TRAIN), names)
            write(make, folder / "data" / "test", range(TRAIN, TRAIN + TEST), names)
            model = folder / "m.pth"
            given = ("--data", folder / "data", "--arch", f"{inputs}-64-10", "--epochs", 25, "--out", model, "--quiet")
            outcome = call(*given, *words)
            assert outcome.code == 0, outcome.err
            made[kind, names] = model, folder / "data"
        return made[kind, names]

    return train


@pytest.mark.parametrize("names", [DIGITS, LETTERS])
@pytest.mark.parametrize("kind", KINDS)
def test_predict_and_evaluate_agree(kind: str, names: str, trained: Callable) -> None:
    """On files like those of the training, whatever the classes are called; the file leaves nothing to assume."""
    assert check_agreement(*trained(kind, names)) == ""


@pytest.mark.parametrize(("kind", "other"), [("dark", on_white), ("light", as_is), ("dark", large), ("light", large)])
def test_other_grounds_and_sizes_are_prepared(kind: str, other: Callable, trained: Callable, tmp_path: Path) -> None:
    """Photos of digits become what the network was trained on, on its ground: in both, and evaluate says so."""
    model, _ = trained(kind, DIGITS)
    write(other, tmp_path / "data" / "test", range(TRAIN, TRAIN + TEST), DIGITS)
    (tmp_path / "data" / "train").symlink_to(tmp_path / "data" / "test")
    said = check_agreement(model, tmp_path / "data", good=0.4)
    assert f"not like those of the training (28x28 on a {kind} ground): prepared as photos" in said


def test_another_ground_that_cannot_be_prepared_is_said(trained: Callable, tmp_path: Path) -> None:
    model, _ = trained("small", DIGITS)
    write(lambda digit: as_is(digit).resize((20, 20)), tmp_path / "data" / "test", range(TRAIN, TRAIN + 20), DIGITS)
    said = "images are on a dark ground, the network was trained on a light one"
    assert said in wrong_in(model, tmp_path / "data" / "test")[1]
    assert said in told(model, next((tmp_path / "data" / "test").rglob("*.png")))[1]
    write(as_is, tmp_path / "large" / "test", range(TRAIN, TRAIN + 20), DIGITS)
    assert said in wrong_in(model, tmp_path / "large" / "test")[1]  # once they have the network's size too


def test_what_the_file_tells(trained: Callable) -> None:
    kinds = {
        "dark": ("dark", "mnist"),
        "light": ("light", "mnist"),
        "mixed": ("mixed", "scaled"),
        "resized": ("light", "scaled"),
        "not centred": ("light", "scaled"),
    }
    for kind, expected in kinds.items():
        info = load_model(trained(kind, DIGITS)[0])[1]
        assert (info.ground, info.preparation) == expected
        assert (info.input_shape, info.mean, info.outputs, info.loss) == (
            (1, 28, 28),
            None,
            "softmax",
            "CrossEntropyLoss",
        )


def test_looks() -> None:
    assert look_of(DRAWN[:, None]) == ("dark", True)
    assert look_of(255 - DRAWN[:, None]) == ("light", True)
    assert look_of(np.roll(DRAWN, 6, axis=2)[:, None]).framed is False
    assert look_of(np.repeat(DRAWN[:, None], 3, axis=1)) == ("dark", False)
    assert look_of(DRAWN[:, None, ::2, ::2]) == ("dark", False)
    odd = DRAWN[:100, None].copy()
    odd[:4] = 255 - odd[:4]
    assert look_of(odd).ground == "dark"
    odd[:6] = 255 - DRAWN[:6, None]
    assert look_of(odd) == ("mixed", False)
    assert look_of(np.zeros((1, 1, 28, 28), np.uint8)) == ("dark", False)


@pytest.fixture(scope="module")
def light_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("python")
    write(on_white, folder / "train", range(TRAIN), DIGITS)
    write(on_white, folder / "test", range(TRAIN, TRAIN + TEST), DIGITS)
    return folder


class TestFitsInPython:
    """Network.fit remembers as the command does; save() passes it on."""

    @pytest.mark.parametrize("mean", [None, 0.8])
    @pytest.mark.parametrize("loaded", [False, True])
    def test_a_data_set(self, loaded: bool, mean: float | None, light_digits: Path, tmp_path: Path) -> None:
        steps = [transforms.Grayscale(), transforms.ToTensor()]
        steps += [transforms.Normalize((mean,), (0.3,))] if mean else []
        train = ImageFolder(light_digits / "train", transforms.Compose(steps))
        fastnn.manual_seed(0)  # at some initial weights nearly all units die on these light grounds
        network = fastnn.Network(784, 32, 10)
        network.fit(DataLoader(train, 64, shuffle=True) if loaded else train, epochs=50, verbose=0, seed=1)
        network.save(tmp_path / "m.pth")
        info = load_model(tmp_path / "m.pth")[1]
        assert (info.mean, info.std) == (([mean], [0.3]) if mean else (None, None))
        assert (info.classes, info.ground) == (list(DIGITS), "light")
        assert check_agreement(tmp_path / "m.pth", light_digits) == ""

    def test_names_of_classes_with_a_transform_of_ones_own(self, light_digits: Path, tmp_path: Path) -> None:
        steps = [transforms.Grayscale(), transforms.ToTensor(), transforms.Lambda(lambda x: 1 - x)]
        own, shifted = ({}, list(DIGITS)), ({"target_transform": lambda label: 9 - label}, [])
        for options, classes in (own, shifted):
            network = fastnn.Network(784, 10)
            network.fit(ImageFolder(light_digits / "test", transforms.Compose(steps), **options), epochs=1, verbose=0)
            network.save(tmp_path / "m.pth")
            assert load_model(tmp_path / "m.pth")[1].classes == classes

    @pytest.mark.parametrize(("make", "scale"), [(on_white, 1), (as_is, 255)])
    def test_arrays(self, make: Callable, scale: int, tmp_path: Path) -> None:
        """Flat rows of pixels, scaled or not."""
        write(make, tmp_path / "test", range(TRAIN, TRAIN + TEST), DIGITS)
        (tmp_path / "train").symlink_to(tmp_path / "test")
        network = fastnn.Network(784, 32, 10)
        x = np.stack([np.asarray(make(digit)) for digit in DRAWN[:TRAIN]]).reshape(TRAIN, 784)
        x = x.astype(np.float32) * np.float32(scale) / 255
        network.fit((x, LABELS[:TRAIN]), epochs=50, lr=2e-3 if scale == 1 else 1e-4, verbose=0, seed=1)
        network.save(tmp_path / "m.pth")
        assert check_agreement(tmp_path / "m.pth", tmp_path, good=0.3) == ""

    def test_a_normalisation_that_nobody_told(self, tmp_path: Path) -> None:
        network = fastnn.Network(784, 10)
        x = DRAWN[:TRAIN].reshape(TRAIN, 784) / 255
        network.fit((((x - 0.13) / 0.31).astype(np.float32), LABELS[:TRAIN]), epochs=1, verbose=0)
        network.save(tmp_path / "m.pth")
        as_is(DRAWN[0]).save(tmp_path / "x.png")
        said = told(tmp_path / "m.pth", tmp_path / "x.png")[1]
        assert "pixels from 0 to 1, though it was trained on numbers from -0.41" in said


def test_what_is_assumed_is_said(trained: Callable, tmp_path: Path) -> None:
    """Of a state_dict: of its layers, its outputs, its images, their normalisation; once, on the error stream."""
    model, data = trained("dark", DIGITS)
    io.save_pth(tmp_path / "plain.pth", io.load_pth(model)[0])
    said = check_agreement(tmp_path / "plain.pth", data).splitlines()
    assert len(said) == 2 and said[0] == said[1]
    for part in (
        f"{tmp_path}/plain.pth does not tell all of its network. Assumed: ",
        "its layers: ReLU between them",
        "its outputs: scores of classes (softmax)",
        "its images: 28x28, grey",
        "light digits on dark, as MNIST's (predict --raw: only scaled)",
        "pixels from 0 to 1, not normalised",
    ):
        assert part in said[0]


@pytest.mark.parametrize(("kind", "total"), [("dark", 1.0), ("binary cross-entropy", None), ("squares", None)])
def test_probabilities_are_those_of_the_loss(kind: str, total: float | None, trained: Callable, tmp_path: Path) -> None:
    """As Network.predict has them; numbers are not called probabilities, on the page neither."""
    model, data = trained(kind, DIGITS)
    path = next((data / "test").rglob("*.png"))
    (answer,), _ = told(model, path)
    name = "outputs" if kind == "squares" else "probabilities"
    network, info = load_model(model)
    pixels = np.asarray(Image.open(path))[None, None]
    expected = network.predict(spec_of(network, info).inputs(pixels))[0]
    assert list(answer[name].values()) == expected.tolist()
    assert (abs(sum(expected) - 1) < 1e-5) == (total is not None)
    text = call(model, path, module="fastnn.predict").lines[0]
    assert (" (" in text) and ("%" in text) == (kind != "squares")
    page = tmp_path / "r.html"
    assert call(model, "--data", data, "--html", page, module="fastnn.report").code == 0
    cases = page.read_text().split('class="cases"')[1]
    assert ("%</td>" in cases) == (kind != "squares")


def test_numbers_of_images(tmp_path: Path) -> None:
    """A regression: predict gives its numbers, evaluate and report say that there are no classes."""
    x = DRAWN[:100].reshape(100, 784).astype(np.float32) / 255
    y = x.mean(axis=1, keepdims=True) * [[1, -2]]
    network = fastnn.Network(784, 2)
    network.fit((x, y.astype(np.float32)), loss="mse", epochs=5, verbose=0)
    network.save(tmp_path / "m.pth")
    as_is(DRAWN[0]).save(tmp_path / "x.png")
    (answer,), _ = told(tmp_path / "m.pth", tmp_path / "x.png")
    assert np.allclose(answer["outputs"], network.predict(x[:1])[0], rtol=1e-6)
    line = call(tmp_path / "m.pth", tmp_path / "x.png", module="fastnn.predict").lines[0]
    assert line == f"{tmp_path}/x.png: " + ", ".join(f"{value:.6g}" for value in answer["outputs"])
    write(as_is, tmp_path / "data", range(10), DIGITS)
    for module in ("fastnn.evaluate", "fastnn.report"):
        outcome = call(tmp_path / "m.pth", "--data", tmp_path / "data", module=module)
        assert outcome.code == 2 and "trained to give numbers (2): it tells no classes apart" in outcome.err


def test_one_output_that_tells_two_classes(tmp_path: Path) -> None:
    x, light = DRAWN[:100] / np.float32(255), np.arange(100) % 2
    x[light == 1] = 1 - x[light == 1]
    network = fastnn.Network(784, 1)
    network.fit((x, light[:, None].astype(np.float32)), loss="bce_with_logits", epochs=30, verbose=0)
    network.save(tmp_path / "m.pth", classes=["dark", "light"])
    for name, make in {"dark": as_is, "light": on_white}.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        for row in range(5):
            make(DRAWN[200 + row]).save(tmp_path / "data" / name / f"{row}.png")
    wrong, said = wrong_in(tmp_path / "m.pth", tmp_path / "data")
    assert (wrong, said) == (set(), "")
    answers, _ = told(tmp_path / "m.pth", tmp_path / "data" / "light" / "0.png", tmp_path / "data" / "dark" / "1.png")
    assert [one["label"] for one in answers] == ["light", "dark"]
    assert all(abs(sum(one["probabilities"].values()) - 1) < 1e-6 for one in answers)
    assert (
        call(
            tmp_path / "m.pth", "--data", tmp_path / "data", "--html", tmp_path / "r.html", module="fastnn.report"
        ).code
        == 0
    )
