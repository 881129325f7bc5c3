"""Layers that make images ready, and different each time they are trained on."""

from __future__ import annotations

from fastnn.keras.layers.preprocessing.colours import RandomBrightness, RandomContrast
from fastnn.keras.layers.preprocessing.moves import RandomFlip, RandomRotation, RandomTranslation, RandomZoom
from fastnn.keras.layers.preprocessing.sizes import CenterCrop, RandomCrop, Resizing

__all__ = [
    "CenterCrop",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
]
