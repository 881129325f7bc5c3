"""Filters and feature maps: the numbers of the layers themselves, and what the page shows of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastnn import Tensor, models, nn, no_grad, random
from fastnn.data.resident import Resident
from fastnn.nn import functional as F
from fastnn.reporting.curves import History
from fastnn.reporting.filters import Convolution, convolutions, reduced, spread
from fastnn.reporting.findings import Findings
from fastnn.reporting.page import Subject, make_page
from page_tree import Node, parse, pixels

CLASSES = ["cat", "dog", "<b>"]


@pytest.fixture(autouse=True)
def seeded() -> None:
    random.manual_seed(3)


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).random(shape, dtype=np.float32)


def by_hand(*layers: nn.Module | object, x: np.ndarray) -> np.ndarray:
    """What layers and functions give one after the other."""
    value = Tensor(x)
    with no_grad():
        for layer in layers:
            value = layer(value)
    return value.numpy()


class TestFeatureMaps:
    def test_lenet(self) -> None:
        model, x = models.lenet5(), images(3, 1, 28, 28)
        first, second = convolutions(model, x)
        assert (first.name, second.name) == ("conv1", "conv2")
        assert np.array_equal(first.filters, model.conv1.weight.detach().numpy())
        assert first.maps.shape == (3, 6, 28, 28) and second.maps.shape == (3, 16, 10, 10)
        assert np.array_equal(first.maps, by_hand(model.conv1, F.relu, x=x))
        assert np.array_equal(second.maps, by_hand(model.conv1, F.relu, model.pool, model.conv2, F.relu, x=x))

    def test_behind_batch_norm(self) -> None:
        """In evaluation mode, with the running values, which stay as they are."""
        model, x = models.small_cnn(), images(2, 3, 16, 16)
        model(Tensor(images(8, 3, 16, 16)))
        before = {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
        found = convolutions(model, x)
        assert [each.name for each in found] == ["features.0", "features.4", "features.8"]
        assert model.training and model.features[1].training
        for name, tensor in model.state_dict().items():
            assert np.array_equal(tensor.numpy(), before[name])
        model.eval()
        assert np.array_equal(found[0].maps, by_hand(*list(model.features)[:3], x=x))
        assert np.array_equal(found[2].maps, by_hand(*list(model.features)[:11], x=x))

    def test_residual(self) -> None:
        """Outputs that are added to others are shown as they are behind their batch norm."""
        shortcut = nn.Sequential(nn.Conv2d(3, 8, 1, 2, bias=False), nn.BatchNorm2d(8))
        block, x = models.BasicBlock(3, 8, 2, shortcut), images(2, 3, 8, 8)
        found = {each.name: each.maps for each in convolutions(block, x)}
        assert found.keys() == {"downsample.0", "conv1", "conv2"}
        block.eval()
        first = by_hand(block.conv1, block.bn1, F.relu, x=x)
        assert np.array_equal(found["conv1"], first)
        assert np.array_equal(found["conv2"], by_hand(block.conv2, block.bn2, x=first))
        assert np.array_equal(found["downsample.0"], by_hand(shortcut, x=x))
        assert found["conv2"].min() < 0

    @pytest.mark.parametrize("activation", [nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.LeakyReLU()], ids=repr)
    def test_pooling_before_the_activation(self, activation: nn.Module) -> None:
        conv, pool = nn.Conv2d(1, 4, 3), nn.MaxPool2d(2)
        x = images(2, 1, 12, 12) - 0.5
        (found,) = convolutions(nn.Sequential(conv, pool, activation), x)
        assert np.array_equal(found.maps, by_hand(conv, pool, activation, x=x))
        (found,) = convolutions(nn.Sequential(conv, pool, nn.Flatten(), nn.Linear(100, 2), activation), x)
        assert np.array_equal(found.maps, by_hand(conv, x=x)), "no activation of its own"

    def test_code_that_no_plan_compiles(self) -> None:
        """It looks at values, writes into a place and has a hook."""

        class Odd(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = nn.Conv2d(1, 2, 3)

            def forward(self, x: Tensor) -> Tensor:
                y = self.conv(x).relu()
                if y.sum().item() > 1e9:
                    return y
                x = x.clone()
                x[0, 0, 0, 0] = 7.0
                return self.conv(x)

        model, heard = Odd(), []
        model.conv.register_forward_hook(lambda *args: heard.append(1))
        x = images(1, 1, 6, 6)
        first, second = convolutions(model, x)
        assert np.array_equal(first.maps, by_hand(model.conv, F.relu, x=x))
        x[0, 0, 0, 0] = 7
        assert np.array_equal(second.maps, by_hand(model.conv, x=x))
        assert len(heard) == 4

    def test_weights_of_nobody(self) -> None:
        class Edges(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return F.conv2d(x, Tensor(np.array([[[[1, -1]]]], dtype=np.float32)))

        (found,) = convolutions(Edges(), images(1, 1, 4, 4))
        assert found.name == "convolution" and found.filters.tolist() == [[[[1, -1]]]]

    def test_no_convolutions(self) -> None:
        assert convolutions(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), images(1, 1, 4, 4)) == []


def test_reduced() -> None:
    """Means of squares; a side that no square fits in is left as it is."""
    maps = np.arange(2 * 5 * 4.0).reshape(1, 2, 5, 4)
    assert np.array_equal(reduced(maps, 5), maps)
    small = reduced(maps, 3)
    assert small.shape == (1, 2, 2, 2)
    assert small[0, 1].tolist() == [[22.5, 24.5], [30.5, 32.5]]
    assert np.isnan(reduced(np.array([[[[np.inf, -np.inf], [0, 0]]]]), 1)).all()
    assert reduced(np.ones((1, 1, 1, 200)), 56).shape == (1, 1, 1, 200)


def test_spread() -> None:
    items = [Convolution(str(number), np.zeros(1), np.zeros(1)) for number in range(20)]
    assert [each.name for each in spread(items, 4)] == ["0", "6", "13", "19"]
    assert spread(items[:3], 4) == items[:3]


class TestPage:
    @staticmethod
    def page_of(model: nn.Module, shape: tuple[int, int, int], folder: Path) -> Node:
        """The page of a model, tested on four images of three classes."""
        rng = np.random.default_rng(1)
        targets = np.array([1, 1, 0, 2])
        data = Resident(rng.integers(0, 256, (4, *shape), dtype=np.uint8), targets, ["a", "b", "c", "d"], CLASSES)
        findings = Findings(rng.random((4, 3), dtype=np.float32), targets)
        page = make_page(Subject("m.pth", model, "0" * 64, "data", data), findings, History({}, ""), 10)
        (folder / "page.html").write_text(page, encoding="utf-8")
        return parse(folder / "page.html")

    def test_lenet(self, tmp_path: Path) -> None:
        model = models.lenet5(3)
        page = self.page_of(model, (1, 28, 28), tmp_path)
        assert [link.text for link in page.one("nav").all("a")][3:5] == ["First layer", "Feature maps"]
        assert "LeNet" in page.one("dl").text
        first = page.one("section", id="weights")
        assert "The filters of conv1 (all 6), 5 \N{MULTIPLICATION SIGN} 5 weights each" in first.text
        sprite = pixels(first.one("img"))
        assert sprite.shape == (5, 6 * 6 - 1, 4)
        weight = model.conv1.weight.detach().numpy()[4, 0]
        redness = sprite[:, 4 * 6 : 4 * 6 + 5, 0].astype(int) - sprite[:, 4 * 6 : 4 * 6 + 5, 2]
        strong = np.abs(weight) > 0.05 * np.abs(weight).max()
        assert np.array_equal(np.sign(redness)[strong], np.sign(weight)[strong])

    def test_maps(self, tmp_path: Path) -> None:
        """A row for each of the two images, the first ones of different classes: rows 0 and 2 of the data."""
        model = models.lenet5(3)
        maps = self.page_of(model, (1, 28, 28), tmp_path).one("section", id="maps")
        assert "every convolution" in maps.text
        examples, layers = maps.one("div", class_="evidence").all("figure"), maps.all("figure", class_="maps")
        assert [figure.text for figure in examples] == ["dog", "cat"]
        x = np.random.default_rng(1).integers(0, 256, (4, 1, 28, 28), dtype=np.uint8)
        assert np.array_equal(pixels(examples[1].one("img")), x[2, 0])
        found = convolutions(model, x[[0, 2]] / np.float32(255))[0].maps
        words = layers[0].one("figcaption").text
        assert words.startswith("conv1: all 6 maps of 28 \N{MULTIPLICATION SIGN} 28, strongest colours ±")
        assert float(words.rpartition("±")[2]) == pytest.approx(np.quantile(found, 0.995), rel=0.05)
        sprite = pixels(layers[0].one("img"))
        assert sprite.shape == (2 * 29 - 1, 6 * 29 - 1, 4)
        tile = sprite[29:57, 3 * 29 : 3 * 29 + 28, :3]  # what the fourth filter finds in the second image
        assert np.array_equal((tile == 255).all(axis=2), found[1, 3] < 0.5 / 127 * np.quantile(found, 0.995))
        assert pixels(layers[1].one("img")).shape == (2 * 11 - 1, 16 * 11 - 1, 4)

    def test_bounds(self, tmp_path: Path) -> None:
        """Of a wide, deep network of large images some layers and maps are shown, and it is said how many."""
        page = self.page_of(models.resnet18(num_classes=3), (3, 128, 128), tmp_path)
        maps = page.one("section", id="maps")
        assert "8 of 20 convolutions" in maps.text
        layers = maps.all("figure", class_="maps")
        assert len(layers) == 8 and layers[0].text.startswith("conv1: the first 16 of 64 maps of 64")
        assert pixels(layers[0].one("img")).shape == (2 * 33 - 1, 16 * 33 - 1, 4)  # means of 2 x 2
        first = page.one("section", id="weights")
        assert "In the colours that they look for: grey is zero" in first.text
        assert pixels(first.one("img")).shape == (4 * 8 - 1, 16 * 8 - 1, 4)
        assert (tmp_path / "page.html").stat().st_size < 1_000_000

    def test_colour(self, tmp_path: Path) -> None:
        """Filters of photographs in the colours that they look for, on one scale; nothing between them."""
        model = nn.Sequential(nn.Conv2d(3, 2, 2), nn.Flatten(), nn.Linear(2 * 49, 3))
        model[0].weight._data[...] = 0
        model[0].weight._data[1] = [[[1, -1], [0, 0]], [[1, 0], [0, 0.5]], [[1, 0], [-1, 0]]]
        image = self.page_of(model, (3, 8, 8), tmp_path).one("section", id="weights").one("img")
        grey, white = [127, 127, 127, 255], [254, 254, 254, 255]
        expected = [
            [grey, grey, [0, 0, 0, 0], white, [0, 127, 127, 255]],
            [grey, grey, [0, 0, 0, 0], [127, 127, 0, 255], [127, 191, 127, 255]],
        ]
        assert np.abs(pixels(image).astype(int) - expected).max() <= 1

    def test_not_finite(self, tmp_path: Path) -> None:
        model = models.lenet5(3)
        model.conv1.weight._data[...] = np.nan
        model.conv2.bias._data[::2] = [np.inf, -np.inf] * 4
        maps = self.page_of(model, (1, 28, 28), tmp_path).one("section", id="maps")
        for image in maps.all("img", class_="sprite"):
            assert (pixels(image)[..., 0] == 255).sum() > 0.5 * pixels(image)[..., 0].size

    def test_dense(self, tmp_path: Path) -> None:
        page = self.page_of(nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.Linear(5, 3)), (1, 4, 4), tmp_path)
        assert not page.all("section", id="maps")
        assert "what each hidden unit looks for (all 5)" in page.one("section", id="weights").text
        page = self.page_of(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), (1, 4, 4), tmp_path)
        assert [each.text for each in page.one("section", id="weights").all("figure")] == CLASSES

    def test_weights_of_no_pixels(self, tmp_path: Path) -> None:
        page = self.page_of(nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3)), (1, 4, 4), tmp_path)
        assert not page.all("section", id="weights") and not page.all("a", href="#weights")
