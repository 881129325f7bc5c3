"""Functions of tensors: the layers and losses without state. ``import fastnn.nn.functional as F``.

Gradients of sigmoid, silu, gelu, softplus, elu, softmax, log_softmax and the cross-entropies end at zero: below 2^-100
in magnitude (float64: 2^-996) they are 0, as the subnormal numbers that would follow cost some processors much time.
Values do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager import autograd, ops
from fastnn.eager.draws import uniform
from fastnn.eager.images import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, batch_norm, conv2d, max_pool2d
from fastnn.eager.linalg import linear
from fastnn.eager.sequences import adaptive_avg_pool1d, adaptive_max_pool1d, avg_pool1d, conv1d, max_pool1d
from fastnn.eager.spelling import spelled
from fastnn.eager.support import promoted, reshaped, result, wrap
from fastnn.eager.tensor import Tensor
from fastnn.eager.transposed_convolution import conv_transpose2d
from fastnn.errors import told as _told
from fastnn.nn.activation_functions import (
    celu,
    elu,
    gelu,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    logsigmoid,
    mish,
    prelu,
    relu6,
    selu,
    silu,
    softmin,
    softplus,
    softsign,
    tanhshrink,
)
from fastnn.nn.embedding import embedding
from fastnn.nn.labels import check_range as _check_range
from fastnn.nn.labels import first_outside as _first_outside
from fastnn.nn.loss_functions import (
    alike,
    binary_cross_entropy,
    check_equal_shapes,
    check_reduction,
    check_target,
    class_weights,
    cosine_embedding_loss,
    cosine_similarity,
    hinge_embedding_loss,
    huber_loss,
    kl_div,
    l1_loss,
    margin_ranking_loss,
    normalize,
    pairwise_distance,
    poisson_nll_loss,
    probability_cross_entropy,
    reduced,
    reduction_of,
    smooth_l1_loss,
    soft_margin_loss,
    triplet_margin_loss,
    weighted_bce_with_logits,
)
from fastnn.nn.normalization import group_norm, layer_norm
from fastnn.nn.padding import pad
from fastnn.nn.upsampling import interpolate
from fastnn.text import absent as _absent

if TYPE_CHECKING:
    from fastnn.nn.dropout import Dropout

globals()["__getattr__"] = lambda name: _absent(globals(), name)  # see fastnn.nn

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "gelu",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hinge_embedding_loss",
    "huber_loss",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool2d",
    "mish",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "tanh",
    "tanhshrink",
    "triplet_margin_loss",
]


@spelled
def relu(x: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), elementwise."""
    return x.relu()


@spelled
def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), elementwise."""
    return x.sigmoid()


@spelled
def tanh(x: Tensor) -> Tensor:
    """tanh(x), elementwise."""
    return x.tanh()


@spelled
def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """exp(x) / sum exp(x) along dim."""
    return x.softmax(dim)


@spelled
def log_softmax(x: Tensor, dim: int = -1) -> Tensor:
    """log softmax along dim, without forming the softmax."""
    return x.log_softmax(dim)


def dropout_call(x: Tensor, p: float, module: Dropout) -> Tensor:
    """One training call of a Dropout module: its number and its calls so far pick the draw."""
    y, mask = ops.dropout(x._data, p, module.drawn_by(), module.calls, module.number)
    return result(y, (x,), lambda g: (ops.multiply(g, mask),), "Dropout")


@spelled
def dropout(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeroes elements with probability p while training and scales the others by 1 / (1 - p). The draws are the next
    ones of the stream of ``rand``; :class:`fastnn.nn.Dropout` has its own, and trains in compiled steps.

    Raises:
        ValueError: p is not in [0, 1].
    """
    return _dropped(x, p, training, tuple(x.shape), "dropout")


@spelled
def dropout2d(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """:func:`dropout` of whole channels of (N, C, H, W); of (N, C) of each feature.

    Raises:
        ValueError: p is not in [0, 1], or x has other dimensions.
    """
    if x.dim() not in (2, 4):
        raise ValueError(
            f"[dropout2d] expected x (N, C, H, W), got shape {tuple(x.shape)}: unsqueeze(0) makes a batch of an image"
        )
    return _dropped(x, p, training, (*x.shape[:2], 1, 1)[: x.dim()], "dropout2d")


def _dropped(x: Tensor, p: float, training: bool, drawn: tuple[int, ...], name: str) -> Tensor:
    """x times draws of a shape that broadcasts to its own: 0 or 1 / (1 - p)."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"[{name}] p is {p}; it must be from 0 to 1")
    if not training or p == 0:
        return x
    if ops.recorder is not None:
        ops.recorder.refuse(f"{name}(), which draws anew each time (nn.Dropout has a compiled form),")
    kept = uniform(drawn, 0.0, 1.0, np.float32) >= p
    return x * wrap((kept / (1 - p) if p < 1 else kept * 0.0).astype(x._data.dtype))


def _reduced(total: np.ndarray, losses: np.ndarray, grad: np.ndarray, x: Tensor, reduction: str, name: str) -> Tensor:
    """A loss as a tensor: a mean or sum with the gradient at hand, or the per-sample losses."""
    if reduction == "none":
        spread = (losses.shape[0],) + (1,) * (grad.ndim - 1)
        return result(losses, (x,), lambda g: (ops.multiply(grad, reshaped(g, spread)),), name)
    return result(total, (x,), lambda g: (autograd.scaled(grad, g),), name)


def _check_integers(name: str, labels: Tensor, outputs: Tensor | None = None) -> None:
    if labels._data.dtype.kind not in "iu":
        if outputs is not None and outputs._data.dtype.kind in "iu":
            raise _swapped(name, "integers")
        text = (
            f"[{name}] labels must be integers (int64), got {labels.dtype!r}: "
            f"class numbers, not one-hot rows or probabilities (cross_entropy takes those in the outputs' shape)"
        )
        raise _told(TypeError(text), "labels.dtype", got=repr(labels.dtype))


def _swapped(name: str, what: str) -> TypeError:
    text = f"[{name}] the outputs are {what}: are the two swapped? The outputs come first, criterion(outputs, labels)"
    return _told(TypeError(text), "loss.swapped")


def _told_of_labels(error: ValueError, logits: Tensor, target: Tensor) -> ValueError:
    """What the op says of labels of another shape, and what to do."""
    shape, rows = tuple(target.shape), len(logits._data)
    if len(shape) == 1 and shape[0] != rows:
        return _told(ValueError(f"{error}: each needs one"), "labels.count", rows=rows, labels=shape[0])
    if len(shape) != 2:
        return error
    how = "squeeze(1)" if shape[1] == 1 else "argmax(1)" if shape == tuple(logits.shape) else None
    more = f": labels.{how} makes class numbers of these rows" if how else ""
    return _told(ValueError(f"{error}{more}"), "labels.rank", shape=shape, how=how)


def _scalar(loss: Tensor) -> Tensor:
    """The loss of a single sample without a batch dimension."""
    return loss if loss.dim() == 0 else loss.reshape(())


@spelled
def cross_entropy(
    logits: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Softmax cross-entropy of logits (N, C) and integer labels (N,), or probabilities of the classes (N, C); a single
    sample (C,) with label (), and places (N, C, H, W) with labels (N, H, W), work too.

    loss = mean over samples of log(sum exp(x)) - x[label]. Do not apply softmax before it.

    weight (C,): of each class; with labels the mean is then weighted. ignore_index: samples with this label count for
    nothing. label_smoothing: the share of the target that all classes have alike.

    Raises:
        ValueError: a label outside 0..C-1 (the first is named), an empty batch, sizes that differ, a smoothing outside
            0..1, or an ignore_index beside probabilities.
        TypeError: the target is neither integers nor, in the shape of the logits, probabilities.

    >>> import fastnn
    >>> fastnn.nn.functional.cross_entropy(fastnn.tensor([[2.0, 0.0]]), fastnn.tensor([0]))
    tensor(0.1269)
    """
    if isinstance(weight, str):  # as the third argument
        weight, reduction = None, weight
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction("cross_entropy", reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"[cross_entropy] label_smoothing is {label_smoothing}; it must be from 0 to 1")
    if target._data.dtype.kind == "f" and target._data.shape == logits._data.shape:
        if ignore_index >= 0:
            raise ValueError(f"[cross_entropy] ignore_index is {ignore_index}, but the targets are probabilities")
        if not logits._data.size:
            raise ValueError("[cross_entropy] the batch is empty")
        return probability_cross_entropy(logits, target, weight, reduction, label_smoothing)
    _check_integers("cross_entropy", target, logits)
    data, labels = logits._data, target._data
    if data.ndim == 1 and labels.ndim == 0:
        logits, target = logits.reshape(1, -1), target.reshape(1)
        return _scalar(cross_entropy(logits, target, weight, None, ignore_index, None, reduction, label_smoothing))
    if data.ndim > 2:
        rest = (weight, None, ignore_index, None, reduction, label_smoothing)
        return _of_places(logits, target, lambda x, y: cross_entropy(x, y, *rest), reduction)
    if weight is None and ignore_index < 0:
        if labels.dtype != np.int64:
            labels = ops.cast(labels, np.dtype(np.int64))
        try:
            return _reduced(
                *ops.cross_entropy(data, labels, reduction == "mean", label_smoothing), logits, reduction, "NllLoss"
            )
        except ValueError as error:
            if ignore_index not in labels:  # none of its labels is one to be ignored
                raise _told_of_labels(error, logits, target) from None
    rows = log_softmax(logits, 1)
    return _weighted(rows, target, weight, ignore_index, reduction, label_smoothing, "cross_entropy")


def _of_places(x: Tensor, target: Tensor, loss: Callable[[Tensor, Tensor], Tensor], reduction: str) -> Tensor:
    """The loss of all places (N, C, ...) with labels (N, ...)."""
    shape = target.shape
    if (x.shape[0], *x.shape[2:]) != tuple(shape):
        wanted = (x.shape[0], *x.shape[2:])
        raise ValueError(f"outputs of shape {tuple(x.shape)} need labels of shape {wanted}, got {tuple(shape)}")
    losses = loss(x.movedim(1, -1).reshape(-1, x.shape[1]), target.reshape(-1))
    return losses.reshape(shape) if reduction == "none" else losses


def _weighted(
    rows: Tensor, target: Tensor, weight: Any, ignored: int, reduction: str, smoothing: float, name: str
) -> Tensor:
    """Negative log-likelihood of labels (N,) under rows (N, C) of log-probabilities."""
    labels, classes = target._read(f"{name}() with weights or labels to ignore"), rows._data.shape[-1]
    kept = labels != ignored
    _check_labels(name, np.where(kept, labels, 0), classes)
    if len(labels) != len(rows._data):
        raise ValueError(f"[{name}] there are {len(rows._data)} rows of outputs and {len(labels)} labels")
    factors = wrap(np.ones(classes, rows._data.dtype)) if weight is None else class_weights(weight, classes, rows, name)
    labels = np.where(kept, labels, 0)
    shares = factors._data[labels] * kept
    losses = -rows[wrap(np.arange(len(labels))), wrap(labels)].masked_fill(wrap(~kept), 0) * wrap(shares)
    if smoothing:
        spread = -(rows * factors).sum(1).masked_fill(wrap(~kept), 0)
        losses = losses * (1 - smoothing) + spread * (smoothing / classes)
    return losses.sum() / wrap(shares).sum() if reduction == "mean" else reduced(losses, reduction)


def _check_labels(name: str, labels: np.ndarray, classes: int) -> None:
    wrong = _first_outside(labels, classes)
    if wrong is not None:
        label, last = int(labels[wrong]), classes - 1
        text = f"[{name}] label {label} at sample {wrong} is outside 0..{last}"
        raise _told(ValueError(text), "labels.range", label=label, sample=wrong, last=last)


@spelled
def nll_loss(
    log_probabilities: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of labels (N,) under log-probabilities (N, C); arguments as of :func:`cross_entropy`.

    Raises:
        ValueError: a label outside 0..C-1 (the first is named).
        TypeError: labels are not integers.
    """
    if isinstance(weight, str):  # as the third argument
        weight, reduction = None, weight
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction("nll_loss", reduction)
    _check_integers("nll_loss", target, log_probabilities)
    rest = (weight, None, ignore_index, None, reduction)
    if log_probabilities._data.ndim == 1 and target._data.ndim == 0:
        return _scalar(nll_loss(log_probabilities.reshape(1, -1), target.reshape(1), *rest))
    if log_probabilities._data.ndim > 2:
        return _of_places(log_probabilities, target, lambda x, y: nll_loss(x, y, *rest), reduction)
    return _weighted(log_probabilities, target, weight, ignore_index, reduction, 0.0, "nll_loss")


def _elementwise_loss(x: Tensor, target: Tensor, reduction: str, op: Callable, name: str) -> Tensor:
    if x._data.ndim == 0:
        return _scalar(_elementwise_loss(x.reshape(1), target.reshape(1), reduction, op, name))
    if reduction == "none":  # each element is a sample of its own
        shape = x._data.shape
        return _elementwise_flat(x.reshape(-1), target.reshape(-1), op, name).reshape(*shape)
    return _reduced(*op(x._data, target._data, reduction == "mean"), x, reduction, name)


def _elementwise_flat(x: Tensor, target: Tensor, op: Callable, name: str) -> Tensor:
    return _reduced(*op(x._data, target._data, False), x, "none", name)


@spelled
def mse_loss(
    x: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Mean of (x - target)^2 over all elements. Shapes that differ are broadcast, with a warning.

    Raises:
        ValueError: shapes do not broadcast, or the batch is empty.
    """
    if isinstance(size_average, str):  # as the third argument
        size_average, reduction = None, size_average
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction("mse_loss", reduction)
    check_target(x, target, "mse_loss")
    x, target = alike(x, target, "mse_loss")
    if weight is not None:
        return reduced((x - target).square() * weight, reduction)
    return _elementwise_loss(x, target, reduction, ops.mse, "MseLoss")


@spelled
def binary_cross_entropy_with_logits(
    x: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Mean of max(x, 0) - x t + log(1 + exp(-|x|)) over all elements; targets in [0, 1], equal shapes.

    weight: of each element; pos_weight: of what a target of 1 costs.

    Raises:
        ValueError: shapes differ, or the batch is empty.
    """
    label = "binary_cross_entropy_with_logits"
    if isinstance(weight, str):  # as the third argument
        weight, reduction = None, weight
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(label, reduction)
    check_target(x, target, label)
    x, target = promoted(x, target)
    check_equal_shapes(x, target, label)
    if weight is not None or pos_weight is not None:
        return weighted_bce_with_logits(x, target, weight, pos_weight, reduction)
    return _elementwise_loss(x, target, reduction, ops.bce_with_logits, "BinaryCrossEntropyWithLogits")


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
