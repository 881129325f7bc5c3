"""Losses: mean over the samples, Keras' formulas; as functions too, which give a value a sample.

With ``from_logits=False`` and the matching activation at a model's end (softmax with a categorical cross-entropy,
sigmoid with the binary one) the loss is computed from the logits: the same function, without its overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any, ClassVar

import numpy as np

from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.keras import activations
from fastnn.keras.named import Configured, Number, known, snake
from fastnn.keras.utils import to_categorical
from fastnn.nn import functional
from fastnn.training.feed import check_labels

Criterion = Callable[[Tensor, Tensor], Tensor]

# Keras keeps probabilities this far from 0 and 1 before their logarithm, and divisors this far from 0.
EPSILON = 1e-7

_REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "none")


class Loss(Configured):
    """Base of the losses: a class of yours has ``call(y_true, y_pred)``, which gives a value a sample.

    Called with arrays (targets, predictions, perhaps a weight a sample) a loss gives its mean, a float that has
    ``numpy()``. reduction: ``sum_over_batch_size`` (the mean), ``sum``, ``none`` (a value a sample, when called).

    Raises:
        ValueError: another reduction.
    """

    from_logits = False
    # The activation that is computed together with the loss when a model ends in it.
    fused: activations.Function | None = None

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None) -> None:
        given = {"auto": "sum_over_batch_size", None: "none"}.get(reduction, str(reduction))
        if given not in _REDUCTIONS:
            raise ValueError(f"{type(self).__name__}: reduction is {reduction!r}; it must be one of {_REDUCTIONS}")
        self.reduction = given
        self.name = snake(type(self).__name__) if name is None else name

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value a sample, of targets and predictions."""
        raise NotImplementedError

    def targets(self, y: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """Targets as :meth:`criterion` takes them, for outputs of a shape (N, ...).

        Raises:
            ValueError: they do not fit the outputs.
        """
        return _fitting(self.name, y, outputs)

    def as_given(self, targets: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """What :meth:`targets` made, in the form that the user has."""
        return targets

    def rows(self, targets: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """What :meth:`targets` made as floating-point numbers, beside which a weight can lie."""
        return _floats(targets)

    def values(self, logits: bool) -> Criterion:
        """A value a sample of outputs and targets; the outputs are logits, or what the activation made of them."""
        return lambda p, t: self.call(t, p)

    def criterion(self, logits: bool) -> Criterion:
        """The loss of outputs and targets."""
        values = self.values(logits)
        return lambda p, t: self.reduced(values(p, t))

    def reduced(self, values: Tensor) -> Tensor:
        """One number of those of the samples."""
        return values.sum() if self.reduction == "sum" else values.mean()

    def fuses(self, activation: activations.Function) -> bool:
        """Whether a model with this activation at its end is trained on its logits."""
        return not self.from_logits and activation is self.fused

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        if isinstance(y_pred, Tensor) and isinstance(y_true, Tensor) and y_pred.requires_grad:
            return self.reduced(self.call(y_true, y_pred))
        outputs = _floats(_array(y_pred))
        targets = self.rows(self.targets(_array(y_true), outputs.shape), outputs.shape)
        values = self.values(self.from_logits)(Tensor(outputs), Tensor(targets.astype(outputs.dtype))).detach().numpy()
        if sample_weight is not None:
            weight = _array(sample_weight).astype(values.dtype)
            values = values * weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
        if self.reduction == "none":
            return values
        return Number(values.sum() if self.reduction == "sum" else values.mean())


class _CrossEntropy(Loss):
    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"{type(self).__name__}: label_smoothing is {label_smoothing}; it must be within 0 and 1")
        self.from_logits = bool(from_logits)
        self.label_smoothing = float(label_smoothing)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.values(self.from_logits)(y_pred, y_true)


class CategoricalCrossentropy(_CrossEntropy):
    """-sum t log p of rows of targets t (N, C), one-hot or probabilities; label_smoothing s: (1 - s) t + s / C."""

    fused = staticmethod(activations.softmax)

    def targets(self, y: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        if y.shape != outputs:
            if y.shape[1:] not in ((), (1,)):
                raise _unfit(self.name, y, outputs)
            text = (
                f"{self.name} takes targets of the outputs' shape {_free(outputs)}, got {y.shape}: make rows of class "
            )
            other, make = "sparse_categorical_crossentropy", "to_categorical"
            error = ValueError(f"{text}numbers with {make}, or use {other}")
            raise told(error, "targets.shape", loss=self.name, shape=y.shape, other=other, make=make)
        if y.ndim == 2 and not self.label_smoothing and self.reduction != "sum" and _is_one_hot(y):
            return y.argmax(axis=1).astype(np.int64)
        return _floats(y)

    def as_given(self, targets: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        return self.rows(targets, outputs)

    def rows(self, targets: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        return to_categorical(targets, outputs[-1]) if targets.ndim == 1 else _floats(targets)

    def values(self, logits: bool) -> Criterion:
        values = _of_logits if logits else _of_probabilities
        share = self.label_smoothing
        return lambda p, t: values(p, t * (1 - share) + share / t.shape[-1] if share else t)

    def criterion(self, logits: bool) -> Criterion:
        rows = super().criterion(logits)
        return lambda p, t: _of_classes(p, t, logits) if t.dim() == 1 else rows(p, t)


class SparseCategoricalCrossentropy(_CrossEntropy):
    """-log p of the target's class, class numbers (N, ...) or (N, ..., 1) for outputs (N, ..., C)."""

    fused = staticmethod(activations.softmax)
    refused: ClassVar = {"ignore_class": "leave those rows out, or give them a sample_weight of 0"}

    def __init__(
        self,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(from_logits, 0.0, reduction, name)

    def targets(self, y: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        labels = y[..., 0] if y.shape[-1:] == (1,) and y.ndim == len(outputs) else y
        if labels.shape != outputs[:-1] or len(outputs) < 2:
            hint = ": one-hot rows go with categorical_crossentropy" if y.shape == outputs else ""
            text = f"{self.name} takes class numbers of shape {_free(outputs[:-1])}, got {y.shape}{hint}"
            other = "categorical_crossentropy" if hint else None
            raise told(ValueError(text), "targets.shape", loss=self.name, shape=y.shape, other=other)
        whole = labels.astype(np.int64)
        if not np.array_equal(whole, labels):
            raise ValueError(f"{self.name} takes class numbers, got values such as {labels[whole != labels][0]:g}")
        check_labels(whole.reshape(-1), outputs[-1])
        return whole if labels.ndim == 1 and self.reduction != "sum" else to_categorical(whole, outputs[-1])

    def as_given(self, targets: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        return targets if targets.ndim == 1 else targets.argmax(axis=-1)

    def rows(self, targets: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        return to_categorical(targets, outputs[-1]) if targets.ndim == 1 else targets

    def values(self, logits: bool) -> Criterion:
        return _of_logits if logits else _of_probabilities

    def criterion(self, logits: bool) -> Criterion:
        rows = super().criterion(logits)
        return lambda p, t: _of_classes(p, t, logits) if t.dim() == 1 else rows(p, t)


class BinaryCrossentropy(_CrossEntropy):
    """-(t log p + (1 - t) log(1 - p)), mean over all elements; label_smoothing s: (1 - s) t + s / 2."""

    fused = staticmethod(activations.sigmoid)

    def values(self, logits: bool) -> Criterion:
        share = self.label_smoothing
        values = _binary_of_logits if logits else _binary_of_probabilities
        return lambda p, t: values(p, t * (1 - share) + share / 2 if share else t)

    def criterion(self, logits: bool) -> Criterion:
        if logits and not self.label_smoothing and self.reduction != "sum":
            return nn.BCEWithLogitsLoss()
        return super().criterion(logits)


class MeanSquaredError(Loss):
    """Mean of (p - t)^2 over all elements."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_squared_error(y_true, y_pred)

    def criterion(self, logits: bool) -> Criterion:
        return nn.MSELoss() if self.reduction != "sum" else super().criterion(logits)


class Huber(Loss):
    """Mean of e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2, of errors e."""

    def __init__(
        self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size", name: str | None = None
    ) -> None:
        super().__init__(reduction, name or "huber_loss")
        self.delta = float(delta)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return huber(y_true, y_pred, self.delta)


class _Hinge(Loss):
    def targets(self, y: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        targets = super().targets(y, outputs)
        if not np.isin(targets, (-1, 0, 1)).all():
            raise ValueError(f"{self.name} takes targets -1 and 1 (or 0 and 1), got others")
        return targets


class FunctionLoss(Loss):
    """The mean of a function of tensors (targets, predictions) of the user's."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__(name=activations.name_of(function))
        self.function = function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.function(y_true, y_pred)


# -- functions: a value a sample (targets, predictions) ----------------------------------------------------------------


def _of_tensors(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that takes arrays too, and targets (N,) for outputs (N, 1)."""

    def taken(y_true: Any, y_pred: Any, *settings: Any, **named: Any) -> Tensor:
        p = y_pred if isinstance(y_pred, Tensor) else Tensor(_floats(_array(y_pred)))
        t = y_true
        if not isinstance(t, Tensor):
            t = _array(t)
            if t.ndim == p.dim() - 1 and t.dtype.kind in "iu" and p.shape[-1] > 1:
                t = to_categorical(t, p.shape[-1])  # class numbers beside rows of outputs
            t = Tensor(t.astype(p.detach().numpy().dtype))
        return function(t.unsqueeze(-1) if t.dim() == p.dim() - 1 and p.shape[-1] == 1 else t, p, *settings, **named)

    taken.__name__ = taken.__qualname__ = function.__name__
    taken.__doc__ = function.__doc__
    return taken


@_of_tensors
def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean of (p - t)^2 along the last axis."""
    error = y_pred - y_true
    return (error * error).mean(-1)


@_of_tensors
def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean of |p - t|."""
    return _magnitude(y_pred - y_true).mean(-1)


@_of_tensors
def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """100 times the mean of |p - t| / |t|."""
    return 100 * (_magnitude(y_pred - y_true) / _at_least(_magnitude(y_true), EPSILON)).mean(-1)


@_of_tensors
def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean of (log(1 + p) - log(1 + t))^2."""
    error = (_at_least(y_pred, EPSILON) + 1).log() - (_at_least(y_true, EPSILON) + 1).log()
    return (error * error).mean(-1)


@_of_tensors
def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    """Mean of e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2."""
    size = _magnitude(y_pred - y_true)
    near = size - (size - delta).relu()
    return (0.5 * near * near + delta * (size - near)).mean(-1)


@_of_tensors
def log_cosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean of log cosh(p - t), as e + softplus(-2 e) - log 2."""
    error = y_pred - y_true
    return (error + activations.softplus(-2 * error) - log(2)).mean(-1)


@_of_tensors
def poisson(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean of p - t log p."""
    return (y_pred - y_true * (y_pred + EPSILON).log()).mean(-1)


@_of_tensors
def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Sum of t log(t / p)."""
    t, p = _clipped(y_true, EPSILON, 1), _clipped(y_pred, EPSILON, 1)
    return (t * (t / p).log()).sum(-1)


@_of_tensors
def cosine_similarity(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """-cos of the angle between t and p: -1 where they point the same way."""
    lengths = _at_least((y_true * y_true).sum(-1), EPSILON**2) * _at_least((y_pred * y_pred).sum(-1), EPSILON**2)
    return -(y_true * y_pred).sum(-1) / lengths.sqrt()


@_of_tensors
def hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean of max(1 - t p, 0), t being -1 and 1 (0 and 1 are made that)."""
    return (1 - _signs(y_true) * y_pred).relu().mean(-1)


@_of_tensors
def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean of max(1 - t p, 0)^2."""
    beyond = (1 - _signs(y_true) * y_pred).relu()
    return (beyond * beyond).mean(-1)


@_of_tensors
def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """max(0, 1 + the largest p of another class - p of the target's), t one-hot."""
    right = (y_true * y_pred).sum(-1)
    wrong = ((1 - y_true) * y_pred).max(-1)[0]
    return (wrong - right + 1).relu()


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0
) -> Tensor:
    """-sum t log p of rows (N, C)."""
    return _called(CategoricalCrossentropy(from_logits, label_smoothing), y_true, y_pred)


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Tensor:
    """-log p of the target's class."""
    return _called(SparseCategoricalCrossentropy(from_logits), y_true, y_pred)


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0) -> Tensor:
    """Mean of -(t log p + (1 - t) log(1 - p)) along the last axis."""
    return _called(BinaryCrossentropy(from_logits, label_smoothing), y_true, y_pred)


def _called(loss: Loss, y_true: Any, y_pred: Any) -> Tensor:
    p = y_pred if isinstance(y_pred, Tensor) else Tensor(_floats(_array(y_pred)))
    t = y_true
    if not (isinstance(t, Tensor) and t.shape == p.shape):
        made = loss.rows(loss.targets(_array(y_true), tuple(p.shape)), tuple(p.shape))
        t = Tensor(made.astype(p.detach().numpy().dtype))
    return loss.values(loss.from_logits)(p, t)


def _kind(function: Callable[..., Tensor], base: type[Loss] = Loss) -> type[Loss]:
    """The class of a function: ``MeanAbsoluteError`` of mean_absolute_error."""

    def call(self: Loss, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return function(y_true, y_pred)

    name = "".join(map(str.capitalize, function.__name__.split("_")))
    return type(base)(name, (base,), {"call": call, "__doc__": function.__doc__, "__module__": __name__})


MeanAbsoluteError = _kind(mean_absolute_error)
MeanAbsolutePercentageError = _kind(mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _kind(mean_squared_logarithmic_error)
LogCosh = _kind(log_cosh)
Poisson = _kind(poisson)
CosineSimilarity = _kind(cosine_similarity)
Hinge, SquaredHinge = _kind(hinge, _Hinge), _kind(squared_hinge, _Hinge)
CategoricalHinge = _kind(categorical_hinge)


class KLDivergence(Loss):
    """Sum of t log(t / p)."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return kl_divergence(y_true, y_pred)


mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
bce = BCE = binary_crossentropy
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh


# -- what they are made of ---------------------------------------------------------------------------------------------


def _of_logits(logits: Tensor, t: Tensor) -> Tensor:
    return -(t * logits.log_softmax(-1)).sum(-1)


def _of_probabilities(p: Tensor, t: Tensor) -> Tensor:
    return -(t * _scaled(p).log()).sum(-1)


def _of_classes(p: Tensor, t: Tensor, logits: bool) -> Tensor:
    """The mean, of class numbers (N,)."""
    return functional.cross_entropy(p, t) if logits else functional.nll_loss(_scaled(p).log(), t)


def _scaled(p: Tensor) -> Tensor:
    """Keras divides each row by its sum first."""
    return _clipped(p / p.sum(-1, keepdim=True), EPSILON, 1 - EPSILON)


def _binary_of_logits(z: Tensor, t: Tensor) -> Tensor:
    return (activations.softplus(z) - t * z).mean(-1)


def _binary_of_probabilities(p: Tensor, t: Tensor) -> Tensor:
    p = _clipped(p, EPSILON, 1 - EPSILON)
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean(-1)


def _clipped(p: Tensor, low: float, high: float) -> Tensor:
    """p kept in [low, high], with no gradient outside."""
    return (p - low).relu() - (p - high).relu() + low


def _at_least(x: Tensor, low: float) -> Tensor:
    return (x - low).relu() + low


def _magnitude(x: Tensor) -> Tensor:
    return x.relu() + (-x).relu()


def _signs(t: Tensor) -> Tensor:
    """-1 and 1 as they are, 0 as -1: a parabola through the three."""
    return t * t + t - 1


def _is_one_hot(y: np.ndarray) -> bool:
    return bool(np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1))


def _fitting(name: str, y: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
    """Targets of the outputs' shape, where one axis of size 1 may be missing or too many."""
    if y.shape != outputs and y.shape == outputs[:-1] and outputs[-1:] == (1,):
        y = y[..., None]
    if y.shape == (*outputs, 1):
        y = y[..., 0]
    if y.shape != outputs:
        raise _unfit(name, y, outputs)
    return _floats(y)


def _unfit(name: str, y: np.ndarray, outputs: tuple[int, ...]) -> ValueError:
    units = 1 if y.ndim < len(outputs) else y.shape[-1]
    text = f"{name} takes targets of the outputs' shape {_free(outputs)}, got {y.shape}: is the last layer to have "
    return told(ValueError(f"{text}{units} outputs?"), "targets.shape", loss=name, shape=y.shape, units=units)


def _array(values: Any) -> np.ndarray:
    return values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _floats(y: np.ndarray) -> np.ndarray:
    return y if y.dtype.kind == "f" else y.astype(np.float32)


def _free(shape: tuple[int, ...]) -> tuple[int | None, ...]:
    return (None, *shape[1:])


_CLASSES: tuple[type[Loss], ...] = (
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    BinaryCrossentropy,
    MeanSquaredError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    Huber,
    LogCosh,
    Poisson,
    CosineSimilarity,
    Hinge,
    SquaredHinge,
    CategoricalHinge,
)
_KNOWN: dict[str, type[Loss]] = {
    **{snake(kind.__name__): kind for kind in _CLASSES},
    "bce": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "huber_loss": Huber,
    "logcosh": LogCosh,
    "kl_divergence": KLDivergence,
    "kullback_leibler_divergence": KLDivergence,
    "kld": KLDivergence,
    "cosine_proximity": CosineSimilarity,
}
_FUNCTIONS: dict[Any, type[Loss]] = {
    globals()[name]: kind for name, kind in _KNOWN.items() if callable(globals().get(name))
}

NAMES = frozenset(_KNOWN)


def get(given: Any) -> Loss:
    """The loss of a name, a class, a config, an object, or a function of tensors (targets, predictions).

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    if isinstance(given, str):
        return known("loss", given, _KNOWN)()
    if isinstance(given, dict):
        return known("loss", given["class_name"], {kind.__name__: kind for kind in _KNOWN.values()})(**given["config"])
    if isinstance(given, type) and issubclass(given, Loss):
        return given()
    if isinstance(given, Loss):
        return given
    if callable(given):
        return _FUNCTIONS[given]() if given in _FUNCTIONS else FunctionLoss(given)
    raise TypeError(f"loss must be a name, a Loss of fastnn.keras or a function, got {type(given).__name__}")
