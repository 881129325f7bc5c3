"""``fastnn export``: C, the other format of weights, ONNX; and what it refuses."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import fastnn
import numpy as np
import pytest
from c_programs import COMPILER, called, compiled
from fastnn import __main__, io, keras, models, nn
from fastnn.eager.tensor import Tensor
from fastnn.training.model_files import load_model, parameters_sha256, save_model
from fastnn.training.model_info import ModelInfo
from fastnn.training.preparation import spec_of
from fastnn.training.structure import structure_of

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")


def export(*words: object) -> int:
    return __main__.main(["export", *map(str, words)])


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A network of grey images whose file tells all."""
    path, model = tmp_path / "digits.pth", models.lenet5()
    info = ModelInfo(classes=[str(i) for i in range(10)], input_shape=(1, 28, 28), mean=[0.13], std=[0.31])
    info.outputs, info.ground, info.preparation, info.output_size = "softmax", "dark", "mnist", 10
    info.structure = structure_of(model)
    save_model(path, model, info)
    return path


@needs_compiler
def test_from_pixels_to_outputs(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "digits.c"
    assert export(digits, target, "--name", "digit") == 0
    assert "digits.c: " in capsys.readouterr().out
    text = target.read_text()
    assert "Images of the training: the strokes light" in text and "on a dark ground" in text
    library = compiled(tmp_path, text)
    image = np.random.default_rng(0).integers(0, 256, (1, 1, 28, 28), dtype=np.uint8)
    network, info = load_model(digits)
    expected = network(Tensor(spec_of(network, info).inputs(image))).detach().numpy()
    assert called(library.digit_pixels, image, 10).tobytes() == expected.tobytes()


@needs_compiler
def test_a_keras_model(tmp_path: Path) -> None:
    layers = keras.layers
    model = keras.models.Sequential([layers.Input((6, 5, 2)), layers.Conv2D(3, 2), layers.Flatten(), layers.Dense(4)])
    model.save(tmp_path / "k.safetensors")
    assert export(tmp_path / "k.safetensors", tmp_path / "k.c") == 0
    x = np.random.default_rng(0).standard_normal((1, 6, 5, 2)).astype(np.float32)
    library = compiled(tmp_path, (tmp_path / "k.c").read_text())
    assert called(library.predict, x, 4).tobytes() == model.predict(x, verbose=0).tobytes()


def test_there_and_back(digits: Path, tmp_path: Path) -> None:
    there, back = tmp_path / "there.safetensors", tmp_path / "back.pth"
    assert export(digits, there) == export(there, back) == 0
    assert io.sniff(there) == "safetensors"
    (network, info), (first, described) = load_model(back), load_model(digits)
    assert parameters_sha256(network) == parameters_sha256(first)
    assert info == described


def test_weights_that_tell_nothing(tmp_path: Path) -> None:
    """Any state_dict has the other format, names and all; for C it needs a network and its images' size."""
    path = tmp_path / "mine.pth"
    state = models.create("small_cnn", (3, 16, 16), 4).state_dict()
    fastnn.save(state, path)
    assert export(path, tmp_path / "mine.safetensors") == 0
    arrays = io.load_safetensors(tmp_path / "mine.safetensors")[0]
    assert list(arrays) == list(state)
    assert all(np.array_equal(arrays[name], tensor.numpy()) for name, tensor in state.items())
    target = tmp_path / "mine.c"
    assert export(path, target) == 2
    assert export(path, target, "--model", "small_cnn", "--input-shape", "3x16x16") == 0
    assert "x: 768 numbers, (3, 16, 16)" in target.read_text()
    assert "_pixels" not in target.read_text()


def test_onnx_is_called(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    module = ModuleType("fastnn.onnx")

    def write(model: nn.Module, example: Tensor, path: str) -> None:
        seen.extend([type(model).__name__, tuple(example.shape)])
        Path(path).write_bytes(b"onnx")

    module.export = write  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fastnn.onnx", module)
    monkeypatch.setattr(fastnn, "onnx", module, raising=False)
    assert export(digits, tmp_path / "digits.onnx") == 0
    assert seen == ["Network", (1, 1, 28, 28)]


@pytest.mark.parametrize(
    "words, message",
    [
        (["MODEL", "x.h5"], r"x\.h5 must end in one of \.c, \.onnx, \.safetensors, \.pth"),
        (["MODEL", "MODEL"], "is the model itself"),
        (["MODEL", "x.pth", "--name", "a"], "--name is of a function in C"),
        (["MODEL", "x.pth", "--input-shape", "1x2x3"], "--model and --input-shape are for .c and .onnx"),
        (["MODEL", "x.c", "--name", "int"], "'int' cannot be the name of a function"),
        (["MODEL", "x.c", "--input-shape", "3x"], "'3x' is no shape"),
        (["MODEL", "no/x.c"], "there is no folder"),
        (["none.pth", "x.c"], r"none\.pth: No such file"),
    ],
)
def test_refusals(
    words: list[str],
    message: str,
    digits: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    code = 0
    try:
        code = export(*(str(digits) if word == "MODEL" else word for word in words))
    except SystemExit as stop:
        code = int(stop.code or 0)
    assert code == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert sorted(tmp_path.iterdir()) == before
