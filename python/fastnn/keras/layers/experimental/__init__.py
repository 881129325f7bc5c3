"""Where TensorFlow 2.3 to 2.5 had the preprocessing layers: ``layers.experimental.preprocessing``."""

from __future__ import annotations

from fastnn.keras.layers.experimental import preprocessing

__all__ = ["preprocessing"]
