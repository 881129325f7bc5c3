"""Data sets: ``from fastnn.keras.datasets import mnist``."""

from __future__ import annotations

from fastnn.keras.datasets import mnist

__all__ = ["mnist"]
