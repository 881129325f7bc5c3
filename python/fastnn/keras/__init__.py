"""Keras' way of saying it: ``from fastnn.keras import layers, models``.

:class:`models.Sequential` and the functional :class:`models.Model` with compile, fit, evaluate and predict behave as
Keras 3's; they train in fastnn's compiled plans. What is here: ``models``, ``layers``, ``optimizers``, ``losses``,
``metrics``, ``callbacks``, ``activations``, ``initializers``, ``regularizers``, ``utils``, ``preprocessing``,
``backend``, ``wrappers`` and ``datasets``.

What stands beside ``tf.keras`` in scripts: :mod:`fastnn.keras.tensorflow`.
"""

from __future__ import annotations

from fastnn._core import __version__ as __version__
from fastnn.keras import (
    activations,
    backend,
    callbacks,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    preprocessing,
    regularizers,
    utils,
    wrappers,
)
from fastnn.keras.layers import Input
from fastnn.keras.models import Model, Sequential

# Modules within these that scripts import (those of Keras 1 and 2 that are elsewhere today: fastnn.renamed).
WITHIN = (
    *("layers.experimental", "layers.experimental.preprocessing"),
    *(f"datasets.{name}" for name in ("cifar10", "cifar100", "fashion_mnist", "mnist")),
    *("layers.core", "layers.normalization", "layers.pooling", "optimizers.schedules"),
    *("preprocessing.image", "utils.np_utils", "wrappers.scikit_learn"),
)

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "activations",
    "backend",
    "callbacks",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "preprocessing",
    "regularizers",
    "utils",
    "wrappers",
]
