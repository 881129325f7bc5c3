"""Images for networks in Keras' old style: ``ImageDataGenerator``, ``load_img``, ``img_to_array`` and their like."""

from __future__ import annotations

from fastnn.keras.preprocessing.dataframe import DataFrameIterator
from fastnn.keras.preprocessing.directory import DirectoryIterator
from fastnn.keras.preprocessing.generator import ImageDataGenerator
from fastnn.keras.preprocessing.iterator import Iterator, NumpyArrayIterator
from fastnn.keras.utils.image_utils import array_to_img, img_to_array, load_img, save_img

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "array_to_img",
    "img_to_array",
    "load_img",
    "save_img",
]
