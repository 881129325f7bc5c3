"""Layers of a :class:`fastnn.keras.models.Sequential`."""

from __future__ import annotations

from fastnn.keras.layers.activation import ELU, LeakyReLU, ReLU, Softmax
from fastnn.keras.layers.core import Activation, Dense, Dropout, Flatten, Input, InputLayer, Lambda, Reshape
from fastnn.keras.layers.layer import Layer
from fastnn.keras.layers.normalization import Normalization

__all__ = [
    "ELU",
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LeakyReLU",
    "Normalization",
    "ReLU",
    "Reshape",
    "Softmax",
]

# What a file may name.
KINDS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (Dense, Activation, LeakyReLU, ReLU, ELU, Softmax, Dropout, Flatten, Reshape, Normalization)
}
