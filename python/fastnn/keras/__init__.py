"""Keras' way of saying it: ``from fastnn.keras import layers, models``.

:class:`models.Sequential` with compile, fit, evaluate and predict behaves as Keras 3's; it trains in fastnn's compiled
plans. What is here: ``models``, ``layers``, ``optimizers``, ``losses``, ``metrics``, ``callbacks``, ``activations``,
``initializers``, ``utils`` and ``datasets.mnist``.
"""

from __future__ import annotations

from fastnn._core import __version__ as __version__
from fastnn.keras import (
    activations,
    callbacks,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    utils,
)
from fastnn.keras.layers import Input
from fastnn.keras.models import Sequential

__all__ = [
    "Input",
    "Sequential",
    "activations",
    "callbacks",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "utils",
]
