"""Networks of images by name: trained, resumed, tested and asked by the commands; files that do not tell theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, io, models, nn
from fastnn.commands import cli
from fastnn.training.checkpoint import Checkpointer
from fastnn.training.model_files import load_model, parameters_sha256
from fastnn.training.recipes import OF_MODELS, RECIPES, Recipe, recipe_for
from job_runs import call, refused, train_json
from PIL import Image

DIGITS = ("--data", "digits", "--limit", 60, "--batch-size", 16)


def test_the_commands_know_every_model() -> None:
    assert tuple(models.MODELS) == tuple(cli.MODELS)


@pytest.mark.parametrize("model", ["lenet", "lenet5", "small_cnn", "resnet18"])
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_trained_and_tested(model: str, ending: str, idx_folder: Path, tmp_path: Path) -> None:
    """What the run says of its test, evaluate says of the file; predict takes the images themselves."""
    path = tmp_path / f"net.{ending}"
    words = ("--data", idx_folder, "--model", model, "--limit", 40, "--batch-size", 16, "--epochs", 1, "--out", path)
    run = call(*words)
    assert run.lines[2:4] == ["train_dataset length: 40", "train_loader length: 3"]
    assert run.lines[4].startswith("Epoch 1/1 | Batch 0/3 | Loss: ") and f"model saved: {path}" in run.lines
    tested = call(path, "--data", idx_folder, "--json", tmp_path / "test.json", module="fastnn.evaluate")
    assert tested.err == "" and json.loads((tmp_path / "test.json").read_text())["test_total"] == 60
    network, info = load_model(path)
    assert (info.input_shape, info.classes) == ((1, 28, 28), [str(i) for i in range(10)])
    assert type(network._modules[""]) is type(models.create(model, (1, 28, 28), 10))
    images = fastnn.data.idx.read_idx(idx_folder / "t10k-images-idx3-ubyte")
    Image.fromarray(images[3]).save(tmp_path / "3.png")
    found = call(path, tmp_path / "3.png", "--raw", "--json", module="fastnn.predict").out
    expected = network.predict(images[3][None, None] / np.float32(255))[0]
    assert list(json.loads(found)["probabilities"].values()) == pytest.approx(expected.tolist(), rel=1e-6)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """Results of runs of 2 epochs that nothing stopped, by model."""
    results: dict[str, Any] = {}

    def of(model: str) -> dict[str, Any]:
        if model not in results:
            folder = tmp_path_factory.mktemp(model)
            results[model] = train_json(*DIGITS, "--model", model, "--epochs", 2, cwd=folder, here=True)
            results[model]["file"] = (folder / "model.pth").read_bytes()
        return results[model]

    return of


class Killed(Checkpointer):
    """Ends the run at its first save, as a signal that cannot be caught would."""

    def save(self, trainer: Any) -> bool:
        super().save(trainer)
        raise RuntimeError("killed")


@pytest.mark.parametrize(
    ("steps", "engines"), [(1, "plan plan"), (3, "plan eager"), (4, "eager plan"), (7, "plan plan")]
)
@pytest.mark.parametrize("model", ["small_cnn", "lenet5"])
def test_killed_and_resumed(
    model: str, steps: int, engines: str, whole: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bits in the file, batch norm's running values among them."""
    first, second = engines.split()
    words = (*DIGITS, "--model", model, "--epochs", 2, "--state", tmp_path / "state")
    with monkeypatch.context() as patch:
        patch.setattr("fastnn.commands.fitting.Checkpointer", Killed)
        stopped = (*words, "--checkpoint-every", steps, "--out", tmp_path / "net.pth", "--engine", first)
        assert call(*stopped).code == 1
    found = train_json(*words, "--resume", "--engine", second, cwd=tmp_path, here=True)
    expected = whole(model)
    assert found["parameters_sha256"] == expected["parameters_sha256"]
    assert found["train_loss"] == expected["train_loss"] and found["test_correct"] == expected["test_correct"]
    assert (tmp_path / "model.pth").read_bytes() == expected["file"]


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    words = (*DIGITS, "--epochs", 1, "--state", tmp_path / "state", "--out", tmp_path / "net.pth")
    assert call(*words, "--model", "lenet5", "--checkpoint-every", 1).code == 0
    for kind, told in (
        ("--model small_cnn", "--model was 'lenet5', is now 'small_cnn'"),
        ("--arch 784-10", "--arch was"),
    ):
        outcome = call(*words, *kind.split(), "--resume")
        assert (outcome.code, outcome.err.count("\n")) == (2, 1) and told in outcome.err


def test_options_go_together(idx_folder: Path, tmp_path: Path) -> None:
    """Profile, TensorBoard, losses of numbers, a recipe, another size, other test images."""
    words = ("--data", idx_folder, "--limit", 40, "--epochs", 1, "--out", tmp_path / "net.pth", "--model", "lenet5")
    more = ("--profile", "--resize", "20x16", "--loss", "mse", "--recipe", "fast", "--tensorboard", tmp_path / "runs")
    run = call(*words, *more, "--val", idx_folder)
    assert run.code == 0, run.err
    assert "part of a step" in run.out and "conv2d" in run.out and list((tmp_path / "runs").iterdir())
    info = load_model(tmp_path / "net.pth")[1]
    assert (info.input_shape, info.outputs, info.preparation) == ((1, 16, 20), "numbers", "scaled")


def test_colour(tree: Path, tmp_path: Path) -> None:
    """Three channels as they are in the files, to train on and to test on."""
    words = ("--data", tree, "--model", "small_cnn", "--channels", 3, "--epochs", 1)
    result = train_json(*words, cwd=tmp_path, here=True)
    assert load_model(tmp_path / "model.pth")[1].input_shape == (3, 8, 8)
    tested = call(tmp_path / "model.pth", "--data", tree, "--quiet", module="fastnn.evaluate")
    assert tested.out.startswith(f"test accuracy = {result['test_correct']} / 12")


def test_what_does_not_fit(tree: Path, tmp_path: Path) -> None:
    words = ("--data", tree, "--out", tmp_path / "net.pth")
    refused(
        call(*words, "--model", "lenet5"), "images of 8x8 are too small: at least 12x12. Use --resize WxH, or another"
    )
    refused(
        call(*words, "--model", "small_cnn", "--resize", "4x4"), "[max_pool2d] the kernel of 2 x 2 pixels is larger"
    )
    refused(call(*words, "--model", "lenet6"), "invalid choice: 'lenet6' (choose from")
    refused(call(*words, "--model", "lenet5", "--arch", "64-3"), "argument --arch: not allowed with argument --model")
    assert list(tmp_path.iterdir()) == []


# Files that do not tell their network


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
@pytest.mark.parametrize("model", ["lenet5", "small_cnn"])
def test_a_state_dict_alone(model: str, ending: str, idx_folder: Path, tmp_path: Path) -> None:
    train_json("--data", idx_folder, "--model", model, "--epochs", 2, "--lr", 0.01, cwd=tmp_path, here=True)
    network, path = Network.load(tmp_path / "model.pth"), tmp_path / f"alone.{ending}"
    fastnn.save(network.state_dict(), path)
    words = ("--data", idx_folder, "--quiet")
    refused(
        call(path, *words, module="fastnn.evaluate"), f"error: {path}: tensor '", "--model lenet5 (resnet18, ...) names"
    )
    named = call(path, *words, "--model", model, module="fastnn.evaluate")
    assert named.out == call(tmp_path / "model.pth", *words, module="fastnn.evaluate").out != ""
    assert "Assumed: " in named.err and "pixels from 0 to 1, not normalised" in named.err
    page = call(path, "--data", idx_folder, "--model", model, "--html", tmp_path / "r.html", module="fastnn.evaluate")
    assert page.code == 2  # --html is report's
    other = "small_cnn" if model == "lenet5" else "lenet5"
    refused(
        call(path, *words, "--model", other, module="fastnn.evaluate"), f"{path} is no {other} (this state does not"
    )


def test_counts_as_torch_writes_them(tmp_path: Path) -> None:
    """num_batches_tracked without dimensions, as (1,), or not there as in the oldest files."""
    model = models.small_cnn(3, 1)
    state = {name: np.asarray(tensor.numpy()) for name, tensor in model.state_dict().items()}
    counts = [name for name in state if name.endswith("num_batches_tracked")]
    io.save_pth(tmp_path / "net.pth", state | {name: np.array([7]) for name in counts})
    model.load_state_dict(fastnn.load(tmp_path / "net.pth"))
    assert {model.state_dict()[name].item() for name in counts} == {7}


def test_a_network_of_ones_own(tree: Path, tmp_path: Path) -> None:
    """Made in Python, of layers in an order of one's own, for the commands."""
    path, x = tmp_path / "net.pth", np.zeros((6, 1, 8, 8), np.float32)
    network = Network(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
    network.fit((x, np.arange(6) % 3), epochs=1, verbose=0)
    network.save(path, classes=["cat", "dog", "emu"])
    assert call(path, "--data", tree, "--quiet", module="fastnn.evaluate").code == 0
    assert parameters_sha256(Network.load(path)) == parameters_sha256(network)
    Network(nn.Flatten(), nn.Linear(64, 3)).save(path)
    refused(
        call(path, "--data", tree, module="fastnn.evaluate"),
        "this network was trained on no images, as it seems: predict",
    )


@pytest.mark.parametrize(
    ("layers", "part"),
    [
        ((nn.Flatten(), nn.Linear(63, 3)), "does not take images (1, 8, 8), as described: layer '1' Linear("),
        ((nn.Flatten(), nn.Embedding(4, 3)), "does not take images (1, 8, 8), as described: "),
        ((nn.Flatten(), nn.Linear(64, 4)), "its network gives outputs (4,) of an image, its description says 3"),
        ((nn.Conv2d(1, 3, 3),), "its network gives outputs (3, 6, 6) of an image, its description says 3"),
    ],
    ids=["width", "kind", "outputs", "maps"],
)
def test_layers_that_do_not_fit_the_description(layers: tuple, part: str, tree: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    Network(*layers).save(path, classes=["cat", "dog", "emu"], input_shape=(1, 8, 8), output_size=3)
    image = tree / "test" / "cat" / "000.png"
    refused(call(path, "--data", tree, module="fastnn.evaluate"), f"fastnn.evaluate: error: {path}: ", part)
    refused(call(path, image, module="fastnn.predict"), f"fastnn.predict: error: {path}: ", part)


def test_layers_without_a_compiled_form(tree: Path, tmp_path: Path) -> None:
    """Run eagerly."""
    path, network = tmp_path / "net.pth", Network(nn.Flatten(), nn.Linear(64, 8), nn.GELU(), nn.Linear(8, 3))
    network.save(path, classes=["cat", "dog", "emu"], input_shape=(1, 8, 8), output_size=3)
    image = tree / "test" / "cat" / "000.png"
    assert call(path, "--data", tree, "--quiet", module="fastnn.evaluate").code == 0
    found = json.loads(call(path, image, "--json", module="fastnn.predict").out)["probabilities"]
    expected = network.predict(np.asarray(Image.open(image).convert("L"))[None, None] / np.float32(255))[0]
    assert list(found.values()) == pytest.approx(expected.tolist(), rel=1e-6)


# Recipes


def test_recipes_of_models(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Recipe(epochs=3)
    monkeypatch.setitem(OF_MODELS, ("small_cnn", "fast"), own)  # type: ignore[arg-type]
    assert recipe_for("small_cnn", "fast") is own
    assert recipe_for("small_cnn", "tutorial") is recipe_for(None, "tutorial") is RECIPES["tutorial"]
