"""Functions of tensors: the layers and losses without state. ``import fastnn.nn.functional as F``.

Gradients of sigmoid, softmax, log_softmax and the cross-entropies end at zero: below 2^-100 in magnitude (float64:
2^-996) they are 0, as the subnormal numbers that would follow cost some processors much time. Values do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fastnn import random
from fastnn.eager import autograd, ops
from fastnn.eager.images import adaptive_avg_pool2d as adaptive_avg_pool2d
from fastnn.eager.images import avg_pool2d as avg_pool2d
from fastnn.eager.images import batch_norm as batch_norm
from fastnn.eager.images import conv2d as conv2d
from fastnn.eager.images import max_pool2d as max_pool2d
from fastnn.eager.linalg import linear as linear
from fastnn.eager.support import promoted, reshaped, result, wrap
from fastnn.eager.tensor import Tensor
from fastnn.errors import told as _told
from fastnn.nn.labels import check_range as _check_range
from fastnn.nn.labels import first_outside as _first_outside

if TYPE_CHECKING:
    from fastnn.nn.dropout import Dropout


def relu(x: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), elementwise."""
    return x.relu()


def leaky_relu(x: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope x, elementwise.

    Raises:
        ValueError: negative_slope is not finite.
    """
    data, slope = x._data, float(negative_slope)
    y = ops.leaky_relu(data, slope)
    return result(
        y, (x,), lambda g: (ops.leaky_relu_backward(g, data, slope),), "LeakyRelu", reads=((0, autograd.ANY),)
    )


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), elementwise."""
    return x.sigmoid()


def tanh(x: Tensor) -> Tensor:
    """tanh(x), elementwise."""
    return x.tanh()


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """exp(x) / sum exp(x) along dim."""
    return x.softmax(dim)


def log_softmax(x: Tensor, dim: int = -1) -> Tensor:
    """log softmax along dim, without forming the softmax."""
    return x.log_softmax(dim)


def dropout_call(x: Tensor, p: float, module: Dropout) -> Tensor:
    """One training call of a Dropout module: its number and its calls so far pick the draw."""
    y, mask = ops.dropout(x._data, p, random.state.seed, module.calls, module.number)
    return result(y, (x,), lambda g: (ops.multiply(g, mask),), "Dropout")


def _reduced(total: np.ndarray, losses: np.ndarray, grad: np.ndarray, x: Tensor, reduction: str, name: str) -> Tensor:
    """A loss as a tensor: a mean or sum with the gradient at hand, or the per-sample losses."""
    if reduction == "none":
        spread = (losses.shape[0],) + (1,) * (grad.ndim - 1)
        return result(losses, (x,), lambda g: (ops.multiply(grad, reshaped(g, spread)),), name)
    return result(total, (x,), lambda g: (autograd.scaled(grad, g),), name)


def _check_reduction(name: str, reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"[{name}] reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def _check_integers(name: str, labels: Tensor) -> None:
    if labels._data.dtype.kind not in "iu":
        text = (
            f"[{name}] labels must be integers (int64), got {labels.dtype!r}: "
            f"class numbers, not one-hot rows or probabilities"
        )
        raise _told(TypeError(text), "labels.dtype", got=repr(labels.dtype))


def _scalar(loss: Tensor) -> Tensor:
    """The loss of a single sample without a batch dimension."""
    return loss if loss.dim() == 0 else loss.reshape(())


def cross_entropy(logits: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Softmax cross-entropy of logits (N, C) and integer labels (N,); a single sample (C,) with label () works too.

    loss = mean over samples of log(sum exp(x)) - x[label]. Do not apply softmax before it.

    Raises:
        ValueError: a label outside 0..C-1 (the first is named), an empty batch, sizes that differ.
        TypeError: labels are not integers.
    """
    _check_reduction("cross_entropy", reduction)
    _check_integers("cross_entropy", target)
    data, labels = logits._data, target._data
    if data.ndim == 1 and labels.ndim == 0:
        return _scalar(cross_entropy(logits.reshape(1, -1), target.reshape(1), reduction))
    if labels.dtype != np.int64:
        labels = ops.cast(labels, np.dtype(np.int64))
    return _reduced(*ops.cross_entropy(data, labels, reduction == "mean"), logits, reduction, "NllLoss")


def nll_loss(log_probabilities: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Negative log-likelihood of labels (N,) under log-probabilities (N, C).

    Raises:
        ValueError: a label outside 0..C-1 (the first is named).
        TypeError: labels are not integers.
    """
    _check_reduction("nll_loss", reduction)
    _check_integers("nll_loss", target)
    labels, classes = target._read("nll_loss()"), log_probabilities._data.shape[-1]
    wrong = _first_outside(labels, classes)
    if wrong is not None:
        label, last = int(labels[wrong]), classes - 1
        text = f"[nll_loss] label {label} at sample {wrong} is outside 0..{last}"
        raise _told(ValueError(text), "labels.range", label=label, sample=wrong, last=last)
    rows = Tensor(np.arange(len(labels), dtype=np.int64))
    picked = -log_probabilities[rows, target]
    return {"mean": picked.mean, "sum": picked.sum, "none": lambda: picked}[reduction]()


def _elementwise_loss(x: Tensor, target: Tensor, reduction: str, op: Callable, name: str, label: str) -> Tensor:
    _check_reduction(label, reduction)
    x, target = promoted(x, target)
    if x._data.shape != target._data.shape:
        raise ValueError(
            f"[{label}] the output has shape {x._data.shape}, the target {target._data.shape}: they must be equal "
            f"(no broadcasting: a (N,) target beside a (N, 1) output would compare every pair; use target.view(-1, 1))"
        )
    if target.requires_grad:
        raise RuntimeError(f"[{label}] the target requires grad; detach() it")
    if x._data.ndim == 0:
        return _scalar(_elementwise_loss(x.reshape(1), target.reshape(1), reduction, op, name, label))
    if reduction == "none":  # each element is a sample of its own
        shape = x._data.shape
        return _elementwise_flat(x.reshape(-1), target.reshape(-1), op, name).reshape(*shape)
    return _reduced(*op(x._data, target._data, reduction == "mean"), x, reduction, name)


def _elementwise_flat(x: Tensor, target: Tensor, op: Callable, name: str) -> Tensor:
    return _reduced(*op(x._data, target._data, False), x, "none", name)


def mse_loss(x: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Mean of (x - target)^2 over all elements; equal shapes.

    Raises:
        ValueError: shapes differ (never broadcast), or the batch is empty.
    """
    return _elementwise_loss(x, target, reduction, ops.mse, "MseLoss", "mse_loss")


def binary_cross_entropy_with_logits(x: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Mean of max(x, 0) - x t + log(1 + exp(-|x|)) over all elements; targets in [0, 1], equal shapes."""
    return _elementwise_loss(
        x, target, reduction, ops.bce_with_logits, "BinaryCrossEntropyWithLogits", "binary_cross_entropy_with_logits"
    )


def one_hot(labels: Tensor, num_classes: int = -1) -> Tensor:
    """int64 (..., num_classes) with a one at each label; num_classes = -1: the largest label + 1.

    Raises:
        ValueError: a label is negative or not below num_classes.
    """
    _check_integers("one_hot", labels)
    data = labels._read("one_hot()")
    if num_classes == -1:
        num_classes = int(data.max()) + 1 if data.size else 0
    _check_range("one_hot", data, num_classes)
    out = np.zeros((*data.shape, num_classes), dtype=np.int64)
    np.put_along_axis(out, data[..., None].astype(np.int64), 1, axis=-1)
    return wrap(out)
