"""PyTorch's model on images, under no_grad: one a call, or in batches of 1,000 (the size that fastnn takes, too). The
number of threads is the fastest one tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.peers.torch_train_step import fastest, network

if TYPE_CHECKING:
    from benchmarks.training import Job

BATCH = 1000


class Model:
    """An eager model."""

    settings = "torch: under no_grad, many images in batches of 1,000, the fastest number of threads"

    def __init__(self, job: Job) -> None:
        self.model = network(job)
        self.images = [torch.from_numpy(row) for row in job.x.reshape(len(job.x), 1, -1)]
        self.batches = torch.from_numpy(job.x).split(BATCH)
        call = self.all if job.work.batch > 1 else self.one_by_one
        self.use(fastest(job.threads, self.use, call))
        self.name = f"torch, {self.threads} thread{'s' * (self.threads > 1)}"

    def use(self, threads: int) -> None:
        """With so many threads from here on."""
        self.threads = threads

    def outputs(self, inputs: list[torch.Tensor]) -> np.ndarray:
        """The logits of each, together."""
        torch.set_num_threads(self.threads)
        with torch.no_grad():
            outputs = [self.model(x) for x in inputs]
        return torch.cat(outputs).numpy()

    def one_by_one(self) -> np.ndarray:
        """Outputs (N, C) of the job's images, each in a call of its own."""
        return self.outputs(self.images)

    def all(self) -> np.ndarray:
        """The same in batches."""
        return self.outputs(list(self.batches))
