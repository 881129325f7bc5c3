"""Data made ready for networks: ``image``."""

from __future__ import annotations

from fastnn.keras.preprocessing import image

__all__ = ["image"]
