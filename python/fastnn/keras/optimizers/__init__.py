"""Optimizers in Keras' form, and schedules of their learning rates."""

from __future__ import annotations

from fastnn.keras.optimizers import kinds as legacy
from fastnn.keras.optimizers import schedules
from fastnn.keras.optimizers.kinds import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, RMSprop, get
from fastnn.keras.optimizers.optimizer import Optimizer

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "get",
    "legacy",
    "schedules",
]

# Keras 1's and 2's names.
sgd, rmsprop, adam, adamax, nadam, adagrad, adadelta = SGD, RMSprop, Adam, Adamax, Nadam, Adagrad, Adadelta
