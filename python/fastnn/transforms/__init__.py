"""Image transforms under torchvision's names, with its results and its printed form, on PIL images and Tensors.

transforms.py   the steps, on PIL images        tensors.py   the same of Tensors (..., C, H, W)

Source of the behaviour: torchvision.transforms (v1).
"""

from fastnn.transforms.transforms import (
    FULL_SIZE,
    MAX_PIXELS,
    CenterCrop,
    Compose,
    Grayscale,
    InterpolationMode,
    Lambda,
    Normalize,
    Resize,
    ToPILImage,
    ToTensor,
)

__all__ = [
    "FULL_SIZE",
    "MAX_PIXELS",
    "CenterCrop",
    "Compose",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "Resize",
    "ToPILImage",
    "ToTensor",
]
