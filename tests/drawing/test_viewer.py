"""What a network makes of a sheet: the numbers that predict gives for the same picture, what it sees, what its layers
give."""

from __future__ import annotations

from base64 import b64decode
from math import prod
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Tensor, _core, models, nn, no_grad
from fastnn.data.photo import as_mnist
from fastnn.drawing.viewer import Viewer
from fastnn.training.model_files import load_model
from job_runs import call
from PIL import Image


def sheet_of(digit: np.ndarray, side: int = 256) -> np.ndarray:
    return np.asarray(Image.fromarray(digit).resize((side, side)))


def levels(layer: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(b64decode(layer["levels"]), np.int8).reshape(layer["shape"])


def seen(answer: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(b64decode(answer["seen"]["pixels"]), np.uint8).reshape(answer["seen"]["shape"])


def viewer_of(network: fastnn.Network, path: Path, **info: Any) -> Viewer:
    network.save(path, **info)
    return Viewer(str(path), *load_model(path))


def test_the_numbers_of_predict(viewer: Viewer, model: Path, tmp_path: Path) -> None:
    for digit in _core.draw_digits(3, 2000, 5)[0]:
        sheet = sheet_of(digit)
        answer = viewer.see(sheet.tobytes())
        Image.fromarray(sheet).save(tmp_path / "x.png")
        said = call(model, tmp_path / "x.png", "--json", module="fastnn.predict")
        assert f'"label": "{answer["best"]}"' in said.out
        assert all(f": {value}" in said.out for value in answer["values"])
        assert np.array_equal(seen(answer), as_mnist(Image.fromarray(sheet))[None])


def test_hidden_layers(viewer: Viewer) -> None:
    """Behind the activation; the outputs are no hidden layer."""
    answer = viewer.see(sheet_of(_core.draw_digits(3, 2001, 1)[0][0]).tobytes())
    (layer,) = answer["layers"]
    with no_grad():
        values = viewer.network.layer1(Tensor(viewer.spec.inputs(seen(answer)[None])).flatten(1)).relu().numpy()[0]
    assert (layer["name"], layer["units"], layer["shape"]) == ("layer1", 32, (32, 1, 1))
    assert layer["strongest"] == values.max() > 0
    assert np.abs(levels(layer).ravel() / 127 * values.max() - values).max() <= values.max() / 254 * 1.001


def test_what_the_page_is_told(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FASTNN_LANG", raising=False)
    assert viewer.facts() == {
        "name": "digits.safetensors",
        "lang": "",
        "width": 256,
        "height": 256,
        "channels": 1,
        "light": False,
        "classes": list("0123456789"),
        "numbers": False,
    }
    monkeypatch.setenv("FASTNN_LANG", "zh_CN")
    assert viewer.facts()["lang"] == "zh"


def test_a_convolutional_network_in_colour(tmp_path: Path) -> None:
    network = fastnn.Network(models.small_cnn(3))
    network(Tensor(np.zeros((2, 3, 32, 32), np.float32)))
    viewer = viewer_of(network, tmp_path / "m.pth", input_shape=(3, 32, 32), classes=["a", "b", "c"], ground="light")
    assert viewer.sheet == (256, 256, 3) and viewer.facts()["light"]
    drawn = np.full(viewer.sheet, 255, np.uint8)
    drawn[:128, :, 0] = 0
    answer = viewer.see(drawn.tobytes())
    assert seen(answer)[:, 0, 0].tolist() == [0, 255, 255] and seen(answer)[:, -1, 0].tolist() == [255, 255, 255]
    names = [layer["name"] for layer in answer["layers"]]
    assert names[0] == "features.0" and len(names) >= 3
    assert answer["layers"][0]["shape"] == (32, 16, 16) and len(answer["values"]) == 3


def test_other_proportions(tmp_path: Path) -> None:
    network = fastnn.Network(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 6 * 18, 4))
    viewer = viewer_of(network, tmp_path / "m.pth", input_shape=(1, 8, 20), preparation="scaled")
    assert viewer.sheet == (102, 256, 1)
    answer = viewer.see(bytes(prod(viewer.sheet)))
    assert seen(answer).shape == (1, 8, 20) and answer["layers"][0]["shape"] == (2, 6, 18)


def test_numbers_and_what_is_not_finite(tmp_path: Path) -> None:
    network = fastnn.Network(64, 3, 2)
    viewer = viewer_of(network, tmp_path / "m.pth", outputs="numbers", input_shape=(1, 8, 8), preparation="scaled")
    assert viewer.facts()["numbers"] and viewer.facts()["classes"] == []
    viewer.network.layer1.bias._data[0] = np.inf
    viewer.network.layer2.weight._data[0] = np.abs(viewer.network.layer2.weight._data[0]) * -1
    viewer.network.layer2.weight._data[1, 0] = 0
    answer = viewer.see(bytes(256 * 256))
    assert answer["values"] == [None, None]
    assert levels(answer["layers"][0])[0] == 0


def test_a_sheet_of_another_size(viewer: Viewer) -> None:
    with pytest.raises(ValueError, match="reshape"):
        viewer.see(bytes(100))


def test_a_network_of_no_images(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="takes 7 numbers, which are no image"):
        viewer_of(fastnn.Network(7, 2), tmp_path / "m.pth")
