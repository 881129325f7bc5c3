"""The page of ``fastnn report``: sound HTML that nothing breaks out of, and the numbers of an evaluation."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import io, models
from fastnn.data.idx import read_idx
from fastnn.html.markup import tag
from fastnn.reporting.findings import Findings, wilson
from fastnn.reporting.page import percent
from fastnn.training.model_files import load_model
from fastnn.training.trained_on import square
from job_runs import Outcome, call, refused, temporary_files, train_json
from page_tree import HOSTILE, Node, parse, pixels
from PIL import Image
from small_data import idx_bytes, write_class

IDX = ("images-idx3-ubyte", "labels-idx1-ubyte")


def report(*words: Any) -> Outcome:
    return call(*words, module="fastnn.report")


def page_of(model: Path, data: Path, *words: Any) -> Node:
    """The page of a report that must succeed."""
    path = model.with_suffix(".html")
    outcome = report(model, "--data", data, "--html", path, *words)
    assert (outcome.code, outcome.err) == (0, "")
    assert len(outcome.lines) == 1 and temporary_files(path.parent) == []
    return parse(path)


def matrix(page: Node) -> np.ndarray:
    rows = page.one("table", class_="confusion").one("tbody").all("tr")
    return np.array([[int(cell.text) for cell in row.all("td")] for row in rows])


def save_constant(path: Path, sizes: tuple[int, ...], bias: list[float], **info: Any) -> Path:
    """A network that says the same of every image."""
    network = fastnn.Network(*sizes)
    last = list(network.children())[-1]
    last.weight._data[...] = 0
    last.bias._data[...] = bias
    network.save(path, **{"input_shape": square(sizes[0]), "preparation": "scaled", **info})
    return path


@pytest.fixture(scope="module")
def trained(idx_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with its state beside it, trained on data that has wrong labels in its test half."""
    folder = tmp_path_factory.mktemp("trained")
    train_json("--data", idx_folder, "--epochs", 3, "--checkpoint-every", 4, cwd=folder, here=True)
    return folder / "model.pth"


@pytest.fixture(scope="module")
def page(trained: Path, idx_folder: Path) -> Node:
    return page_of(trained, idx_folder)


@pytest.fixture(scope="module")
def found(trained: Path, idx_folder: Path) -> dict[str, Any]:
    """What an evaluation says."""
    path = trained.with_name("evaluation.json")
    call(trained, "--data", idx_folder, "--json", path, "--quiet", module="fastnn.evaluate")
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def labels(idx_folder: Path) -> np.ndarray:
    return read_idx(idx_folder / "t10k-labels-idx1-ubyte")


class TestNumbers:
    def test_summary(self, page: Node, found: dict[str, Any]) -> None:
        right, total = found["test_correct"], found["test_total"]
        assert page.one("p", class_="accuracy").text == f"{right} / {total} = {100 * right / total:.2f} %"
        facts = dict(zip(page.all("dt"), page.all("dd"), strict=True))
        said = {name.text: value.text for name, value in facts.items()}
        assert (said["Architecture"], said["Parameters"]) == ("784-256-10", "203,530")
        assert "60 images of 28 \N{MULTIPLICATION SIGN} 28, 10 classes" in said["Data"]
        assert found["parameters_sha256"] in page.one("footer").text

    def test_confusion(self, page: Node, found: dict[str, Any], labels: np.ndarray) -> None:
        counts = matrix(page)
        assert counts.sum() == found["test_total"]
        assert counts.trace() == found["test_correct"]
        assert counts.sum(axis=1).tolist() == np.bincount(labels, minlength=10).tolist()
        for button in page.all("button", type="button"):
            if "data-cell" not in button.attributes:
                continue
            y, p = map(int, button.attributes["data-cell"].split("-"))
            assert y != p and int(button.text) == counts[y, p] > 0
            assert button.attributes["aria-label"] == f"actual {y}, predicted {p}: {counts[y, p]}"
            assert "disabled" in button.attributes  # the script enables it
            assert len(page.all("li", data_cell=f"{y}-{p}")) == counts[y, p]

    def test_classes(self, page: Node) -> None:
        counts = matrix(page)
        rows = page.one("section", id="classes").one("tbody").all("tr")
        for label, row in enumerate(rows):
            hit, samples, said = counts[label, label], counts[label].sum(), counts[:, label].sum()
            precision = f"{hit / said:.4f}" if said else "\N{EN DASH}"
            expected = [str(samples), precision, f"{hit / samples:.4f}", f"{2 * hit / (samples + said):.4f}"]
            assert [cell.text for cell in row.all("td")] == expected
        assert len(rows) == 10

    def test_wrong_cases(
        self, page: Node, found: dict[str, Any], labels: np.ndarray, trained: Path, idx_folder: Path
    ) -> None:
        images = read_idx(idx_folder / "t10k-images-idx3-ubyte")
        probabilities = load_model(trained)[0].predict(images[:, None] / np.float32(255))
        cases, confidences = page.all("li", class_="case"), []
        rows = [
            int(re.fullmatch(r"t10k-images-idx3-ubyte\[(\d+)\]", c.one("bdi", class_="path").text)[1]) for c in cases
        ]
        assert sorted(rows) == found["wrong"] != []
        for row, case in zip(rows, cases, strict=True):
            assert np.array_equal(pixels(case.one("img")), images[row])
            best = probabilities[row].argmax()
            assert case.has("data-cell", f"{labels[row]}-{best}")
            assert case.one("p").text == f"{labels[row]} taken for {best}"
            confidences.append(probabilities[row, best])
            self.check_bars(case, probabilities[row], labels[row])
        assert confidences == sorted(confidences, reverse=True)

    @staticmethod
    def check_bars(case: Node, probabilities: np.ndarray, label: int) -> None:
        """The three most probable classes, and the right one if it is none of them."""
        shown = [int(node.text) for node in case.all("th")]
        assert shown[:3] == np.argsort(-probabilities)[:3].tolist()
        assert set(shown[3:]) == {label} - set(shown[:3])
        for k, rect, cell in zip(shown, case.all("rect"), case.all("td")[1::2], strict=True):
            share = 100 * probabilities[k]
            assert rect.attributes["width"] == f"{share:.1f}%"
            assert cell.text == ("< 0.1 %" if share < 0.05 else f"{share:.1f} %")

    def test_the_line(self, trained: Path, idx_folder: Path, found: dict[str, Any], tmp_path: Path) -> None:
        path = tmp_path / "report.html"
        outcome = report(trained, "--data", idx_folder, "--html", path)
        right, wrong = found["test_correct"], len(found["wrong"])
        assert outcome.out == f"report: {path} ({right} / 60 right, {wrong} wrong cases)\n"
        first = path.read_bytes()
        assert report(trained, "--data", idx_folder, "--html", path, "--quiet").out == ""
        assert path.read_bytes() == first


def test_wilson() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I, method 3."""
    for (correct, total), expected in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert wilson(correct, total) == pytest.approx(expected, abs=5e-5)
    assert wilson(20, 20)[1] == 1


def test_percent() -> None:
    assert [percent(9803, 10000), percent(0, 7), percent(7, 7)] == ["98.03 %", "0.00 %", "100.00 %"]
    assert percent(59_999, 60_000) == "99.998 %"


def test_the_class_is_that_of_the_outputs() -> None:
    """Two outputs whose probabilities round to the same number."""
    found = Findings(np.array([[1e-9, 2e-9]], dtype=np.float32), np.array([1]))
    assert found.values[0, 0] == found.values[0, 1]
    assert found.correct == 1


class TestCurves:
    def test_of_the_state(self, page: Node, trained: Path) -> None:
        history = io.load_state(f"{trained}.state")[1]["history"]
        training = page.one("section", id="training")
        assert len(training.all("svg", role="img")) == len({name.removeprefix("val_") for name in history})
        points = training.all("polyline")[0].attributes["points"].split()
        x, y = zip(*(map(float, point.split(",")) for point in points), strict=True)
        assert len(points) == len(history["loss"]) == 3 and list(x) == sorted(x)
        assert list(np.argsort(y)) == list(np.argsort(-np.array(history["loss"])))
        shown = [cell.text for cell in training.one("tbody").all("tr")[2].all("td")]
        assert shown == [f"{values[2]:.4g}" for values in history.values()]
        assert "may be of another run" not in training.text

    def test_of_a_file(self, trained: Path, idx_folder: Path, tmp_path: Path) -> None:
        path = tmp_path / "history.json"
        path.write_text(json.dumps({"loss": [2, 1, 1, 0.5], "val_loss": [2, 1.5, 1], "<b>": [-1], "empty": []}))
        training = page_of(trained, idx_folder, "--history", path).one("section", id="training")
        assert [len(line.attributes["points"].split()) for line in training.all("polyline")] == [4, 3, 1]
        assert [node.text for node in training.all("b")] == ["loss", "<b>"]
        assert [cell.text for cell in training.one("tbody").all("tr")[3].all("td")] == ["0.5", *["\N{EN DASH}"] * 2]
        run = page_of(trained, idx_folder, "--history", trained.with_name("run.json"))
        assert len(run.one("polyline").attributes["points"].split()) == 3

    @pytest.mark.parametrize(
        "values", [[0.1], [0, 0, 0], [1e99, -1e99], [1e-320, 0], [5e6, 5e6 + 1], [0.5] * 300, [1e6, 1e9]], ids=str
    )
    def test_any_values(self, values: list[float], trained: Path, idx_folder: Path, tmp_path: Path) -> None:
        """All dots are inside the axes; the numbers beside them are different ones."""
        (tmp_path / "history.json").write_text(json.dumps({"loss": values}))
        page = page_of(trained, idx_folder, "--history", tmp_path / "history.json")
        chart = page.one("section", id="training").one("svg", role="img")
        for point in chart.one("polyline").attributes["points"].split():
            x, y = map(float, point.split(","))
            assert 56 <= x <= 468 and 12 <= y <= 224
        numbers = [node.text for node in chart.all("text", text_anchor="end")]
        assert len(set(numbers)) == len(numbers) >= 2

    @pytest.mark.parametrize("state", [None, b"", b"garbage", "cut"])
    def test_none(self, state: bytes | str | None, trained: Path, idx_folder: Path, tmp_path: Path) -> None:
        model = Path(shutil.copy(trained, tmp_path))
        if state is not None:
            whole = Path(f"{trained}.state").read_bytes()
            Path(f"{model}.state").write_bytes(whole[:-9] if state == "cut" else state)
        training = page_of(model, idx_folder).one("section", id="training")
        assert "There are no curves." in training.text
        assert ("no training state" if state is None else "cannot be read") in training.text

    def test_of_another_run(self, trained: Path, idx_folder: Path, tmp_path: Path) -> None:
        save_constant(tmp_path / "m.pth", (784, 256, 10), [0] * 10)
        shutil.copy(f"{trained}.state", tmp_path / "m.pth.state")
        assert "may be of another run" in page_of(tmp_path / "m.pth", idx_folder).one("section", id="training").text

    def test_of_another_network(self, trained: Path, idx_folder: Path, tmp_path: Path) -> None:
        """Beside the model its curves are left out; those that are named are shown."""
        save_constant(tmp_path / "m.pth", (784, 10), [0] * 10)
        shutil.copy(f"{trained}.state", tmp_path / "m.pth.state")
        training = page_of(tmp_path / "m.pth", idx_folder).one("section", id="training")
        assert "m.pth.state is of another network" in training.text and "There are no curves." in training.text
        named = page_of(tmp_path / "m.pth", idx_folder, "--history", tmp_path / "m.pth.state")
        assert "may be of another run" in named.one("section", id="training").text

    @pytest.mark.parametrize("text", ["{}}", '{"a": 1}', '{"a": [1e999]}', '{"a": [true]}', '{"a": ["1"]}', "[]", ""])
    def test_bad_file(self, text: str, trained: Path, idx_folder: Path, tmp_path: Path) -> None:
        (tmp_path / "bad.json").write_text(text)
        words = ("--html", tmp_path / "r.html", "--history", tmp_path / "bad.json")
        refused(report(trained, "--data", idx_folder, *words), "bad.json")
        assert not (tmp_path / "r.html").exists()


class TestWeights:
    def test_hidden_units(self, page: Node, trained: Path) -> None:
        sprite = pixels(page.one("section", id="weights").one("img"))
        assert sprite.shape == (16 * 29 - 1, 16 * 29 - 1, 4)
        weights = load_model(trained)[0].layer1.weight._data[37].reshape(28, 28)
        tile = sprite[2 * 29 : 2 * 29 + 28, 5 * 29 : 5 * 29 + 28].astype(int)  # unit 37: third row, sixth column
        assert (tile[..., 3] == 255).all() and (sprite[28, :, 3] == 0).all()
        redness = tile[..., 0] - tile[..., 2]
        strong = np.abs(weights) > 0.1 * np.abs(weights).max()
        assert np.array_equal(np.sign(redness)[strong], np.sign(weights)[strong])

    def test_evidence_of_classes(self, tmp_path: Path) -> None:
        """One layer: an image a class; white is zero, all are on one scale."""
        network = fastnn.Network(6, 2)
        network.layer1.weight._data[...] = [[0, 1, 0, 0, 0, -1], [0, 0.5, 0, 0, 0, 0]]
        network.save(tmp_path / "m.pth", classes=["a", "b"], input_shape=(1, 3, 2))
        for label, name in enumerate("ab"):
            (tmp_path / "data" / name).mkdir(parents=True)
            Image.new("L", (2, 3), 99 * label).save(tmp_path / "data" / name / "0.png")
        first, second = page_of(tmp_path / "m.pth", tmp_path / "data").one("section", id="weights").all("figure")
        assert (first.text, second.text) == ("a", "b")
        left, right = pixels(first.one("img"))[..., :3], pixels(second.one("img"))[..., :3]
        assert left.shape == (3, 2, 3)
        assert (left[0, 0].tolist(), left[0, 1].tolist()) == ([255, 255, 255], [178, 24, 43])
        assert left[2, 1].tolist() == [33, 102, 172]
        assert np.allclose(right[0, 1], (left[0, 1].astype(int) + 255) / 2, atol=1)

    def test_more_units_than_shown(self, tmp_path: Path, tree: Path) -> None:
        save_constant(tmp_path / "m.pth", (64, 300, 3), [0, 0, 1], input_shape=(1, 8, 8))
        section = page_of(tmp_path / "m.pth", tree).one("section", id="weights")
        assert "the first 256 of 300" in section.text
        assert pixels(section.one("img")).shape == (16 * 9 - 1, 16 * 9 - 1, 4)

    def test_not_finite(self, tmp_path: Path, tree: Path) -> None:
        network = fastnn.Network(64, 3)
        network.layer1.weight._data[...] = np.nan
        network.save(tmp_path / "m.pth", input_shape=(1, 8, 8))
        page = page_of(tmp_path / "m.pth", tree)
        assert "\N{EN DASH}" in page.all("li", class_="case")[0].text
        assert (pixels(page.all("figure")[0].one("img")) == 255).all()


def test_convolutions(tmp_path: Path, idx_folder: Path) -> None:
    """Filters and feature maps of a network of images."""
    path = tmp_path / "m.pth"
    fastnn.Network(models.lenet5()).save(
        path, input_shape=(1, 28, 28), classes=list("0123456789"), preparation="scaled"
    )
    page = page_of(path, idx_folder)
    assert "LeNet" in page.one("dl").text and matrix(page).sum() == len(read_idx(idx_folder / f"t10k-{IDX[1]}"))
    assert "The filters of conv1 (all 6)" in page.one("section", id="weights").text
    maps = page.one("section", id="maps")
    assert [figure.one("b").text for figure in maps.all("figure", class_="maps")] == ["conv1", "conv2"]


class TestNames:
    def test_hostile(self, tmp_path: Path) -> None:
        """Class names, paths and the model's own that try to end text, attributes and the script."""
        root = tmp_path / "a<" / "script><script>alert(1)<" / "script>"
        root.mkdir(parents=True)
        classes = sorted(HOSTILE)
        for label, name in enumerate(classes):
            write_class(root / "data" / name, label, len(classes), 2, 8, prefix="\"'><i>\u2066")
        save_constant(root / "m.pth", (64, len(classes)), [*[0] * (len(classes) - 1), 1], classes=classes)
        page = page_of(root / "m.pth", root / "data")
        for name in ("script", "style", "body", "head"):
            page.one(name)
        assert not page.all("i") and all(node.text in page.text for node in page.all("b"))
        cases = page.all("li", class_="case")
        assert len(cases) == 2 * (len(classes) - 1)
        everything = page.text + "".join(v or "" for node in page.walk() for v in node.attributes.values())
        assert not re.search("[\u202a-\u202e\u2066-\u2069\ud800-\udfff]", everything)
        headers = [node.text for node in page.one("section", id="classes").one("tbody").all("th")]
        assert headers == [name if name.isprintable() else repr(name) for name in classes]
        assert [node.attributes["title"] for node in page.one("table", class_="confusion").all("th")] == headers * 2
        shown = {case.one("bdi", class_="path").text for case in cases}
        expected = [str(root / "data" / name / f"\"'><i>\u2066{i:03d}.png") for name in classes for i in range(2)]
        assert shown <= {repr(path) for path in expected} and len(shown) == len(cases)

    def test_markup(self) -> None:
        assert tag("a", "<&>\"'", title='"\x00\ud800') == '<a title="&quot;\\x00\\ud800">&lt;&amp;&gt;&quot;&#x27;</a>'
        assert tag("p", tag("img", hidden=True, id=None), 3) == "<p><img hidden/>3</p>"

    def test_right_to_left(self, tmp_path: Path) -> None:
        """A path keeps its order on the screen: each name is isolated."""
        for label, name in enumerate(("\u0628\u062a", "z")):
            write_class(tmp_path / "data" / name, label, 2, 1, 8)
        save_constant(tmp_path / "m.pth", (64, 2), [1, 0] if "z" < "\u0628\u062a" else [0, 1])
        path = page_of(tmp_path / "m.pth", tmp_path / "data").one("bdi", class_="path")
        assert path.text == str(tmp_path / "data" / "\u0628\u062a" / "000.png")
        assert "\u0628\u062a" in [node.text for node in path.all("bdi")]


class TestKinds:
    def test_limit(self, tmp_path: Path, tree: Path) -> None:
        model = save_constant(tmp_path / "m.pth", (64, 3), [0, 0, 1])
        for limit, said in ((3, "The 3 most confident of 8"), (0, "The 0 most"), (8, "All 8"), (9, "All 8")):
            page = page_of(model, tree, "--wrong-limit", limit)
            assert len(page.all("li", class_="case")) == min(limit, 8)
            assert page.one("span", id="shown").text.startswith(said)
            assert matrix(page).sum() == 12

    def test_classes_that_are_never_said_or_not_there(self, tmp_path: Path) -> None:
        images = np.zeros((4, 28, 28), dtype=np.uint8)
        for split in ("train", "t10k"):
            (tmp_path / f"{split}-images-idx3-ubyte").write_bytes(idx_bytes(images))
            (tmp_path / f"{split}-labels-idx1-ubyte").write_bytes(idx_bytes(np.array([0, 0, 1, 1])))
        model = save_constant(tmp_path / "m.pth", (784, 10), [5, *[0] * 9])
        rows = page_of(model, tmp_path).one("section", id="classes").one("tbody").all("tr")
        figures = [[cell.text for cell in row.all("td")] for row in rows]
        dash = "\N{EN DASH}"
        assert figures[0] == ["2", "0.5000", "1.0000", "0.6667"]
        assert figures[1] == ["2", dash, "0.0000", "0.0000"]
        assert figures[2:] == [["0", dash, dash, dash]] * 8

    def test_two_classes_all_right(self, tmp_path: Path) -> None:
        network = fastnn.Network(1, 2)
        network.layer1.weight._data[...] = [[-1], [1]]
        network.layer1.bias._data[...] = [0.5, -0.5]
        network.save(tmp_path / "m.pth", input_shape=(1, 1, 1))
        for name, value in (("dark", 0), ("light", 255)):
            (tmp_path / "data" / name).mkdir(parents=True)
            Image.new("L", (1, 1), value).save(tmp_path / "data" / name / "0.png")
        page = page_of(tmp_path / "m.pth", tmp_path / "data")
        assert matrix(page).tolist() == [[1, 0], [0, 1]]
        assert page.one("p", class_="accuracy").text == "2 / 2 = 100.00 %"
        assert page.one("section", id="wrong").text.endswith("None.")

    @pytest.mark.parametrize("size", [(20, 12), (200, 100)])
    def test_colour(self, size: tuple[int, int], tmp_path: Path) -> None:
        """Not square; larger than the page needs."""
        width, height = size
        classes = ("black", "red")
        for name in classes:
            (tmp_path / "data" / name).mkdir(parents=True)
            Image.new("RGB", size, name).save(tmp_path / "data" / name / "0.png")
        model = save_constant(tmp_path / "m.pth", (3 * width * height, 4, 2), [1, 0], input_shape=(3, height, width))
        page = page_of(model, tmp_path / "data")
        shown = pixels(page.one("li", class_="case").one("img"))
        assert shown.shape == ((12, 20, 3) if width == 20 else (48, 96, 3))
        assert (shown == (255, 0, 0)).all()
        assert pixels(page.one("section", id="weights").one("img")).shape == (height, 4 * (3 * width + 1) - 1, 4)

    def test_a_hundred_classes(self, tmp_path: Path) -> None:
        for k in range(100):
            write_class(tmp_path / "data" / f"class {k:02d}", 0, 1, 1, 8)
        model = save_constant(tmp_path / "m.pth", (64, 100), [*[0] * 99, 1])
        page = page_of(model, tmp_path / "data")
        assert matrix(page).sum() == 100 and matrix(page).shape == (100, 100)
        assert len(page.all("li", class_="case")) == 99


class TestRefusals:
    def test_usage(self, trained: Path) -> None:
        refused(report(), "MODEL")
        refused(report(trained, "--htlm", "x"), "did you mean '--html'?")
        refused(report(trained, "--wrong-limit", -1), "must be at least 0")

    def test_data(self, trained: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for data, said in ((tmp_path / "none", "does not exist"), (tmp_path / "empty", "no class folders")):
            refused(report(trained, "--data", data, "--html", tmp_path / "r.html"), said)
        assert not (tmp_path / "r.html").exists()

    def test_where_the_page_goes(self, trained: Path, tmp_path: Path) -> None:
        """Known before anything is read: there are no such data."""
        refused(report(trained, "--data", "none", "--html", tmp_path / "no" / "r.html"), "there is no folder")
        refused(report(trained, "--data", "none", "--html", tmp_path), "it is a folder")
        refused(report(trained, "--data", "none", "--html", trained), "is the model itself")
        picture = tmp_path / "photo.png"
        picture.write_bytes(b"\x89PNG\r\n\x1a\n")
        refused(report(trained, "--data", "none", "--html", picture), "photo.png is no page, and would be replaced")

    def test_a_network_of_one_output(self, tmp_path: Path, tree: Path) -> None:
        fastnn.Network(64, 1).save(tmp_path / "m.pth")
        refused(report(tmp_path / "m.pth", "--data", tree, "--html", tmp_path / "r.html"), "one output")


@pytest.mark.slow
def test_the_filter_in_a_browser(trained: Path, idx_folder: Path, page: Node, tmp_path: Path) -> None:
    """A click on a cell leaves its cases; a second click brings all back."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("needs Chromium")
    button = next(node for node in page.all("button") if "data-cell" in node.attributes)
    cell = button.attributes["data-cell"]
    text = trained.with_suffix(".html").read_text()
    for clicks in (1, 2):
        click = f"<script>for (let i = 0; i < {clicks}; i++) document.querySelector('[data-cell=\"{cell}\"]').click()"
        trial = re.sub(r"script-src [^;]*", "script-src 'unsafe-inline'", text, count=1)
        (tmp_path / "trial.html").write_text(trial.replace("</body>", f"{click}</script></body>"))
        words = [browser, "--headless", "--no-sandbox", "--dump-dom", f"--user-data-dir={tmp_path / 'profile'}"]
        done = subprocess.run([*words, f"file://{tmp_path}/trial.html"], capture_output=True, timeout=60, check=True)
        dom = done.stdout.decode()
        shown = re.findall(r'<li class="case" data-cell="([\d-]+)">', dom)
        total = len(page.all("li", class_="case"))
        assert shown == [cell] * int(button.text) if clicks == 1 else len(shown) == total
        assert f'aria-pressed="{"true" if clicks == 1 else "false"}">{button.text}</button>' in dom
