"""Losses as modules: ``criterion = CrossEntropyLoss(); loss = criterion(output, target)``."""

from __future__ import annotations

from typing import Any

from fastnn.eager.tensor import Tensor
from fastnn.nn import functional
from fastnn.nn.mistakes import made_of_tensors
from fastnn.nn.module import Module


class _Loss(Module):
    """A loss with a reduction: "mean", "sum" or "none". size_average and reduce are PyTorch's older words for it."""

    _reductions: tuple[str, ...] = ()  # others than these three
    # What a network's outputs predict that was trained with it: fastnn.nn.labels.PREDICTIONS.
    predicts = "numbers"

    def __init__(self, size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> None:
        super().__init__()
        made_of_tensors(type(self).__name__, (size_average, reduce))
        if isinstance(size_average, str):  # MSELoss("sum")
            size_average, reduction = None, size_average
        reduction = functional.reduction_of(size_average, reduce, reduction)
        functional.check_reduction(type(self).__name__, reduction, *self._reductions)
        self.reduction = reduction

    def _keep(self, name: str, weight: Any) -> None:
        """A weight as a buffer, which is saved with the loss; None as it is."""
        if weight is None:
            setattr(self, name, None)
        else:
            self.register_buffer(name, weight if isinstance(weight, Tensor) else Tensor(weight).float())


class _WeightedLoss(_Loss):
    def __init__(
        self, weight: Any = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:
        if isinstance(weight, str):  # CrossEntropyLoss("sum")
            weight, size_average = None, weight
        super().__init__(size_average, reduce, reduction)
        self._keep("weight", weight)


class _ClassLoss(_WeightedLoss):
    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        ignore_index: int = -100,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index


class NLLLoss(_ClassLoss):
    """Negative log-likelihood of log-probabilities (N, C) and int64 labels (N,), see
    :func:`fastnn.nn.functional.nll_loss`.
    """

    predicts = "softmax"  # of logarithms of probabilities: these again

    def forward(self, log_probabilities: Tensor, target: Tensor) -> Tensor:
        rest = (self.weight, None, self.ignore_index, None, self.reduction)
        return functional.nll_loss(log_probabilities, target, *rest)


class CrossEntropyLoss(_ClassLoss):
    """Softmax cross-entropy of logits (N, C) and int64 labels (N,), see :func:`fastnn.nn.functional.cross_entropy`."""

    predicts = "softmax"

    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        ignore_index: int = -100,
        reduce: Any = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, ignore_index, reduce, reduction)
        if not 0.0 <= label_smoothing <= 1.0:
            raise ValueError(f"CrossEntropyLoss: label_smoothing is {label_smoothing}; it must be from 0 to 1")
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        rest = (self.weight, None, self.ignore_index, None, self.reduction, self.label_smoothing)
        return functional.cross_entropy(logits, target, *rest)


class MSELoss(_Loss):
    """Mean squared error, see :func:`fastnn.nn.functional.mse_loss`."""

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(x, target, self.reduction)


class L1Loss(_Loss):
    """Mean of |x - target|, see :func:`fastnn.nn.functional.l1_loss`."""

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return functional.l1_loss(x, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """Squares near 0, absolute values beyond beta, see :func:`fastnn.nn.functional.smooth_l1_loss`."""

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean", beta: float = 1.0
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return functional.smooth_l1_loss(x, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """Squares near 0, absolute values beyond delta, see :func:`fastnn.nn.functional.huber_loss`."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return functional.huber_loss(x, target, self.reduction, self.delta)


class BCELoss(_WeightedLoss):
    """Binary cross-entropy of probabilities and targets in [0, 1], one shape, see
    :func:`fastnn.nn.functional.binary_cross_entropy`.
    """

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy(x, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """Binary cross-entropy of logits and targets in [0, 1], one shape, see
    :func:`fastnn.nn.functional.binary_cross_entropy_with_logits`.
    """

    predicts = "sigmoid"

    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
        pos_weight: Any = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self._keep("pos_weight", pos_weight)

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        rest = (self.weight, None, None, self.reduction, self.pos_weight)
        return functional.binary_cross_entropy_with_logits(x, target, *rest)


class KLDivLoss(_Loss):
    """Kullback-Leibler divergence of log-probabilities and probabilities, see :func:`fastnn.nn.functional.kl_div`."""

    predicts = "softmax"  # of logarithms of probabilities: these again
    _reductions = ("batchmean",)

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean", log_target: bool = False
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return functional.kl_div(x, target, reduction=self.reduction, log_target=self.log_target)


class SoftMarginLoss(_Loss):
    """Mean of log(1 + exp(-t x)), targets -1 or 1."""

    predicts = "sigmoid"

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return functional.soft_margin_loss(x, target, self.reduction)


class PoissonNLLLoss(_Loss):
    """Mean of exp(x) - t x, see :func:`fastnn.nn.functional.poisson_nll_loss`."""

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: Any = None,
        eps: float = 1e-8,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return functional.poisson_nll_loss(x, target, self.log_input, self.full, self.eps, self.reduction)


class _MarginLoss(_Loss):
    _margin = 0.0

    def __init__(
        self, margin: float | None = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = self._margin if margin is None else margin


class MarginRankingLoss(_MarginLoss):
    """Mean of max(0, -t (x1 - x2) + margin), targets -1 or 1."""

    def forward(self, x1: Tensor, x2: Tensor, target: Tensor) -> Tensor:
        return functional.margin_ranking_loss(x1, x2, target, self.margin, self.reduction)


class CosineEmbeddingLoss(_MarginLoss):
    """1 - cos of alike vectors, cos - margin of others, see :func:`fastnn.nn.functional.cosine_embedding_loss`."""

    def forward(self, x1: Tensor, x2: Tensor, target: Tensor) -> Tensor:
        return functional.cosine_embedding_loss(x1, x2, target, self.margin, self.reduction)


class HingeEmbeddingLoss(_MarginLoss):
    """Mean of x where the target is 1, and of max(0, margin - x) where it is -1."""

    _margin = 1.0

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return functional.hinge_embedding_loss(x, target, self.margin, self.reduction)


class TripletMarginLoss(_Loss):
    """Mean of max(0, |anchor - positive| - |anchor - negative| + margin)."""

    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin, self.p, self.eps = margin, p, eps

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        rest = (self.margin, self.p, self.eps, self.reduction)
        return functional.triplet_margin_loss(anchor, positive, negative, *rest)
