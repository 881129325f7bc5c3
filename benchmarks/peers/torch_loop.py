"""The five steps of every tutorial in PyTorch, as written there: the optimizer with its default settings, over batches
in a list or out of a DataLoader in this process. The number of threads is the fastest one tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.peers import torch_train_step

if TYPE_CHECKING:
    from benchmarks.training import Job


class Trainer(torch_train_step.Trainer):
    """As the best setting, but for the optimizer and the loader."""

    label = "torch loop"
    settings = "loop: the tutorial's five steps, the optimizer with its default settings"

    def __init__(self, job: Job, loader: bool = False) -> None:
        self.loader = loader
        self.label += ", DataLoader" * loader
        super().__init__(job)

    def start(self) -> None:
        """A model at the job's parameters, its loss and its optimizer."""
        super().start()
        self.optimizer = type(self.optimizer)(self.model.parameters(), lr=self.job.work.lr)
        if self.loader:
            data = TensorDataset(torch.from_numpy(self.job.x), torch.from_numpy(self.job.y))
            self.batches = DataLoader(data, batch_size=self.job.work.batch)
