"""Losses made of other operations. :mod:`fastnn.nn.functional` has them all, and those with an op of their own."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from fastnn.eager import ops
from fastnn.eager.dtypes import Size
from fastnn.eager.selection import where
from fastnn.eager.spelling import spelled
from fastnn.eager.support import as_array, promoted, result, wrap
from fastnn.eager.tensor import Tensor
from fastnn.errors import outside, told
from fastnn.nn.activation_functions import softplus


def reduction_of(size_average: Any, reduce: Any, reduction: str) -> str:
    """What PyTorch's older arguments ask for: reduce=False is "none", size_average=False is "sum"."""
    if size_average is None and reduce is None:
        return reduction
    return "none" if reduce is False else "sum" if size_average is False else "mean"


def check_reduction(name: str, reduction: str, *others: str) -> None:
    """Refuses what is no reduction.

    Raises:
        ValueError: it is neither "mean", "sum" nor "none".
    """
    if reduction not in ("mean", "sum", "none", *others):
        raise ValueError(f"[{name}] reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """Losses of each element or sample as a loss."""
    return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()


def alike(x: Tensor, target: Tensor, label: str) -> tuple[Tensor, Tensor]:
    """An output and a target that are to be compared element by element, in one dtype and shape.

    Shapes that differ and broadcast are broadcast, with a warning: (N,) beside (N, 1) compares all pairs.

    Raises:
        ValueError: the shapes do not broadcast.
    """
    x, target = promoted(x, target)
    if x._data.shape == target._data.shape:
        return x, target
    found = f"[{label}] the output has shape {tuple(x.shape)}, the target {tuple(target.shape)}: they must be equal"
    try:
        shape = np.broadcast_shapes(x._data.shape, target._data.shape)
    except ValueError:
        raise _differ(f"{found} (no broadcasting makes them so)", x, target) from None
    text = (
        f"{found}. They are broadcast to {shape}, as PyTorch does, which compares every element of the one with "
        f"several of the other and is hardly what was meant: use target.view{_hint(x.shape, target)}"
    )
    warnings.warn(text, UserWarning, stacklevel=outside())
    return x.expand(shape), target.expand(shape)


def check_target(x: Tensor, target: Tensor, label: str) -> None:
    """Refuses a target that is the output of a network, which may stand in the other's place.

    Raises:
        RuntimeError: it requires grad.
    """
    if target.requires_grad:
        how = "detach() it" if x.requires_grad else "are the two swapped? The outputs come first, criterion(outputs, y)"
        error = RuntimeError(f"[{label}] the target requires grad: {how}")
        raise error if x.requires_grad else told(error, "loss.swapped")


def check_equal_shapes(x: Tensor, target: Tensor, label: str) -> None:
    """Refuses what PyTorch does not broadcast either.

    Raises:
        ValueError: the shapes differ.
    """
    if x._data.shape != target._data.shape:
        fits = target.numel() == x.numel()
        how = f"target.view{_hint(x.shape, target)}"
        text = f"[{label}] the output has shape {tuple(x.shape)}, the target {tuple(target.shape)}: they must be equal"
        raise _differ(f"{text} (no broadcasting); use {how}", x, target, how if fits else None)


def _differ(text: str, x: Tensor, target: Tensor, how: str | None = None) -> ValueError:
    return told(ValueError(text), "loss.shapes", output=tuple(x.shape), target=tuple(target.shape), how=how)


def _hint(shape: tuple[int, ...], target: Tensor) -> str:
    if target.numel() == Size(shape).numel():
        return repr(tuple(-1 if i == 0 else extent for i, extent in enumerate(shape)))
    return f"{tuple(shape)}, once it has as many elements"


def _size(x: Tensor) -> Tensor:
    """|x|, of operations that plans have."""
    return x.relu() + (-x).relu()


@spelled
def l1_loss(x: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> Tensor:
    """Mean of |x - target|. Shapes as in :func:`fastnn.nn.functional.mse_loss`."""
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction("l1_loss", reduction)
    x, target = alike(x, target, "l1_loss")
    return reduced(_size(x - target), reduction)


@spelled
def huber_loss(
    x: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Mean of d^2 / 2 where d = |x - target| is at most delta, else delta (d - delta / 2).

    Raises:
        ValueError: delta is not above 0.
    """
    check_reduction("huber_loss", reduction)
    if not delta > 0:
        raise ValueError(f"[huber_loss] delta is {delta}; it must be above 0")
    x, target = alike(x, target, "huber_loss")
    losses = _huber(x - target, delta)
    return reduced(losses if weight is None else losses * weight, reduction)


def _huber(off: Tensor, delta: float) -> Tensor:
    size = _size(off)
    square = size - (size - delta).relu()  # min(d, delta)
    return square * (size - square * 0.5)


@spelled
def smooth_l1_loss(
    x: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Mean of d^2 / (2 beta) where d = |x - target| is below beta, else d - beta / 2; beta = 0: :func:`l1_loss`.

    Raises:
        ValueError: beta is negative.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction("smooth_l1_loss", reduction)
    if not beta >= 0:
        raise ValueError(f"[smooth_l1_loss] beta is {beta}; it must not be negative")
    x, target = alike(x, target, "smooth_l1_loss")
    return reduced(_size(x - target) if beta == 0 else _huber(x - target, beta) / beta, reduction)


@spelled
def binary_cross_entropy(
    x: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Mean of -(t log x + (1 - t) log(1 - x)) of probabilities; a logarithm is -100 at least, as PyTorch has it.

    Raises:
        ValueError: shapes differ, or x is not within 0..1.
    """
    label = "binary_cross_entropy"
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(label, reduction)
    x, target = promoted(x, target)
    check_target(x, target, label)
    check_equal_shapes(x, target, label)
    p, t = x._read("binary_cross_entropy()"), target._data
    if p.size and (p.min() < 0 or p.max() > 1):
        low, high = f"{p.min():.4g}", f"{p.max():.4g}"
        text = (
            f"[{label}] outputs run from {low} to {high}; they must be probabilities, in 0..1: apply "
            f"sigmoid(), or use binary_cross_entropy_with_logits (BCEWithLogitsLoss), which takes them as they are"
        )
        raise told(ValueError(text), "loss.probabilities", low=low, high=high)
    losses = _bce(x, p, t)
    return reduced(losses if weight is None else losses * weight, reduction)


def _bce(x: Tensor, p: np.ndarray, t: np.ndarray) -> Tensor:
    least, tiny = np.asarray(-100, p.dtype), np.asarray(1e-12, p.dtype)
    other = ops.subtract(np.ones((), p.dtype), p)
    logs = (ops.exact("maximum", ops.log(share), least) for share in (p, other))
    log_p, log_other = logs
    gain = ops.add(ops.multiply(t, log_p), ops.multiply(ops.subtract(np.ones((), p.dtype), t), log_other))

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        slope = ops.divide(ops.subtract(p, t), ops.exact("maximum", ops.multiply(p, other), tiny))
        return (ops.multiply(g, slope),)

    return result(ops.multiply(gain, -1.0), (x,), backward, "BinaryCrossEntropy", reads=((0, None),))


def weighted_bce_with_logits(x: Tensor, target: Tensor, weight: Any, pos_weight: Any, reduction: str) -> Tensor:
    """Mean of weight ((1 - t) x + (1 + (pos_weight - 1) t) log(1 + exp(-x)))."""
    costs = softplus(-x)
    if pos_weight is not None:
        costs = costs * ((pos_weight - 1) * target + 1)
    losses = (1 - target) * x + costs
    return reduced(losses if weight is None else losses * weight, reduction)


def probability_cross_entropy(logits: Tensor, target: Tensor, weight: Any, reduction: str, smoothing: float) -> Tensor:
    """Mean over samples (N, C, ...) of the sum over classes of -weight[c] t[c] log softmax(x)[c]."""
    x, t = promoted(logits, target)
    dim = 0 if x.dim() == 1 else 1
    classes = x.shape[dim]
    if smoothing:
        t = t * (1 - smoothing) + smoothing / classes
    if weight is not None:
        factors = class_weights(weight, classes, x, "cross_entropy")
        t = t * factors.reshape(*(classes if axis == dim else 1 for axis in range(x.dim())))
    return reduced(-(x.log_softmax(dim) * t).sum(dim), reduction)


def class_weights(weight: Any, classes: int, like: Tensor, label: str) -> Tensor:
    """The weights (C,) of classes, in another tensor's dtype.

    Raises:
        ValueError: another shape.
    """
    values = as_array(weight)
    if values.shape != (classes,):
        raise ValueError(f"[{label}] weight has shape {values.shape}; there are {classes} classes")
    return wrap(values.astype(like._data.dtype))


@spelled
def kl_div(
    x: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Kullback-Leibler divergence: mean of t (log t - x) of log-probabilities x and probabilities t.

    log_target: log t is what is given. reduction "batchmean": the sum over the number of samples, the divergence.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction("kl_div", reduction, "batchmean")
    x, target = promoted(x, target)
    if log_target:
        losses = target.exp() * (target - x)
    else:
        there = target > 0  # t log t is 0 at 0
        losses = where(there, target * where(there, target, 1.0).log(), 0.0) - target * x
    return losses.sum() / len(x) if reduction == "batchmean" else reduced(losses, reduction)


@spelled
def soft_margin_loss(x: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Mean of log(1 + exp(-t x)), targets -1 or 1."""
    return reduced(softplus(-target * x), reduction)


@spelled
def hinge_embedding_loss(x: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """Mean of x where the target is 1, and of max(0, margin - x) where it is -1."""
    return reduced(where(target == 1, x, (margin - x).relu()), reduction)


def margin_ranking_loss(x1: Tensor, x2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean") -> Tensor:
    """Mean of max(0, -t (x1 - x2) + margin), targets -1 or 1."""
    return reduced((-target * (x1 - x2) + margin).relu(), reduction)


@spelled
def poisson_nll_loss(
    x: Tensor, target: Tensor, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Tensor:
    """Mean of exp(x) - t x, x being the logarithm of the rate; not log_input: x - t log(x + eps).

    Raises:
        ValueError: full is true: Stirling's term, which has no gradient, is not there.
    """
    if full:
        raise ValueError("[poisson_nll_loss] full=True is not there: its term is constant, leave it out")
    return reduced(x.exp() - target * x if log_input else x - target * (x + eps).log(), reduction)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """Norm of x1 - x2 + eps along the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (|x1| |x2|) along dim, each norm eps at least."""
    sizes = [x.norm(2, dim, True).clamp(min=eps) for x in (x1, x2)]
    return ((x1 / sizes[0]) * (x2 / sizes[1])).sum(dim)


@spelled
def normalize(x: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x over its norm along dim, which is eps at least."""
    return x / x.norm(p, dim, True).clamp(min=eps)


def cosine_embedding_loss(
    x1: Tensor, x2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """Mean of 1 - cos(x1, x2) where the target is 1, and of max(0, cos - margin) where it is -1."""
    cos = cosine_similarity(x1, x2, -1)
    return reduced(where(target == 1, 1 - cos, (cos - margin).relu()), reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Mean of max(0, |anchor - positive| - |anchor - negative| + margin)."""
    near, far = (pairwise_distance(anchor, other, p, eps) for other in (positive, negative))
    return reduced((near - far + margin).relu(), reduction)
