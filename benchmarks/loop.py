"""The five steps of every tutorial, typed out with fastnn's eager tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from fastnn import Tensor, nn, optim
from fastnn.utils.data import DataLoader, TensorDataset

from benchmarks.train_step import network

if TYPE_CHECKING:
    from benchmarks.training import Job


class Trainer:
    """fastnn's eager loop, over batches in a list or out of a loader."""

    eps_corrected = True

    def __init__(self, job: Job, loader: bool = False) -> None:
        self.model = network(job)
        work = job.work
        self.criterion = nn.CrossEntropyLoss() if work.loss == "cross_entropy" else nn.MSELoss()
        update = optim.Adam if work.optimizer == "adam" else optim.SGD
        self.optimizer = update(self.model.parameters(), lr=work.lr)
        self.batches = [(Tensor(x), Tensor(y)) for x, y in job.batches()]
        if loader:
            self.batches = DataLoader(TensorDataset(Tensor(job.x), Tensor(job.y)), batch_size=work.batch)
        self.name = f"fastnn loop{', DataLoader' * loader}"
        self.settings = "loop: the tutorial's five steps, the optimizer with its default settings"

    def epoch(self) -> float:
        """The mean loss of an epoch."""
        losses = []
        for x, y in self.batches:
            loss = self.criterion(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
        return float(np.mean([loss.item() for loss in losses]))

    def parameters(self) -> list[np.ndarray]:
        """Weight (O, I) and bias (O,) of each layer."""
        return [parameter.detach().numpy().copy() for parameter in self.model.parameters()]
