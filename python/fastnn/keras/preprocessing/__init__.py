"""Data made ready for networks: ``image``."""

from __future__ import annotations

from fastnn.keras.data.images import image_dataset_from_directory
from fastnn.keras.preprocessing import image

__all__ = ["image", "image_dataset_from_directory"]
