"""What the steps do, as functions of PIL images and Tensors (``torchvision.transforms.functional``); nothing random."""

from fastnn.transforms.base import InterpolationMode, get_dimensions, get_image_num_channels, get_image_size
from fastnn.transforms.blur import gaussian_blur
from fastnn.transforms.color import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    adjust_sharpness,
    autocontrast,
    equalize,
    invert,
    posterize,
    rgb_to_grayscale,
    solarize,
    to_grayscale,
)
from fastnn.transforms.convert import convert_image_dtype, normalize, pil_to_tensor, to_pil_image, to_tensor
from fastnn.transforms.erasing import erase
from fastnn.transforms.geometry import center_crop, crop, five_crop, hflip, pad, resized_crop, ten_crop, vflip
from fastnn.transforms.resize import resize
from fastnn.transforms.warps import affine, perspective, rotate

__all__ = [
    "InterpolationMode",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "adjust_sharpness",
    "affine",
    "autocontrast",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "equalize",
    "erase",
    "five_crop",
    "gaussian_blur",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "hflip",
    "invert",
    "normalize",
    "pad",
    "perspective",
    "pil_to_tensor",
    "posterize",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "solarize",
    "ten_crop",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]
