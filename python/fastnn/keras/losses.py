"""Losses: mean over the samples, Keras' formulas.

With ``from_logits=False`` and the matching activation at a model's end (softmax with a categorical cross-entropy,
sigmoid with the binary one) the loss is computed from the logits: the same function, without its overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.keras import activations
from fastnn.keras.named import known
from fastnn.keras.utils import to_categorical
from fastnn.nn import functional
from fastnn.training.feed import check_labels

Criterion = Callable[[Tensor, Tensor], Tensor]

# Keras keeps probabilities this far from 0 and 1 before their logarithm.
EPSILON = 1e-7


class Loss:
    """Base of the losses; called with arrays (targets, predictions) it gives their loss as a number."""

    name = ""
    from_logits = False
    # The activation that is computed together with the loss when a model ends in it.
    fused: activations.Function | None = None

    def targets(self, y: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """Targets as :meth:`criterion` takes them, for outputs of a shape (N, ...).

        Raises:
            ValueError: they do not fit the outputs.
        """
        raise NotImplementedError

    def as_given(self, targets: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        """What :meth:`targets` made, in the form that the user has."""
        return targets

    def criterion(self, logits: bool) -> Criterion:
        """Loss of outputs and targets; the outputs are logits, or what the activation made of them."""
        raise NotImplementedError

    def fuses(self, activation: activations.Function) -> bool:
        """Whether a model with this activation at its end is trained on its logits."""
        return not self.from_logits and activation is self.fused

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        outputs = np.asarray(y_pred)
        outputs = outputs if outputs.dtype.kind == "f" else outputs.astype(np.float32)
        targets = self.targets(np.asarray(y_true), outputs.shape)
        targets = targets.astype(outputs.dtype) if targets.dtype.kind == "f" else targets
        return self.criterion(self.from_logits)(Tensor(outputs), Tensor(targets)).item()


class _CrossEntropy(Loss):
    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = from_logits


def _clipped(p: Tensor, low: float, high: float) -> Tensor:
    """p kept in [low, high], with no gradient outside."""
    return (p - low).relu() - (p - high).relu() + low


def _is_one_hot(y: np.ndarray) -> bool:
    return bool(np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1))


class CategoricalCrossentropy(_CrossEntropy):
    """-sum t log p of rows of targets t (N, C), one-hot or probabilities."""

    name = "categorical_crossentropy"
    fused = staticmethod(activations.softmax)

    def targets(self, y: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        if y.shape != outputs:
            hint = ""
            if y.ndim == 1 or y.shape[1:] == (1,):
                hint = ": make rows of class numbers with to_categorical, or use sparse_categorical_crossentropy"
            raise ValueError(f"{self.name} takes targets of the outputs' shape {_free(outputs)}, got {y.shape}{hint}")
        return y.argmax(axis=1).astype(np.int64) if y.ndim == 2 and _is_one_hot(y) else _floats(y)

    def as_given(self, targets: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        return to_categorical(targets, outputs[1]) if targets.ndim == 1 else targets

    def criterion(self, logits: bool) -> Criterion:
        return _soft_cross_entropy if logits else _cross_entropy_of_probabilities


class SparseCategoricalCrossentropy(_CrossEntropy):
    """-log p of the target's class, class numbers (N,) or (N, 1)."""

    name = "sparse_categorical_crossentropy"
    fused = staticmethod(activations.softmax)

    def targets(self, y: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        labels = y.reshape(len(y)) if y.shape[1:] == (1,) else y
        if labels.ndim != 1 or len(outputs) != 2:
            hint = ": one-hot rows go with categorical_crossentropy" if y.shape == outputs else ""
            raise ValueError(f"{self.name} takes class numbers of shape (None,), got {y.shape}{hint}")
        whole = labels.astype(np.int64)
        if not np.array_equal(whole, labels):
            raise ValueError(f"{self.name} takes class numbers, got values such as {labels[whole != labels][0]:g}")
        check_labels(whole, outputs[1])
        return whole

    def criterion(self, logits: bool) -> Criterion:
        return _soft_cross_entropy if logits else _cross_entropy_of_probabilities


class _Elementwise(Loss):
    """Of targets and outputs of one shape."""

    def targets(self, y: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
        if y.shape != outputs and y.shape == outputs[:-1] and outputs[-1:] == (1,):
            y = y[..., None]
        if y.shape == (*outputs, 1):
            y = y[..., 0]
        if y.shape != outputs:
            raise ValueError(f"{self.name} takes targets of the outputs' shape {_free(outputs)}, got {y.shape}")
        return _floats(y)


class BinaryCrossentropy(_CrossEntropy, _Elementwise):
    """-(t log p + (1 - t) log(1 - p)), mean over all elements."""

    name = "binary_crossentropy"
    fused = staticmethod(activations.sigmoid)

    def criterion(self, logits: bool) -> Criterion:
        return nn.BCEWithLogitsLoss() if logits else _binary_cross_entropy_of_probabilities


class MeanSquaredError(_Elementwise):
    """Mean of (p - t)^2 over all elements."""

    name = "mean_squared_error"

    def criterion(self, logits: bool) -> Criterion:
        return nn.MSELoss()


class MeanAbsoluteError(_Elementwise):
    """Mean of |p - t| over all elements."""

    name = "mean_absolute_error"

    def criterion(self, logits: bool) -> Criterion:
        return lambda p, t: ((p - t).relu() + (t - p).relu()).mean()


class FunctionLoss(_Elementwise):
    """The mean of a function of tensors (targets, predictions) of the user's."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.function = function
        self.name = activations.name_of(function)

    def criterion(self, logits: bool) -> Criterion:
        return lambda p, t: self.function(t, p).mean()


def _soft_cross_entropy(logits: Tensor, t: Tensor) -> Tensor:
    """Of logits, with class numbers (N,) or rows of probabilities."""
    if t.dim() == 1:
        return functional.cross_entropy(logits, t)
    return -(t * logits.log_softmax(-1)).sum(-1).mean()


def _cross_entropy_of_probabilities(p: Tensor, t: Tensor) -> Tensor:
    """Keras divides each row by its sum first."""
    p = _clipped(p / p.sum(-1, keepdim=True), EPSILON, 1 - EPSILON)
    return functional.nll_loss(p.log(), t) if t.dim() == 1 else -(t * p.log()).sum(-1).mean()


def _binary_cross_entropy_of_probabilities(p: Tensor, t: Tensor) -> Tensor:
    p = _clipped(p, EPSILON, 1 - EPSILON)
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean()


def _floats(y: np.ndarray) -> np.ndarray:
    return y if y.dtype.kind == "f" else y.astype(np.float32)


def _free(shape: tuple[int, ...]) -> tuple[int | None, ...]:
    return (None, *shape[1:])


_KNOWN: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mean_squared_error": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mean_absolute_error": MeanAbsoluteError,
}


def get(given: Any) -> Loss:
    """The loss of a name, a class, an object, or a function of tensors (targets, predictions).

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    if isinstance(given, str):
        return known("loss", given, _KNOWN)()
    if isinstance(given, type) and issubclass(given, Loss):
        return given()
    if isinstance(given, Loss):
        return given
    if callable(given):
        return FunctionLoss(given)
    raise TypeError(f"loss must be a name, a Loss of fastnn.keras or a function, got {type(given).__name__}")
