"""What a notebook shows of an object that is a cell's last value: the right numbers, well-formed, escaped."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, keras, models, nn, random
from fastnn.checks.findings import Finding, Findings
from fastnn.data.digits import make_digits
from fastnn.datasets import ImageFolder
from fastnn.training.history import History
from fastnn.transforms import Compose, Normalize, RandomRotation, ToTensor
from fastnn.utils.data import ConcatDataset, Dataset, Subset, TensorDataset
from notebooks import Page
from PIL import Image

SHARP = "<script>alert(1)</script>"  # must be seen, and do nothing


def page(value: Any) -> Page:
    html = value._repr_html_()
    assert html.startswith('<div class="fastnn">')
    return Page(html)


# -- modules ---------------------------------------------------------------------------------------------------------


def test_network() -> None:
    shown = page(Network(784, 256, 10))
    assert shown.of("b") == ["Network"] and shown.of("span") == ["203,530 parameters, 814,120 bytes"]
    assert shown.of("td") == [
        *("layer1", "Linear(in_features=784, out_features=256, bias=True)", "weight 256x784, bias 256", "200,960"),
        *("layer2", "Linear(in_features=256, out_features=10, bias=True)", "weight 10x256, bias 10", "2,570"),
    ]


def test_modules_within_modules() -> None:
    """Leaves by their paths; a module with parameters of its own beside others; what is frozen."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(fastnn.ones(3))
            self.parts = nn.Sequential(nn.Linear(3, 3, bias=False), nn.ReLU())

    model = Own()
    model.scale.requires_grad_(False)
    shown = page(model)
    assert shown.of("span") == ["12 parameters, 48 bytes, 3 of them frozen"]
    assert shown.of("td")[:2] == ["Own", "scale 3"]
    assert [text for text in shown.of("td") if text.startswith("parts")] == ["parts.0", "parts.1"]


def test_a_long_table_is_folded() -> None:
    assert dict(page(models.lenet5()).tags)["details"] == {"open": None}
    assert dict(page(nn.Sequential(*(nn.Linear(1, 1) for _ in range(31)))).tags)["details"] == {}


def test_a_layer_alone() -> None:
    assert page(nn.ReLU()).of("b") == ["ReLU()"]
    assert page(nn.Linear(2, 1)).of("td")[-2:] == ["weight 1x2, bias 1", "3"]


def test_names_are_escaped() -> None:
    model = nn.Sequential()
    model.add_module(SHARP.replace(".", ""), nn.Linear(2, 2))
    assert SHARP in page(model).of("td") and not dict(page(model).tags).get("script")


def test_a_text_of_its_own_is_shown_instead() -> None:
    class Mine(nn.Module):
        def __repr__(self) -> str:
            return "mine"

    assert Mine()._repr_html_() is None


def test_keras_models() -> None:
    model = keras.Sequential([keras.layers.Dense(3, input_shape=(6,), name="first")])
    html = model._repr_html_()
    assert "first (Dense)" in Page(html).of("pre")[0] and "Total params: 21" in html


# -- summaries -------------------------------------------------------------------------------------------------------


def test_summary() -> None:
    """Text as before, which a console shows as it is; a table in a notebook."""
    summary = Network(784, 256, 10).summary()
    assert isinstance(summary, str) and repr(summary) == str(summary) == summary + ""
    assert summary.splitlines()[0] == "Network" and type(str(summary)) is str
    shown = page(summary)
    assert shown.of("th") == ["Layer", "Output shape", "Parameters", "Bytes", "Multiply-adds"]
    assert shown.of("td")[:5] == ["layer1 (Linear)", "(N, 256)", "200,960", "803,840", "200,704"]
    assert shown.of("b") == ["Network", "Total", "203,530", "814,120", "203,264"]
    for other in (pickle.loads(pickle.dumps(summary)), copy.deepcopy(summary)):
        assert other == summary and other._repr_html_() == summary._repr_html_()


# -- histories -------------------------------------------------------------------------------------------------------


def history_of(**metrics: list[float]) -> History:
    history = History()
    for epoch, values in enumerate(zip(*metrics.values(), strict=True)):
        history.append(epoch, dict(zip(metrics, values, strict=True)))
    return history


def test_history() -> None:
    shown = page(history_of(loss=[3.0, 2.0, 1.5], val_loss=[3.0, 2.5, 2.25], **{SHARP: [1.0, 1.0, 1.0]}))
    assert shown.of("span")[0] == f"the last of 3 epochs: loss 1.5, val_loss 2.25, {SHARP} 1"
    assert [tag for tag, _ in shown.tags].count("svg") == 2
    assert "training, epoch 3: 1.5" in shown.of("title") and "validation, epoch 2: 2.5" in shown.of("title")


def test_an_empty_history() -> None:
    assert page(History()).of("span") == ["no epoch yet"]


def test_a_history_with_values_that_are_no_numbers() -> None:
    """They are left out of their charts; a metric without any other has none."""
    history = history_of(loss=[1.0, math.nan, math.inf, 0.5], val_loss=[math.nan] * 4, lr=[np.float64(1e300)] * 4)
    shown = page(history)
    assert [tag for tag, _ in shown.tags].count("svg") == 1
    assert [text for text in shown.of("title")] == ["training, epoch 1: 1", "training, epoch 4: 0.5"]


def test_a_long_history_is_thinned() -> None:
    """Not more points than can be seen, and the one that stands out is among them."""
    values = [1.0] * 20_000
    values[7001] = 9.0
    (line,) = (given for tag, given in page(history_of(loss=values)).tags if tag == "polyline")
    heights = [float(point.split(",")[1]) for point in line["points"].split()]
    assert len(heights) <= 480 and heights.count(min(heights)) == 1


def test_epochs_of_a_history() -> None:
    """A row an epoch, as pandas wants them; a validation every third epoch is in its epochs."""
    x, y = np.random.default_rng(0).random((12, 4)).astype(np.float32), np.arange(12) % 2
    model = keras.Sequential([keras.layers.Dense(2, "softmax", input_shape=(4,))])
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(x, y, epochs=5, validation_data=(x, y), validation_freq=3, verbose=0)
    rows = list(history)
    assert [row["loss"] for row in rows] == history.history["loss"]
    assert [math.isnan(row["val_loss"]) for row in rows] == [True, True, False, True, True]
    assert rows[2]["val_loss"] == history.history["val_loss"][0]
    assert "validation, epoch 3" in history._repr_html_()
    assert list(History()) == []


@pytest.mark.slow  # half a second for an import that nobody else needs
def test_a_history_as_a_table() -> None:
    pandas = pytest.importorskip("pandas")
    history = history_of(loss=[3.0, 2.0], val_loss=[4.0, 3.0])
    frame = pandas.DataFrame(history)
    assert frame.to_dict("list") == history.history and list(frame.index) == [0, 1]


# -- findings --------------------------------------------------------------------------------------------------------


def test_findings() -> None:
    shown = page(Findings([Finding("labels", f"label 7 {SHARP}"), Finding("view", "wrong")]))
    assert shown.of("b") == ["labels", "view"] and shown.of("td") == [f"label 7 {SHARP}", "wrong"]
    assert page(Findings()).of("div") == ["nothing wrong was found"]


# -- data sets -------------------------------------------------------------------------------------------------------


def folder(tmp_path: Path, *classes: str, count: int = 12) -> Path:
    for label, name in enumerate(classes):
        (tmp_path / name).mkdir()
        for number in range(count):
            Image.new("RGB", (5, 4), (label * 50, number, 7)).save(tmp_path / name / f"{number:02}.png")
    return tmp_path


def pictures(dataset: Dataset) -> list[tuple[str, np.ndarray]]:
    """Labels and pixels in the cell."""
    import base64
    import io

    found = []
    for tag, given in page(dataset).tags:
        if tag == "img":
            data = base64.b64decode(given["src"].partition("base64,")[2])
            found.append((given["alt"], np.asarray(Image.open(io.BytesIO(data)))))
    return found


def test_image_folder(tmp_path: Path) -> None:
    """Ten pictures evenly over it, before the transform, which draws no random number for them."""
    steps = Compose([RandomRotation(90), ToTensor(), Normalize((0.5,) * 3, (0.1,) * 3)])
    dataset = ImageFolder(folder(tmp_path, "cat", "<dog>"), transform=steps)
    before = random.state.as_dict()
    shown = pictures(dataset)
    assert random.state.as_dict() == before
    assert [name for name, _ in shown] == ["<dog>"] * 5 + ["cat"] * 5
    assert [tuple(pixels[0, 0, :2].tolist()) for _, pixels in shown[::9]] == [(50, 0), (0, 11)]
    assert page(dataset).of("figcaption")[0] == "<dog>" and "24 samples" in page(dataset).of("span")


def test_parts_of_a_data_set(tmp_path: Path) -> None:
    dataset = ImageFolder(folder(tmp_path, "a", "b"))
    assert [name for name, _ in pictures(Subset(dataset, [0, 23, 1]))] == ["a", "b", "a"]
    assert [name for name, _ in pictures(ConcatDataset([dataset, dataset]))] == list("aaabbaabbb")


def test_keras_folders(tmp_path: Path) -> None:
    """In the order of the data set; what is made of it has no files any more."""
    dataset = keras.utils.image_dataset_from_directory(folder(tmp_path, "a", "b"), image_size=(4, 5), shuffle=False)
    assert [name for name, _ in pictures(dataset)] == ["a"] * 5 + ["b"] * 5
    assert dataset.map(lambda x, y: (x, y))._repr_html_() is None
    next(iter(tmp_path.glob("a/*.png"))).unlink()
    (tmp_path / "a/00.png").write_text("damaged")
    assert dataset._repr_html_() is None


def test_tensors() -> None:
    """Numbers from 0 to 1 as they are, others from the least to the largest; labels of tensors."""
    images, labels, *_ = make_digits()
    shown = pictures(TensorDataset(fastnn.tensor(images[:3, None] / 255), fastnn.tensor(labels[:3])))
    assert [name for name, _ in shown] == [str(label) for label in labels[:3]]
    np.testing.assert_array_equal(shown[2][1], images[2])
    stretched = TensorDataset(fastnn.tensor([[[-2.0, 2.0], [0.0, 2.0]]]), fastnn.tensor([4]))
    assert pictures(stretched)[0][1].tolist() == [[0, 255], [128, 255]]


def test_random_numbers_of_samples_are_given_back() -> None:
    class Noise(Dataset):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            return fastnn.rand(1, 4, 4), index

    before = random.state.as_dict()
    assert len(pictures(Noise())) == 4 and random.state.as_dict() == before


class Broken(Dataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        raise OSError("no disk")


@pytest.mark.parametrize(
    "dataset",
    [TensorDataset(fastnn.rand(9, 3), fastnn.arange(9)), TensorDataset(fastnn.rand(3, 4, 4)), Broken(), Dataset()],
    ids=["vectors", "no labels", "broken", "no length"],
)
def test_what_is_no_picture_is_shown_as_text(dataset: Dataset) -> None:
    assert dataset._repr_html_() is None
