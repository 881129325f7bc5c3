"""The five steps of every tutorial, typed out with fastnn's eager tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from fastnn import from_numpy
from fastnn.utils.data import DataLoader, TensorDataset

from benchmarks.train_step import FastnnTrainer

if TYPE_CHECKING:
    from benchmarks.training import Job


class Trainer(FastnnTrainer):
    """fastnn's eager loop, over batches in a list or out of a loader."""

    def __init__(self, job: Job, loader: bool = False) -> None:
        super().__init__(job, "eager")
        self.batches = [(from_numpy(x), from_numpy(y)) for x, y in job.batches()]
        if loader:
            self.batches = DataLoader(TensorDataset(from_numpy(job.x), from_numpy(job.y)), batch_size=job.work.batch)
        self.name = f"fastnn loop{', DataLoader' * loader}"
        self.settings = "loop: the tutorial's five steps, the optimizer with its default settings"

    def epoch(self) -> float:
        """The mean loss of an epoch."""
        criterion, optimizer = self.engine.criterion, self.engine.optimizer
        losses = []
        for x, y in self.batches:
            loss = criterion(self.model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return float(np.mean([loss.item() for loss in losses]))
