"""PyTorch's eager training step in its best setting on a CPU.

Fused optimizer, gradients set to None, batches are slices of one resident float32 tensor (no DataLoader, no
copy), losses stay tensors until the epoch ends, and the number of threads is the fastest one tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from benchmarks.training import Job


def network(job: Job) -> nn.Sequential:
    """The job's network at its parameters."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(job.work.sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU() if job.work.activation == "relu" else nn.Sigmoid()]
    model = nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), job.parameters, strict=True):
            parameter.copy_(torch.from_numpy(value))
    return model


def fastest(most: int, use: Callable[[int], object], run: Callable[[], object]) -> int:
    """1, 2, 4, ... or all threads: what a run is fastest with, after use(threads) and one to warm up."""
    seconds = {}
    for threads in sorted({most} | {2**i for i in range(12) if 2**i < most}):
        use(threads)
        run()
        started = time.perf_counter()
        run()
        seconds[threads] = time.perf_counter() - started
    return min(seconds, key=seconds.__getitem__)


class Trainer:
    """The five steps of every tutorial."""

    label = "torch eager"
    settings = (
        "torch: optimizer with fused=True, zero_grad to None, batches are slices of a resident float32 tensor, "
        "losses read once an epoch, the fastest number of threads"
    )
    eps_corrected = True

    def __init__(self, job: Job) -> None:
        self.job = job
        self.batches = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in job.batches()]
        self.use(fastest(job.threads, self.use, self.epoch))
        self.name = f"{self.label}, {self.threads} thread{'s' * (self.threads > 1)}"

    def use(self, threads: int) -> None:
        """A fresh start with so many threads."""
        self.threads = threads
        self.start()

    def start(self) -> None:
        """A model at the job's parameters, its loss and its optimizer."""
        work = self.job.work
        self.model = network(self.job)
        self.criterion = nn.CrossEntropyLoss() if work.loss == "cross_entropy" else nn.MSELoss()
        update = torch.optim.Adam if work.optimizer == "adam" else torch.optim.SGD
        self.optimizer = update(self.model.parameters(), lr=work.lr, fused=True)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The loss of a batch."""
        return self.criterion(self.model(x), y)

    def epoch(self) -> float:
        """The mean loss of an epoch."""
        torch.set_num_threads(self.threads)
        losses = []
        for x, y in self.batches:
            loss = self.forward(x, y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).mean().item()

    def parameters(self) -> list[np.ndarray]:
        """Weight (O, I) and bias (O,) of each layer."""
        return [parameter.detach().numpy() for parameter in self.model.parameters()]
