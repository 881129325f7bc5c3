"""Layers of a :class:`fastnn.keras.Sequential` or a functional :class:`fastnn.keras.Model`."""

from __future__ import annotations

from fastnn.keras.layers.activation import ELU, LeakyReLU, ReLU, Softmax
from fastnn.keras.layers.core import Activation, Dense, Dropout, Flatten, Input, InputLayer, Lambda, Reshape
from fastnn.keras.layers.layer import Layer
from fastnn.keras.layers.merging import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    maximum,
    minimum,
    multiply,
    subtract,
)
from fastnn.keras.layers.normalization import Normalization

__all__ = [
    "ELU",
    "Activation",
    "Add",
    "Average",
    "Concatenate",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "ReLU",
    "Reshape",
    "Softmax",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]

# What a file may name.
_IN_FILES: tuple[type[Layer], ...] = (
    *(Dense, Activation, LeakyReLU, ReLU, ELU, Softmax, Dropout, Flatten, Reshape, Normalization, InputLayer),
    *(Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract),
)
KINDS: dict[str, type[Layer]] = {kind.__name__: kind for kind in _IN_FILES}
