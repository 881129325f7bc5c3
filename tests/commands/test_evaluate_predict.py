"""Saved networks at work: evaluate repeats the test of the run, predict tells any image's class."""

from __future__ import annotations

import json
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digit_photos import PHOTOS, in_a_corner, scan, write_photos
from fastnn import _core, io
from fastnn.data.idx import read_idx
from fastnn.training.model_files import load_model
from fastnn.training.preparation import prepare, spec_of
from job_runs import call, run, train_json
from PIL import Image
from small_data import idx_bytes, write_class

DIGITS = "0123456789"


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 training and 200 test digits as IDX files, beside them ``model.pth`` trained on them."""
    folder = tmp_path_factory.mktemp("digits")
    images, labels = _core.draw_digits(7, 0, 2200)
    for split, rows in (("train", slice(2000)), ("t10k", slice(2000, 2200))):
        (folder / f"{split}-images-idx3-ubyte").write_bytes(idx_bytes(images[rows]))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx_bytes(labels[rows]))
    found = train_json("--data", folder, "--epochs", 8, cwd=folder, here=True)
    assert found["test_correct"] >= 150
    return folder


def evaluate(*words: Any) -> dict[str, Any]:
    """The JSON of an evaluation."""
    path = Path(words[0]).with_suffix(".json")
    outcome = call(*words, "--json", path, module="fastnn.evaluate")
    assert outcome.code == 0, outcome.err
    return json.loads(path.read_text()) | {"lines": outcome.lines}


def predict(*words: Any) -> list[dict[str, Any]]:
    """What is said of each image, as JSON."""
    outcome = call(*words, "--json", module="fastnn.predict")
    assert outcome.code == 0, outcome.err
    return [json.loads(line) for line in outcome.lines]


def check_agreement(model: Path, data: Path, folder: Path) -> None:
    """Every test image, as a PNG file of its own, is told as the same class as in the evaluation."""
    images, labels = (read_idx(next(data.glob(f"t10k-{kind}*"))) for kind in ("images", "labels"))
    paths = [folder / f"{i}.png" for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    said = [one["index"] for one in predict(model, *paths)]
    found = evaluate(model, "--data", data, "--wrong", folder / "wrong.txt")
    assert np.flatnonzero(said != labels).tolist() == found["wrong"]
    wrong = re.findall(r"predict = (\d) y = (\d) img_path = \S+\[(\d+)\]", (folder / "wrong.txt").read_text())
    assert [(int(i), int(p), int(y)) for p, y, i in wrong] == [(i, said[i], labels[i]) for i in found["wrong"]]
    assert found["test_total"] - found["test_correct"] == len(wrong) > 0


def test_evaluate_repeats_the_test_of_the_run(digits: Path, tmp_path: Path) -> None:
    words = ("--data", digits, "--epochs", 1, "--out", tmp_path / "net.safetensors", "--json", tmp_path / "run.json")
    trained = call(*words)
    found = evaluate(tmp_path / "net.safetensors", "--data", digits, "--wrong", tmp_path / "wrong.txt")
    run_json = json.loads((tmp_path / "run.json").read_text())
    for name in ("test_correct", "test_total", "parameters_sha256"):
        assert found[name] == run_json[name]
    assert (tmp_path / "wrong.txt").read_bytes() == (tmp_path / "net.safetensors.wrong.txt").read_bytes()
    start = trained.lines.index("test_dataset length: 200")
    lines = [line for line in found["lines"] if not line.startswith("accuracy of ")]
    assert lines[:-2] == trained.lines[start:-2] and len(lines) == len(found["lines"]) - 10
    assert found["lines"][-1] == trained.accuracy


def test_predict_agrees_with_evaluate(digits: Path, tmp_path: Path) -> None:
    check_agreement(digits / "model.pth", digits, tmp_path)


@pytest.mark.slow
def test_predict_agrees_with_evaluate_on_all_of_mnist(mnist: Path, tmp_path: Path) -> None:
    train_json("--data", mnist, "--epochs", 1, cwd=tmp_path)
    check_agreement(tmp_path / "model.pth", mnist, tmp_path)


@pytest.mark.parametrize("take", PHOTOS, ids=lambda take: take.__name__)
def test_photos(take: Callable, digits: Path, tmp_path: Path) -> None:
    """40 digits in every form: at least 38 are told as they are from their own pixels."""
    images, _ = _core.draw_digits(7, 2000, 40)
    model = digits / "model.pth"
    network, info = load_model(model)
    expected = network.predict_classes(spec_of(network, info).inputs(images[:, None]))
    said = [one["index"] for one in predict(model, *write_photos(take, images, tmp_path))]
    assert np.count_nonzero(said == expected) >= 38


def test_a_camera_held_sideways(digits: Path, tmp_path: Path) -> None:
    images, _ = _core.draw_digits(7, 2000, 10)
    upright, turned = tmp_path / "upright.jpg", tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to look at it
    for digit in images:
        scan(digit).save(upright)
        scan(digit).transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif)
        first, second = predict(digits / "model.pth", upright, turned)
        assert first["index"] == second["index"]


def test_what_is_prepared_is_a_digit_of_mnist(digits: Path) -> None:
    """Its box is 20 pixels long, its centre of mass in the middle, its paper black."""
    spec = spec_of(*load_model(digits / "model.pth"))
    for digit in _core.draw_digits(7, 2000, 20)[0]:
        pixels = prepare(in_a_corner(digit), spec)[0].astype(int)
        rows, columns = np.nonzero(pixels)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
        for axis, where in ((1, rows), (0, columns)):
            middle = (pixels.sum(axis) * np.arange(28)).sum() / pixels.sum()
            at_the_edge = where.min() == 0 or where.max() == 27
            assert abs(middle - 13.5) <= 0.51 or at_the_edge
    for empty in (255, 0, 128):
        assert not prepare(Image.new("L", (300, 200), empty), spec).any()


def test_raw_only_scales(digits: Path, tmp_path: Path) -> None:
    spec = spec_of(*load_model(digits / "model.pth"))
    photo = scan(_core.draw_digits(7, 2003, 1)[0][0])
    expected = np.asarray(photo.resize((28, 28), Image.Resampling.BILINEAR))
    assert np.array_equal(prepare(photo, spec, raw=True)[0], expected)
    photo.save(tmp_path / "photo.png")
    words = (digits / "model.pth", tmp_path / "photo.png")
    assert predict(*words, "--raw")[0]["probabilities"] != predict(*words)[0]["probabilities"]


def test_the_words_of_predict(digits: Path, tmp_path: Path) -> None:
    Image.fromarray(_core.draw_digits(7, 2000, 1)[0][0]).save(tmp_path / "a.png")
    path = tmp_path / "a.png"
    (said,) = predict(digits / "model.pth", path)
    assert (said["image"], said["label"]) == (str(path), str(said["index"]))
    assert list(said["probabilities"]) == list(DIGITS)
    assert sum(said["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    ranked = sorted(said["probabilities"].items(), key=lambda item: -item[1])
    (best, p), (second, q), (third, r) = ranked[:3]
    outcome = call(digits / "model.pth", path, path, module="fastnn.predict")
    assert outcome.lines == [f"{path}: {best} ({p:.1%}; then {second} {q:.1%}, {third} {r:.1%})"] * 2


def test_as_processes(digits: Path, tmp_path: Path) -> None:
    Image.fromarray(_core.draw_digits(7, 2000, 1)[0][0]).save(tmp_path / "a.png")
    said = run(digits / "model.pth", "a.png", cwd=tmp_path, module="fastnn.predict")
    assert (said.code, said.err, said.out[:7]) == (0, "", "a.png: ")
    tested = run("evaluate", digits / "model.pth", "--data", digits, "--quiet", cwd=tmp_path, module="fastnn")
    assert (tested.code, tested.err) == (0, "")
    assert re.fullmatch(r"test accuracy = \d+ / 200 = 0\.\d{3}\n", tested.out)


def test_a_network_of_other_things(small: Callable, tree: Path, tmp_path: Path) -> None:
    """No digits: images are only scaled, and called by the names of their folders."""
    train_json(*small("--epochs", 6), cwd=tmp_path, here=True)
    write_class(tmp_path, 1, 3, 1, 8)
    Image.open(tmp_path / "000.png").convert("RGB").resize((16, 16), 0).save(tmp_path / "big.png")
    said = predict(
        tmp_path / "model.pth", tree / "test" / "cat" / "000.png", tmp_path / "000.png", tmp_path / "big.png"
    )
    assert [one["label"] for one in said] == ["cat", "dog", "dog"]
    assert list(said[0]["probabilities"]) == ["cat", "dog", "emu"]


class TestForeignFiles:
    """Files that say nothing but their parameters."""

    @pytest.fixture
    def state(self, digits: Path) -> OrderedDict[str, np.ndarray]:
        return OrderedDict(io.load_pth(digits / "model.pth")[0])

    @pytest.mark.parametrize("wrapped", [None, "state_dict", "model_state_dict", "model", "net"])
    def test_without_our_description(
        self, wrapped: str | None, state: OrderedDict, digits: Path, tmp_path: Path
    ) -> None:
        renamed = OrderedDict(zip(("fc1.weight", "fc1.bias", "out.weight", "out.bias"), state.values(), strict=True))
        io.save_pth(tmp_path / "plain.pth", {"epoch": 3, wrapped: renamed} if wrapped else renamed)
        assert load_model(tmp_path / "plain.pth")[1].classes == []
        ours = evaluate(digits / "model.pth", "--data", digits)
        found = evaluate(tmp_path / "plain.pth", "--data", digits)
        assert found["wrong"] == ours["wrong"]
        check_agreement(tmp_path / "plain.pth", digits, tmp_path)

    def test_of_torch(self, digits: Path, tmp_path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch = pytest.importorskip("torch")
        torch.manual_seed(0)
        layers = [torch.nn.Linear(784, 30), torch.nn.ReLU(), torch.nn.Linear(30, 20), torch.nn.ReLU()]
        model = torch.nn.Sequential(torch.nn.Flatten(), *layers, torch.nn.Linear(20, 10, bias=False))
        torch.save(model.state_dict(), tmp_path / "torch.pth")
        images, labels = (read_idx(digits / f"t10k-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
        with torch.no_grad():
            expected = model(torch.from_numpy(images / np.float32(255))).argmax(1).numpy()
        found = evaluate(tmp_path / "torch.pth", "--data", digits)
        assert found["wrong"] == np.flatnonzero(expected != labels).tolist()


def test_other_classes_are_refused(small: Callable, digits: Path, tree: Path, tmp_path: Path) -> None:
    train_json(*small("--epochs", 1), cwd=tmp_path, here=True)
    for names in (("cat", "dog"), ("cat", "cow", "emu"), tuple(DIGITS)):
        folder = tmp_path / "-".join(names)
        for label, name in enumerate(names):
            write_class(folder / name, label % 3, 3, 1, 8)
        outcome = call(tmp_path / "model.pth", "--data", folder, module="fastnn.evaluate")
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        known = f"the network knows the classes ['cat', 'dog', 'emu'], the data has {list(names)}"
        assert known in outcome.err
    assert call(tmp_path / "model.pth", "--data", tree, "--quiet", module="fastnn.evaluate").code == 0
