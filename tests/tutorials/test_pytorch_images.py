"""PyTorch's tutorials of convolutional networks: with their import lines changed, and with nothing changed at all."""

from __future__ import annotations

import re
from pathlib import Path

import fastnn
import numpy as np
import pytest
from PIL import Image
from small_data import write_mnist
from tutorial_runs import TORCH, Run, runner

HERE = Path(__file__).parent / "scripts"
NUMBER = r"(-?\d+\.\d+)"
# The tutorials' other ways to import.
IMPORTS = (
    (r"^import torchvision$", "import fastnn as torchvision"),
    (r"^import torchvision\.transforms as transforms$", "import fastnn.transforms as transforms"),
    *TORCH,
)


@pytest.fixture(params=["imports changed", "unchanged"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return runner(tmp_path, IMPORTS if request.param == "imports changed" else None)


def write_photos(root: Path, classes: list[str], count: int, size: tuple[int, int], seed: int) -> None:
    """Noise on a colour that tells the class, as PNG files in a folder for each class."""
    rng = np.random.default_rng(seed)
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        colour = np.array([number * 97 % 256, number * 57 % 256, 255 - number * 23])
        for i in range(count):
            pixels = np.clip(rng.normal(colour, 30, (*size, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")


def numbers(pattern: str, lines: list[str]) -> np.ndarray:
    """float (N, groups): what the groups of a pattern are in the lines that it fits as a whole."""
    found = [match.groups() for match in (re.fullmatch(pattern, line) for line in lines) if match]
    return np.array(found, float).reshape(len(found), re.compile(pattern).groups)


def test_digits(run: Run, tmp_path: Path) -> None:
    """Dropout2d of maps and behind a linear layer, Adadelta, a state saved."""
    write_mnist(tmp_path / "data/MNIST/raw", 320)
    lines = run(HERE / "mnist_cnn.py")
    losses = numbers(rf"Train Epoch: \d \[\d+/320 \(\d+%\)\]\tLoss: {NUMBER}", lines)[:, 0]
    assert len(losses) == 8 and losses[-2:].mean() < 0.6 * losses[:2].mean()
    tests = numbers(rf"Test set: Average loss: {NUMBER}, Accuracy: (\d+)/10 \((\d+)%\)", lines)
    assert len(tests) == 4 and tests[-1, 1] >= 8
    shapes = {name: tuple(tensor.shape) for name, tensor in fastnn.load(tmp_path / "mnist_cnn.pt").items()}
    assert shapes["conv2.weight"] == (64, 32, 3, 3) and len(shapes) == 8


def test_training_a_classifier(run: Run, tmp_path: Path) -> None:
    classes = ["plane", "car", "bird", "cat", "deer"]
    write_photos(tmp_path / "photos/train", classes, 16, (32, 32), 0)
    write_photos(tmp_path / "photos/test", classes, 4, (32, 32), 1)
    lines = run(HERE / "classifier.py")
    assert lines[0] == "torch.Size([4, 3, 32, 32]) torch.Size([4]) (32, 32, 3)"
    losses = numbers(rf"\[\d,    20\] loss: {NUMBER}", lines)[:, 0]
    assert len(losses) == 4 and losses[-1] < 0.7 * losses[0]
    predicted = re.fullmatch(r"Predicted:  (\w+) +(\w+) +(\w+) +(\w+) *", lines[6])
    assert lines[5] == "Finished Training" and set(predicted.groups()) <= set(classes)
    assert int(re.fullmatch(r"Accuracy of the network on the 20 test images: (\d+) %", lines[7])[1]) >= 60
    assert [line.split()[3] for line in lines[8:]] == sorted(classes)


def test_cats_and_dogs(run: Run, tmp_path: Path) -> None:
    write_photos(tmp_path / "data/train", ["cats", "dogs"], 24, (70, 90), 0)
    write_photos(tmp_path / "data/val", ["cats", "dogs"], 5, (50, 64), 1)
    lines = run(HERE / "cats_dogs.py")
    assert lines[0] == "{'cats': 0, 'dogs': 1}"
    assert "    (1): BatchNorm2d(6, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)" in [
        line.replace(", bias=True", "") for line in lines
    ]
    epochs = numbers(rf"Epoch \d: loss {NUMBER}, train {NUMBER}, val {NUMBER}", lines)
    assert len(epochs) == 3 and epochs[-1, 0] < epochs[0, 0] and epochs[-1, 1] > 0.9
    assert "features.1.running_var" in fastnn.load(tmp_path / "best.pth")


def test_an_autoencoder(run: Run, tmp_path: Path) -> None:
    """ConvTranspose2d with output_padding; the printed decoder is PyTorch's text."""
    write_mnist(tmp_path / "data/MNIST/raw", 320)
    lines = run(HERE / "conv_autoencoder.py")
    assert lines[3] == (
        "  (2): ConvTranspose2d(32, 16, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), output_padding=(1, 1))"
    )
    losses = numbers(rf"Epoch:\d, Loss:{NUMBER}", lines)[:, 0]
    assert len(losses) == 6 and losses[-1] < losses[0] / 2 and lines[-1] == "True (64, 1, 1) True"
    assert fastnn.load(tmp_path / "conv_autoencoder.pth")["decoder.0.weight"].shape == (64, 32, 7, 7)


def test_a_residual_network_by_hand(run: Run) -> None:
    """`out += shortcut(x)`; the first lines are what PyTorch 2.13 prints."""
    lines = run(HERE / "residual.py")
    assert lines[:2] == ["Total number of params 272474", "Total layers 22"]
    losses = numbers(rf"step \d loss {NUMBER} lr (0\.\d+)", lines)
    assert len(losses) == 10 and losses[-1, 0] < losses[0, 0] / 2
    assert losses[[0, 5, 9], 1].tolist() == pytest.approx([0.02, 0.002, 0.0002])
    assert re.fullmatch(r"\d of 8 \(1, 32, 5, 4\)", lines[-2]) and lines[-1] == "tensor(10) torch.Size([16])"


def write_kaggle(root: Path, count: int) -> None:
    """train/ with cat.0.png, dog.0.png, ..., test/ with 1.png, ...: even ones are cats."""
    write_photos(root / "drawn", ["cat", "dog"], count, (60, 80), 0)
    (root / "train").mkdir()
    (root / "test").mkdir()
    for path in (root / "drawn").glob("*/*.png"):
        path.rename(root / "train" / f"{path.parent.name}.{path.name}")
    write_photos(root / "drawn2", ["cat", "dog"], 6, (70, 50), 1)
    for path in (root / "drawn2").glob("*/*.png"):
        path.rename(root / "test" / f"{2 * int(path.stem) + 2 - (path.parent.name == 'dog')}.png")


def scalars(folder: Path) -> dict[str, list[float]]:
    """What TensorBoard's own reader finds in a folder of event files."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {tag: [event.value for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_lenet_for_kaggle(run: Run, tmp_path: Path) -> None:
    write_kaggle(tmp_path / "data", 24)
    lines = run(HERE / "dogs_lenet.py")
    assert lines[0] == "36 12"
    pattern = rf"\[epoch \d\] train_loss: {NUMBER}  val_loss: {NUMBER}  val_accuracy: {NUMBER}  lr: {NUMBER}"
    epochs = numbers(pattern, lines)
    assert len(epochs) == 6 and epochs[-1, 0] < epochs[0, 0] / 2 and epochs[-1, 2] > 0.9
    assert epochs[:, 3].tolist() == [0.002, 0.002, 0.001, 0.001, 0.001, 0.0005]
    header, *rows = (tmp_path / "submission.csv").read_text().splitlines()
    found = [row.split(",") for row in rows]
    assert header == "id,label" and [int(number) for number, _ in found] == list(range(1, 13))
    assert [float(dog) > 0.5 for _, dog in found] == [number % 2 == 1 for number in range(1, 13)]


def test_lenet_curves_in_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    write_kaggle(tmp_path / "data", 24)
    lines = runner(tmp_path, None)(HERE / "dogs_lenet.py")
    found = scalars(tmp_path / "runs/lenet")
    printed = numbers(rf"\[epoch \d\] train_loss: {NUMBER}  val_loss: {NUMBER}  val_accuracy: {NUMBER} .*", lines)
    for tag, column in (("train_loss", 0), ("val_loss", 1), ("val_accuracy", 2)):
        assert found[tag] == pytest.approx(printed[:, column], abs=6e-4)


def test_resnet34(tmp_path: Path) -> None:
    write_photos(tmp_path / "data/train", ["cats", "dogs"], 16, (40, 50), 0)
    write_photos(tmp_path / "data/val", ["cats", "dogs"], 4, (50, 40), 1)
    lines = runner(tmp_path, None)(HERE / "dogs_resnet.py")
    assert lines[0] == "['cats', 'dogs'] {'train': 32, 'val': 8}"
    trained = numbers(rf"train Loss: {NUMBER} Acc: {NUMBER}", lines)
    assert len(trained) == 3 and trained[-1, 0] < trained[0, 0]
    assert len(numbers(rf"val Loss: {NUMBER} Acc: {NUMBER}", lines)) == 3
    assert float(re.fullmatch(rf"Best val Acc: {NUMBER}", lines[-1])[1]) >= 0.5
    assert fastnn.load(tmp_path / "resnet34.pth")["layer4.2.conv2.weight"].shape == (512, 512, 3, 3)
