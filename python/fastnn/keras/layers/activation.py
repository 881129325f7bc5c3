"""Activations as layers that have settings of their own."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any, ClassVar

from fastnn import nn
from fastnn.keras import activations
from fastnn.keras.layers.layer import Layer, Shape


class LeakyReLU(Layer):
    """x where x > 0, else negative_slope x.

    Raises:
        ValueError: negative_slope is negative or not finite.
    """

    former: ClassVar = {"alpha": "negative_slope"}

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= negative_slope < inf:
            raise ValueError(f"LeakyReLU: negative_slope is {negative_slope}; it must be at least 0 and finite")
        self.negative_slope = float(negative_slope)

    def make(self, shape: Shape) -> Shape:
        self.modules = [nn.LeakyReLU(self.negative_slope)]
        return shape


class ReLU(Layer):
    """x where x > 0, else negative_slope x; max_value at most.

    Raises:
        ValueError: a negative max_value or negative_slope.
    """

    refused: ClassVar = {"threshold": "add a Lambda layer that subtracts it"}

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name, value in (("max_value", max_value or 0), ("negative_slope", negative_slope)):
            if not 0 <= value < inf:
                raise ValueError(f"ReLU: {name} is {value}; it must be at least 0 and finite")
        self.max_value = None if max_value is None else float(max_value)
        self.negative_slope = float(negative_slope)

    def make(self, shape: Shape) -> Shape:
        own = partial(activations.relu, negative_slope=self.negative_slope, max_value=self.max_value)
        plain = self.max_value is None and not self.negative_slope
        self.modules = activations.modules_of(activations.relu if plain else own)
        return shape


class ELU(Layer):
    """x where x > 0, else alpha (exp(x) - 1)."""

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = float(alpha)

    def make(self, shape: Shape) -> Shape:
        self.modules = activations.modules_of(partial(activations.elu, alpha=self.alpha))
        return shape


class Softmax(Layer):
    """exp(x) / sum exp(x) along an axis."""

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = int(axis)

    @property
    def activation(self) -> activations.Function | None:
        """Softmax itself, where it is along the last axis: the loss is then computed from the logits."""
        return activations.softmax if self.axis == -1 else partial(activations.softmax, axis=self.axis)

    def make(self, shape: Shape) -> Shape:
        self.modules = [nn.Softmax(self.axis)]
        return shape
