"""The steps, as torchvision.transforms.transforms lists them; where each is: see the package."""

from fastnn.transforms.base import InterpolationMode
from fastnn.transforms.blur import GaussianBlur
from fastnn.transforms.containers import Compose, Lambda, RandomApply, RandomChoice, RandomOrder
from fastnn.transforms.convert import ConvertImageDtype, Normalize, PILToTensor, ToPILImage, ToTensor
from fastnn.transforms.erasing import RandomErasing
from fastnn.transforms.geometry import CenterCrop, FiveCrop, Pad, TenCrop
from fastnn.transforms.random_color import (
    ColorJitter,
    Grayscale,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomEqualize,
    RandomGrayscale,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
)
from fastnn.transforms.random_geometry import RandomCrop, RandomHorizontalFlip, RandomResizedCrop, RandomVerticalFlip
from fastnn.transforms.random_warps import RandomAffine, RandomPerspective, RandomRotation
from fastnn.transforms.resize import Resize

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "ConvertImageDtype",
    "FiveCrop",
    "GaussianBlur",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomApply",
    "RandomAutocontrast",
    "RandomChoice",
    "RandomCrop",
    "RandomEqualize",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomOrder",
    "RandomPerspective",
    "RandomPosterize",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomSolarize",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
    "ToPILImage",
    "ToTensor",
]
