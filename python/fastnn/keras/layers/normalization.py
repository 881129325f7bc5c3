"""Normalization: inputs of mean 0 and variance 1, by what was seen before training."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.keras.layers.layer import Layer, Shape

EPSILON = 1e-7  # Keras': the smallest deviation that is divided by


class Normalization(Layer):
    """(x - mean) / sqrt(variance). These are given, or :meth:`adapt` finds them in data.

    axis: that (or those) along which each entry has numbers of its own; None: one pair for all.

    Raises:
        ValueError: mean without variance, or a model is built before either is known.
    """

    refused: ClassVar = {"invert": "multiply by the deviation and add the mean in a Lambda layer"}

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError("Normalization: mean and variance go together; give both or neither")
        self.axis = tuple(axis) if isinstance(axis, list | tuple) else axis
        self.mean = None if mean is None else Tensor(np.asarray(mean, dtype=np.float32))
        self.variance = None if variance is None else Tensor(np.asarray(variance, dtype=np.float32))

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Takes mean and variance from samples (N, ...).

        Raises:
            ValueError: no samples.
        """
        values = np.asarray(data, dtype=np.float32)
        values = values[:, None] if values.ndim == 1 else values
        if not len(values):
            raise ValueError("Normalization.adapt: there are no samples")
        wanted = () if self.axis is None else self.axis if isinstance(self.axis, tuple) else (self.axis,)
        kept = {axis % values.ndim for axis in wanted}
        others = tuple(axis for axis in range(values.ndim) if axis not in kept)
        exact = values.astype(np.float64)
        self.mean = Tensor(exact.mean(axis=others, keepdims=True).astype(np.float32))
        self.variance = Tensor(exact.var(axis=others, keepdims=True).astype(np.float32))
        if self.given_shape is None:
            self.given_shape = values.shape[1:]
        self.build(values.shape[1:])
        for module in self.modules:
            module.take(self.mean, self.variance)

    def make(self, shape: Shape) -> Shape:
        if self.mean is None:
            raise ValueError(f"layer '{self.name}' (Normalization) knows no mean yet: call adapt(data) first")
        self.modules = [_Normalized(self.mean, self.variance)]
        return shape


class _Normalized(nn.Module):
    def __init__(self, mean: Tensor, variance: Tensor) -> None:
        super().__init__()
        self.take(mean, variance)

    def take(self, mean: Tensor, variance: Tensor) -> None:
        """Computes with these from here on."""
        self.mean = mean
        self.factor = Tensor(1 / np.maximum(np.sqrt(variance.numpy()), np.float32(EPSILON)))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.factor
