"""The preprocessing layers under their former path."""

from __future__ import annotations

from fastnn.keras.layers.normalization import Normalization
from fastnn.keras.layers.preprocessing.colours import RandomContrast
from fastnn.keras.layers.preprocessing.moves import RandomFlip, RandomRotation, RandomTranslation, RandomZoom
from fastnn.keras.layers.preprocessing.sizes import CenterCrop, RandomCrop, Resizing
from fastnn.keras.layers.reshaping import Rescaling

__all__ = [
    "CenterCrop",
    "Normalization",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "Rescaling",
    "Resizing",
]
