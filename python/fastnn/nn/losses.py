"""Losses as modules: ``criterion = CrossEntropyLoss(); loss = criterion(output, target)``."""

from __future__ import annotations

from fastnn.eager.tensor import Tensor
from fastnn.nn import functional
from fastnn.nn.module import Module


class _Loss(Module):
    # What a network's outputs predict that was trained with it: fastnn.nn.labels.PREDICTIONS.
    predicts = "numbers"

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        functional._check_reduction(type(self).__name__, reduction)
        self.reduction = reduction


class CrossEntropyLoss(_Loss):
    """Softmax cross-entropy of logits (N, C) and int64 labels (N,), see :func:`fastnn.nn.functional.cross_entropy`."""

    predicts = "softmax"

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(logits, target, self.reduction)


class NLLLoss(_Loss):
    """Negative log-likelihood of log-probabilities (N, C) and int64 labels (N,)."""

    predicts = "softmax"  # of logarithms of probabilities: these again

    def forward(self, log_probabilities: Tensor, target: Tensor) -> Tensor:
        return functional.nll_loss(log_probabilities, target, self.reduction)


class MSELoss(_Loss):
    """Mean squared error of two tensors of one shape, see :func:`fastnn.nn.functional.mse_loss`."""

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(x, target, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of logits and targets in [0, 1], one shape."""

    predicts = "sigmoid"

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(x, target, self.reduction)
