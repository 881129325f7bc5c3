"""PyTorch's networks of images, in the better of its two layouts and the fastest number of threads tried; training
steps with fused Adam. Structure and names are those of ``fastnn.models`` and torchvision."""

from __future__ import annotations

import time
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.peers import torch_train_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.images import ImageWork
    from benchmarks.training import Job

LAYOUTS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}


class LeNet(nn.Module):
    """Two convolutions with pooling, then 120-84-classes."""

    def __init__(self, shape: tuple[int, int, int], classes: int, padding: int) -> None:
        super().__init__()
        rows, columns = (((side + 2 * padding - 4) // 2 - 4) // 2 for side in shape[1:])
        self.conv1 = nn.Conv2d(shape[0], 6, 5, padding=padding)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(16 * rows * columns, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(functional.relu(self.conv1(x)))
        x = self.pool(functional.relu(self.conv2(x)))
        x = functional.relu(self.fc1(x.flatten(1)))
        return self.fc3(functional.relu(self.fc2(x)))


def small_cnn(channels: int, classes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((channels, 32, 64, 128)):
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, classes))


class Block(nn.Module):
    """Two 3x3 convolutions with batch norm beside a shortcut; parameters in torchvision's order."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += shortcut
        return self.relu(out)


def resnet34(channels: int, classes: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(channels, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64)]
    layers += [nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)]
    before = 64
    for outputs, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for number in range(blocks):
            layers.append(Block(before, outputs, 2 if number == 0 and outputs > 64 else 1))
            before = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


def make_model(work: ImageWork) -> nn.Module:
    """The network of a work."""
    channels = work.shape[0]
    return {
        "lenet5": lambda: LeNet(work.shape, work.classes, 2),
        "lenet": lambda: LeNet(work.shape, work.classes, 0),
        "small_cnn": lambda: small_cnn(channels, work.classes),
        "resnet34": lambda: resnet34(channels, work.classes),
    }[work.network]()


def network(job: Job, layout: str) -> nn.Module:
    """A job's network at its parameters, in a layout."""
    model = make_model(job.work)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), job.parameters, strict=True):
            parameter.copy_(torch.from_numpy(value))
    return model.to(memory_format=LAYOUTS[layout])


def batches_of(job: Job, layout: str) -> list[tuple[Tensor, Tensor]]:
    return [
        (torch.from_numpy(x).contiguous(memory_format=LAYOUTS[layout]), torch.from_numpy(y)) for x, y in job.batches()
    ]


def settings_of(job: Job, use: Callable[[str, int], object], run: Callable[[], object]) -> tuple[str, int]:
    """The layout and the number of threads that a run is fastest with, behind use(layout, threads) and one before."""
    seconds = {}
    for layout, threads in product(LAYOUTS, sorted({1, job.threads})):
        use(layout, threads)
        run()
        started = time.perf_counter()
        run()
        seconds[layout, threads] = time.perf_counter() - started
    return min(seconds, key=seconds.__getitem__)


class Contender:
    """What both have in common: the settings are chosen by what they are to do."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.use(*settings_of(job, self.use, self.run))
        self.name = f"torch {self.layout}, {self.threads} thread{'s' * (self.threads > 1)}"

    def use(self, layout: str, threads: int) -> None:
        """A fresh start in a layout, with so many threads."""
        self.layout, self.threads = layout, threads
        self.batches = batches_of(self.job, layout)
        self.model = network(self.job, layout)
        self.start()

    def start(self) -> None:
        """With what else there is."""

    def run(self) -> object:
        """The work."""
        raise NotImplementedError


class Trainer(Contender, torch_train_step.Trainer):
    """The five steps, with fused Adam."""

    settings = (
        "torch: eager, Adam with fused=True, batches resident, NCHW or channels_last, whichever is faster, losses read "
        "once an epoch, the faster of one thread and all"
    )

    def start(self) -> None:
        """With a fresh optimizer."""
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.job.work.lr, fused=True)

    def run(self) -> float:
        """An epoch."""
        return self.epoch()


class Model(Contender):
    """``model(x)`` in eval mode."""

    settings = "torch: model(x) under no_grad in eval mode, layout and threads as above"

    def start(self) -> None:
        """In eval mode."""
        self.model.eval()

    def run(self) -> np.ndarray:
        """Outputs (N, C) of all batches."""
        torch.set_num_threads(self.threads)
        with torch.no_grad():
            return torch.cat([self.model(x) for x, _ in self.batches]).numpy()
