"""PyTorch's tutorials, as they are written: with their import lines changed, and with nothing changed at all."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fastnn import _core
from PIL import Image
from processes import environment
from small_data import write_digits, write_mnist
from tutorial_runs import TORCH, Run, python, runner

HERE = Path(__file__).parent


@pytest.fixture(params=["imports changed", "unchanged"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return runner(tmp_path, TORCH if request.param == "imports changed" else None)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """mnist_images: 320 training and 80 test digits as PNG files."""
    return write_digits(tmp_path / "mnist_images", 320, 80)


def test_model(run: Run) -> None:
    assert run(HERE / "digits/model.py") == [
        "Network(",
        "  (layer1): Linear(in_features=784, out_features=256, bias=True)",
        "  (layer2): Linear(in_features=256, out_features=10, bias=True)",
        ")",
        "",
        "layer(layer1) parameters:",
        "\t torch.Size([256, 784]) has 200704 parameters",
        "\t torch.Size([256]) has 256 parameters",
        "layer(layer2) parameters:",
        "\t torch.Size([10, 256]) has 2560 parameters",
        "\t torch.Size([10]) has 10 parameters",
        "The model has 203530 trainable parameters",
        "",
        "x: torch.Size([5, 28, 28])",
        "after view: torch.Size([5, 784])",
        "after layer1: torch.Size([5, 256])",
        "after relu: torch.Size([5, 256])",
        "after layer2: torch.Size([5, 10])",
    ]


def test_data(run: Run, images: Path) -> None:
    lines = run(HERE / "digits/data.py")
    assert lines[:10] == [
        "train_dataset length:  320",
        "test_dataset length:  80",
        "train_loader length:  5",
        "Dataset ImageFolder",
        "    Number of datapoints: 320",
        "    Root location: ./mnist_images/train",
        "    StandardTransform",
        "Transform: Compose(",
        "               Grayscale(num_output_channels=1)",
        "               ToTensor()",
    ]
    assert lines[10] == "           )"
    for batch in range(3):  # three lines of labels: 24, 24 and 16 to a line
        part = lines[11 + 6 * batch : 17 + 6 * batch]
        assert part[:3] == [
            f"batch_idx:  {batch}",
            "data.shape:  torch.Size([64, 1, 28, 28])",
            "label:  torch.Size([64])",
        ]
        assert re.fullmatch(r"tensor\(\[(\d, ){23}\d,", part[3]) and re.fullmatch(r" {8}(\d, ){15}\d\]\)", part[5])
    assert len(lines) == 29


def test_train_and_test(run: Run, images: Path, tmp_path: Path) -> None:
    lines = run(HERE / "digits/train.py")
    assert lines[:2] == ["train_dataset length:  320", "train_loader length:  5"]
    losses = [
        re.fullmatch(rf"Epoch {epoch + 1}/10 \| Batch 0/5 \| Loss: (\d\.\d{{4}})", line)
        for epoch, line in enumerate(lines[2:])
    ]
    assert len(losses) == 10 and float(losses[-1][1]) < 0.6 * float(losses[0][1])
    lines = run(HERE / "digits/test.py")
    assert lines[0] == "test_dataset length:  80"
    wrong = [
        re.fullmatch(r"wrong case: predict = (\d) y = (\d) img_path = \./mnist_images/test/(\d)/\d{5}\.png", line)
        for line in lines[1:-1]
    ]
    assert all(case and case[2] == case[3] != case[1] for case in wrong)
    right = 80 - len(wrong)
    assert lines[-1] == f"test accuracy = {right} / 80 = {right / 80:.3f}" and right >= 40


def test_784_200_200_200_10(run: Run, tmp_path: Path) -> None:
    """MSE and SGD on one-hot targets, then one image file predicted."""
    write_mnist(tmp_path / "data/MNIST/raw", 60)
    pixels, labels = _core.draw_digits(7, 0, 60)
    Image.fromarray(pixels[3]).save(tmp_path / "digit.png")
    lines = run(HERE / "scripts/mse_sgd.py")
    assert lines[0] == f"(28, 28) L {labels[0]} tensor({labels[:5].tolist()})"
    losses = [
        re.fullmatch(rf"Epoch \[{epoch + 1}/200\], Loss: (\d\.\d{{4}})", line) for epoch, line in enumerate(lines[1:-1])
    ]
    assert len(losses) == 200 and float(losses[-1][1]) < 0.02
    assert lines[-1] == f"Predicted label: {labels[3]}"


def test_evidence(run: Run, images: Path, tmp_path: Path) -> None:
    """14x14 images, one layer, its weights drawn digit by digit."""
    pytest.importorskip("matplotlib")
    lines = run(HERE / "scripts/evidence.py")
    assert lines[:3] == ["Evidence(", "  (layer): Linear(in_features=196, out_features=10, bias=True)", ")"]
    losses = [re.fullmatch(rf"Epoch {i + 1}/10 \| Loss: (\d\.\d{{4}})", line) for i, line in enumerate(lines[3:13])]
    assert float(losses[-1][1]) < float(losses[0][1])
    assert int(re.fullmatch(r"test accuracy = (\d+) / 80", lines[13])[1]) >= 50
    assert lines[14] == "evidence drawn: (10, 14, 14)"
    with Image.open(tmp_path / "evidence.png") as picture:  # red for, blue against
        colours = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
    assert (colours[:, 0] - colours[:, 2] > 200).any() and (colours[:, 2] - colours[:, 0] > 200).any()


def test_convolution_by_hand(run: Run) -> None:
    """The 5 x 5 example: PyTorch 2.13 prints these lines."""
    assert run(HERE / "scripts/conv5x5.py") == [
        "ConvNet(",
        "  (conv1): Conv2d(1, 1, kernel_size=(3, 3), stride=(1, 1), bias=False)",
        "  (pool): MaxPool2d(kernel_size=2, stride=2, padding=1, dilation=1, ceil_mode=False)",
        "  (flatten): Flatten(start_dim=1, end_dim=-1)",
        ")",
        "tensor([[[[12., 12., 17.],",
        "          [10., 17., 19.],",
        "          [ 9.,  6., 14.]]]], grad_fn=<ConvolutionBackward0>)",
        "tensor([[[[12., 17.],",
        "          [10., 19.]]]], grad_fn=<MaxPool2DWithIndicesBackward0>)",
        "tensor([[12., 17., 10., 19.]], grad_fn=<ViewBackward0>)",
        "torch.Size([1, 4])",
        "tensor([[[[6., 7., 4.],",
        "          [6., 6., 7.],",
        "          [7., 5., 7.]]]])",
        "Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))",
        "torch.Size([6, 1, 5, 5]) torch.Size([6])",
    ]


def fits(lines: list[str], epochs: int) -> float:
    """The mean squared error that the script prints last, under the lines of its epochs."""
    quarters = [epochs * i // 4 for i in range(1, 5)]
    for line, epoch in zip(lines, quarters, strict=False):
        assert re.fullmatch(rf"Epoch \[{epoch}/{epochs}\], Loss: \d\.\d{{4}}", line)
    assert len(lines) == 5 and lines[4].startswith("(50, 1) mse ")
    return float(lines[4].split()[-1])


@pytest.mark.parametrize("run", ["unchanged"], indirect=True)
def test_fit(run: Run) -> None:
    """1-3-1 with a data set of its own, a tenth of the tutorial's epochs."""
    assert fits(run(HERE / "scripts/fit.py", ("20000", "2000"), ("5000", "500")), 2000) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("run", ["unchanged"], indirect=True)
def test_fit_to_the_end(run: Run) -> None:
    assert fits(run(HERE / "scripts/fit.py"), 20000) < 0.02


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import torch\nx = torch.rand(2)\ntorch.foo(x)", "script.py, line 3: fastnn has no torch.foo"),
        ("from torch.nn import Conv3d", "script.py, line 1: fastnn has no torch.nn.Conv3d"),
        ("from torch.nn import Relu", "script.py, line 1: fastnn has no torch.nn.Relu? ReLU"),
        ("import torch\ntorch.sigmod(torch.rand(2))", "script.py, line 2: fastnn has no torch.sigmod? sigmoid"),
        ("import torch\ntorch.autograd.grad", "script.py, line 2: fastnn has no torch.autograd.grad"),
        ("import torch\ntorch.rand(2).sofmax(0)", "script.py, line 2: fastnn has no Tensor.sofmax? softmax"),
        ("import torchvision.ops", "script.py, line 1: fastnn has no torchvision.ops"),
        (
            "from torchvision.models import resnet18, ResNet18_Weights",
            "script.py, line 1: fastnn has no torchvision.models.ResNet18_Weights",
        ),
        ("import torch.fx as fx", "script.py, line 1: fastnn has no torch.fx"),
        ("import torch\ntorch.rand(2).polygamma(3)", "script.py, line 2: fastnn has no Tensor.polygamma"),
        ("import torch\ndef f():\n    return torch.nn.LSTM\nf()", "script.py, line 3: fastnn has no torch.nn.LSTM"),
    ],
)
def test_a_name_that_is_not_there(script: str, message: str, tmp_path: Path) -> None:
    done = run_script(tmp_path, script)
    assert (done.returncode, done.stdout) == (2, "")
    said, _, meant = message.partition("? ")
    likely = f"; did you mean {meant!r}?" if meant else ""
    assert done.stderr == f"{said}; python -m fastnn.run --list shows what there is{likely}\n"


def test_an_error_begins_at_the_scripts_line(tmp_path: Path) -> None:
    """Not with what runs the script."""
    done = run_script(tmp_path, "def f():\n    raise ValueError('mine')\ntry:\n    f()\nexcept ValueError:\n    f()")
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and "runpy" not in done.stderr and "fastnn" not in done.stderr
    assert lines[0] == "Traceback (most recent call last):"
    assert [line.strip() for line in lines if line.startswith("  File")] == [
        f'File "script.py", line {number}, in {name}'
        for number, name in ((4, "<module>"), (2, "f"), (6, "<module>"), (2, "f"))
    ]
    broken = run_script(tmp_path, "x = (")
    assert broken.stderr.startswith('  File "script.py", line 1\n') and "runpy" not in broken.stderr
    stopped = run_script(tmp_path, "raise KeyboardInterrupt")
    assert (stopped.returncode, "runpy" in stopped.stderr) == (130 if os.name == "nt" else -2, False)


LONGER = """
import torch
import torch.backends.cudnn as cudnn
import torch.nn as nn
from torch.autograd import Variable
from torch.cuda.amp.autocast_mode import autocast
from torch.cuda.amp.grad_scaler import GradScaler
from torch.nn.modules.loss import CrossEntropyLoss
from torch.nn.parameter import Parameter

torch.backends.cudnn.deterministic = True
cudnn.benchmark = False
if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator().type
else:
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def train(criterion: nn.modules.loss.CrossEntropyLoss, x: torch.Tensor) -> torch.FloatTensor:
    with autocast(), torch.inference_mode():
        return criterion(x, torch.LongTensor([1]))


x = Variable(torch.Tensor([[0, 1]]).to(device, non_blocking=True))
print(device, train(CrossEntropyLoss(label_smoothing=0.5), x).type(), isinstance(x, torch.FloatTensor))
"""


def test_longer_paths(tmp_path: Path) -> None:
    done = run_script(tmp_path, LONGER)
    assert (done.stdout, done.stderr) == ("cpu torch.FloatTensor True\n", "")


MODELS = """
import torchvision
import torchvision.models as M
from torch import nn
from torchvision import models
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock, ResNet
import fastnn

model = models.resnet18(pretrained=False)
model.fc = nn.Linear(model.fc.in_features, 2)
print(models is M is torchvision.models is fastnn.models, type(model) is ResNet, type(model.layer1[0]) is BasicBlock)
print(M.resnet34(weights=None, num_classes=3).fc, resnet18 is M.resnet18)
models.resnet18(pretrained=True)
"""


def test_models(tmp_path: Path) -> None:
    """torchvision's, without weights."""
    done = run_script(tmp_path, MODELS)
    shown = "True True True\nLinear(in_features=512, out_features=3, bias=True) True\n"
    assert (done.returncode, done.stdout) == (1, shown)
    assert "ValueError: resnet18: the package has no weights" in done.stderr.splitlines()[-1]


def run_script(folder: Path, script: str, *words: str) -> subprocess.CompletedProcess:
    (folder / "script.py").write_text(script + "\n")
    return python(folder, "-m", "fastnn.run", "script.py", *words)


def test_the_scripts_own_errors_stay_its_own(tmp_path: Path) -> None:
    done = run_script(tmp_path, "import sys\nprint(sys.argv, __name__)\n[].foo", "a", "--list")
    assert done.returncode == 1
    assert done.stdout == "['script.py', 'a', '--list'] __main__\n"
    assert "AttributeError: 'list' object has no attribute 'foo'" in done.stderr


@pytest.mark.skipif(_core.cuda_available(), reason="there is a GPU")
def test_there_is_no_gpu_and_it_says_so(tmp_path: Path) -> None:
    for call in ("torch.rand(2).cuda()", "torch.nn.Linear(2, 2).cuda()", "torch.rand(2).to('cuda:0')"):
        done = run_script(tmp_path, f"import torch\nassert not torch.cuda.is_available()\n{call}")
        assert done.returncode == 1 and _core.cuda_missing_reason() in done.stderr


def test_the_list_names_what_there_is(tmp_path: Path) -> None:
    done = python(tmp_path, "-m", "fastnn", "run", "--list")
    names = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert {"tensor", "relu", "nn", "optim", "device", "float32", "randn"} <= set(names["torch"].split())
    assert {"Linear", "CrossEntropyLoss", "functional"} <= set(names["torch.nn"].split())
    assert "ImageFolder" in names["torchvision.datasets"] and "argmax" in names["Tensor"].split()
    assert {"relu", "conv2d"} <= set(names["torch.nn.functional"].split()) and names[
        "keras.objectives"
    ] == "as keras.losses"
    internal = (
        "TYPE_CHECKING np told wrap Resident shown_path check_reduction promoted permutation mark_changed Finiteness"
    )
    assert not set(internal.split()) & set(done.stdout.split())


def test_the_list_ends_where_nobody_reads_it(tmp_path: Path) -> None:
    (tmp_path / "list.sh").write_text(f"set -o pipefail; '{sys.executable}' -m fastnn run --list | true; exit $?\n")
    done = subprocess.run(
        ["bash", "list.sh"], cwd=tmp_path, env=environment(), capture_output=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    for name, rest in (("tarin.py", "; did you mean 'train.py'?"), ("model.h5", ""), ("none/train.py", "")):
        done = python(tmp_path, "-m", "fastnn.run", name)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (
            2,
            f"fastnn.run: error: there is no script {name!r}{rest}",
        )
