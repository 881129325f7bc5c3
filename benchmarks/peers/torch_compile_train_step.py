"""PyTorch's step with ``torch.compile`` over forward and loss (so that backward is compiled too)."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.peers import torch_train_step


class Trainer(torch_train_step.Trainer):
    """As eager, but for the compiled forward."""

    label = "torch.compile"
    settings = "torch.compile: forward and loss compiled; the rest as torch eager; compile time is not counted"
    compiled: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

    def start(self) -> None:
        """A model at the job's parameters, its loss and its optimizer."""
        super().start()
        self.compiled = torch.compile(super().forward)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The loss of a batch."""
        return self.compiled(x, y)
