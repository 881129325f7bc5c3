"""--model MODULE:CLASS: a class of the user's own, trained, tested and asked; every way in which that can fail."""

from __future__ import annotations

import json
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn.commands import networks
from fastnn.training.model_files import load_model
from job_runs import Outcome, call, refused, train_json
from PIL import Image

PREDICT = "fastnn.commands.predict"

NET = """
import torch
from torch import nn

from part import WIDTH


class Net(nn.Module):
    def __init__(self, num_classes, in_channels=3, size=0, width=WIDTH):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, 3)
        self.fc = nn.Linear(width * (size - 2) ** 2, num_classes)

    def forward(self, x):
        return self.fc(torch.flatten(torch.relu(self.conv(x)), 1))


class Narrow(Net):
    def __init__(self, **options):
        super().__init__(10, 1, 8)


class Needy(Net):
    def __init__(self, num_classes, hidden, depth):
        super().__init__(num_classes)


class Broken(Net):
    def __init__(self, num_classes):
        raise KeyError("lost")


class Blind(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes, 3, 8)


def make(input_shape, num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(input_shape[0] * input_shape[1] * input_shape[2], num_classes))


class Tanh(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(64, 5), nn.Linear(5, 3)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x.view(-1, 64))))


def nothing():
    return {}


class Other:
    pass
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, imports_put_back: None) -> Path:
    """The current folder, with the network in it."""
    (tmp_path / "mynet.py").write_text(NET)
    (tmp_path / "part.py").write_text("WIDTH = 3\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tensors_alone(folder: Path, tree: Path) -> None:
    """Of layers with tanh between, which a file of tensors does not tell; of images whose size nothing tells."""
    tanh = networks.own("mynet.py:Tanh")()
    fastnn.save(tanh.state_dict(), "tanh.pth")
    Image.fromarray((np.arange(64) * 3).astype(np.uint8).reshape(8, 8)).save("x.png")
    with fastnn.no_grad():
        scores = tanh(fastnn.from_numpy(np.arange(64, dtype=np.float32) * 3 / 255))[0]
    told = json.loads(call("tanh.pth", "x.png", "--model", "mynet.py:Tanh", "--raw", "--json", module=PREDICT).out)
    assert list(told["probabilities"].values()) == pytest.approx(fastnn.softmax(scores, 0).tolist(), abs=1e-6)
    assumed = call("tanh.pth", "t.c", module="fastnn.commands.export").err
    assert "tanh.pth does not tell all of its network. Assumed: its layers: ReLU between them" in assumed

    net = networks.create("mynet.py:Net", (3, 8, 8), 2)
    fastnn.save(net.state_dict(), "net.pth")
    words = ("net.pth", "x.png", "--model", "mynet.py:Narrow")
    refused(call(*words, module=PREDICT), "net.pth does not tell the size of its images: add --input-shape CxHxW, such")
    asked = call("net.pth", "x.png", "--model", "mynet.py:Blind", "--input-shape", "3x8x8", module=PREDICT)
    assert asked.code == 0 and asked.lines[0].startswith("x.png: ")


def test_each_network_has_a_file_of_its_own(folder: Path, tree: Path) -> None:
    for words in (("--arch", "64-16-3"), ("--model", "mynet.py:Net")):
        assert call("--data", tree, "--epochs", 1, *words).code == 0
    assert load_model("mnist.pth")[0].sizes == (64, 16, 3) and Path("Net.pth").exists()


@pytest.mark.parametrize("name", ["mynet:Net", "mynet.py:Net"])
def test_trained_tested_and_asked(name: str, folder: Path, tree: Path) -> None:
    words = ("--data", tree, "--model", name, "--epochs", 2, "--batch-size", 4, "--out", "net.pth")
    run = call(*words)
    assert run.code == 0 and run.err == ""
    assert f"net.pth has the weights of {name}, not its code: evaluate and predict take --model {name} too" in run.lines
    tested = call("net.pth", "--data", tree, "--model", name, module="fastnn.evaluate")
    assert (tested.code, tested.err) == (0, "") and tested.accuracy == run.accuracy
    refused(
        call("net.pth", "--data", tree, module="fastnn.evaluate"), "net.pth: the network is a 'mynet.Net'", "--model"
    )
    network, info = networks.load("net.pth", name)
    assert (info.input_shape, info.classes) == ((1, 8, 8), ["cat", "dog", "emu"])
    assert network.predict(np.zeros((2, 1, 8, 8), np.float32)).shape == (2, 3)


def test_resumed(folder: Path, tree: Path) -> None:
    words = ("--data", tree, "--model", "mynet:Net", "--batch-size", 4)
    train_json(*words, "--epochs", 1, "--checkpoint-every", 5, cwd=folder, here=True)
    found = train_json(*words, "--epochs", 2, "--resume", cwd=folder, here=True)
    assert found == found | {"epochs": 2} and found["plan_steps"] == 9 + 1
    whole = train_json(*words, "--epochs", 2, cwd=folder, here=True)
    assert found["parameters_sha256"] == whole["parameters_sha256"]
    other = call(*words, "--model", "mynet.py:Net", "--out", "model.pth", "--resume", "--checkpoint-every", 1)
    assert other.code == 0 or "--model was 'mynet:Net'" in other.err


def test_of_layers_that_a_file_holds(folder: Path, tree: Path) -> None:
    """A function that makes a network of fastnn's layers: its file tells all."""
    run = call("--data", tree, "--model", "mynet:make", "--epochs", 1, "--out", "net.pth")
    assert "not its code" not in run.out
    assert call("net.pth", "--data", tree, module="fastnn.evaluate").accuracy == run.accuracy
    assert type(load_model("net.pth")[0]._modules[""]).__name__ == "Sequential"


def test_sizes_that_are_no_squares(folder: Path, tree: Path) -> None:
    (folder / "sized.py").write_text("from mynet import *\nmake = lambda size: print('size', size)\n")
    refused(attempt("sized:make", tree, "--resize", "6x5"), "sized:make(size=(5, 6)) gives a NoneType, no nn.Module")


def attempt(name: str, tree: Path, *words: object) -> Outcome:
    return call("--data", tree, "--model", name, "--epochs", 1, "--out", "net.pth", *words)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("nonet:Net", ("there is no module nonet: name one that can be imported, or a file, nonet.py:CLASS",)),
        ("non.et:Net", ("there is no module non: name",)),
        ("nonet.py:Net", ("there is no file nonet.py",)),
        ("mynet:Nett", ("mynet has no Nett; did you mean 'Net'?",)),
        ("mynet:Zebra", ("mynet has no Zebra; it has Net, Narrow, Needy, Broken, Blind",)),
        ("part:Net", ("part has no Net; no class in it is an nn.Module",)),
        ("mynet:Other", ("Other is no class of nn.Module, nor a function that makes one",)),
        ("part:WIDTH", ("WIDTH is no class of nn.Module",)),
        ("mynet:nothing", ("mynet:nothing() gives a dict, no nn.Module",)),
        ("mynet:Needy", ("it cannot be made without hidden, depth: only those of num_classes, in_channels, size",)),
        ("mynet:Broken", ("mynet:Broken(num_classes=3) cannot be made: KeyError: 'lost' (mynet.py, line 30)",)),
        ("mynet:Narrow", ("it gives outputs (1, 10) of one image, (1, 3) are expected for 3 classes",)),
        ("mynet:Blind", ("it takes no images (1, 8, 8): ValueError: ", "(mynet.py, line 15)")),
        ("typo.py:Net", ("typo.py cannot be imported: SyntaxError: ", "typo.py, line 2")),
        (
            "hungry:Net",
            ("hungry cannot be imported: ModuleNotFoundError: No module named 'rare'", "(hungry.py, line 1)"),
        ),
        ("modern.py:Net", ("modern.py cannot be imported: fastnn has no torch.fx", "(modern.py, line 1)")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_fails(name: str, parts: tuple[str, ...], folder: Path, tree: Path) -> None:
    """One message each, and no file left behind."""
    (folder / "typo.py").write_text("x = 1\nclass Net(:\n")
    (folder / "script.py").write_text("import sys\nsys.exit(3)\n")
    (folder / "hungry.py").write_text("import rare\n")
    (folder / "modern.py").write_text("import torch.fx\n")
    (folder / "__pycache__").mkdir(exist_ok=True)  # Python's own
    before = sorted(folder.iterdir())
    refused(attempt(name, tree), f"error: --model {name}: ", *parts)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("name", ["mynet", "lenet6", ":Net", "mynet:", "mynet:a b"])
def test_what_is_no_name(name: str, folder: Path, tree: Path) -> None:
    refused(attempt(name, tree), f"argument --model: invalid choice: {name!r} (choose from lenet, ", "MODULE:CLASS")


def test_another_class_than_the_file_is_of(folder: Path, tree: Path) -> None:
    attempt("mynet:Net", tree)
    words = ("net.pth", "--data", tree)
    refused(call(*words, "--model", "mynet:make", module="fastnn.evaluate"), "net.pth is no mynet:make (this state")
    refused(call(*words, "--model", "nonet:Net", module="fastnn.evaluate"), "error: --model nonet:Net: there is no")
