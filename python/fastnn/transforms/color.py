"""Brightness, contrast and other changes of colours, as functions of PIL images (Pillow's own) and of Tensors
(..., C, H, W) of 1 or 3 channels (torchvision's formulas, in its order).

Source: torchvision.transforms._functional_pil, ._functional_tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.transforms import tensors
from fastnn.transforms.base import as_tensor, is_number, pil_image, plain
from fastnn.transforms.blur import blurred_edges
from fastnn.transforms.convert import scaled, white_of

_FLOAT = np.dtype(np.float32)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """To grey: Pillow's ``convert("L")``, of a Tensor 0.2989 R + 0.587 G + 0.114 B; repeated three times for 3
    channels."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels!r}")
    if isinstance(img, Tensor):
        return tensors.grey(img, num_output_channels)
    grey = pil_image(img, "Grayscale").convert("L")
    return grey if num_output_channels == 1 else grey.convert("RGB")


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """:func:`rgb_to_grayscale` of a PIL image."""
    return rgb_to_grayscale(pil_image(img, "to_grayscale"), num_output_channels)


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """Each pixel times a factor."""
    _check_factor(brightness_factor, "brightness_factor")
    if not isinstance(img, Tensor):
        return _enhanced(img, "Brightness", brightness_factor)
    pixels, _ = white_of(img, "adjust_brightness")
    return _blend(pixels, np.zeros((), np.float32), brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """Each pixel's distance from the mean grey times a factor."""
    _check_factor(contrast_factor, "contrast_factor")
    if not isinstance(img, Tensor):
        return _enhanced(img, "Contrast", contrast_factor)
    pixels, _ = white_of(img, "adjust_contrast")
    grey = tensors.grey(Tensor(pixels), 1).numpy()
    rows = grey.reshape(-1, grey[..., 0, :, :].size // int(np.prod(grey.shape[:-3], dtype=np.int64)))
    if pixels.dtype.kind in "iu":  # a sum of whole numbers is exact
        mean = rows.sum(1, dtype=np.int64).astype(np.float32) / np.float32(rows.shape[1])
    else:
        mean = Tensor(rows).mean(1).numpy()
    return _blend(pixels, mean.reshape(*pixels.shape[:-3], 1, 1, 1), contrast_factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """Each pixel's distance from its grey times a factor: 0 for grey, 1 for the image itself."""
    _check_factor(saturation_factor, "saturation_factor")
    if not isinstance(img, Tensor):
        return _enhanced(img, "Color", saturation_factor)
    pixels, _ = white_of(img, "adjust_saturation")
    return img if pixels.shape[-3] == 1 else _blend(pixels, tensors.grey(img, 1).numpy(), saturation_factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """The hue turned by a share of the circle, from -0.5 to 0.5. Grey images stay."""
    if not is_number(hue_factor) or not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if isinstance(img, Tensor):
        pixels, _ = white_of(img, "adjust_hue")
        if pixels.shape[-3] == 1:
            return img
        hue, saturation, value = _to_hsv(scaled(pixels, _FLOAT) if pixels.dtype != _FLOAT else pixels)
        turned = _from_hsv(np.mod(hue + np.float32(hue_factor), np.float32(1)), saturation, value)
        return as_tensor(turned if pixels.dtype == _FLOAT else scaled(turned, pixels.dtype))
    if pil_image(img, "adjust_hue").mode in {"L", "1", "I", "F"}:
        return img
    from PIL import Image

    hue, saturation, value = img.convert("HSV").split()
    turned = np.asarray(hue) + np.int32(hue_factor * 255).astype(np.uint8)  # wraps around
    return Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert(img.mode)


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """255 * gain * (pixel / 255) ** gamma."""
    if gamma < 0:
        raise ValueError(f"Gamma should be a non-negative real number, got {gamma}")
    if isinstance(img, Tensor):
        pixels, _ = white_of(img, "adjust_gamma")
        x = pixels if pixels.dtype.kind == "f" else scaled(pixels, _FLOAT)
        out = np.clip(x.dtype.type(gain) * (Tensor(x) ** gamma).numpy(), 0, 1)
        return as_tensor(out if out.dtype == pixels.dtype else scaled(out, pixels.dtype))
    table = [int((255 + 1 - 1e-3) * gain * pow(value / 255.0, gamma)) for value in range(256)] * 3
    return pil_image(img, "adjust_gamma").convert("RGB").point(table).convert(img.mode)


def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """0 for blurred, 1 for the image itself, above for sharper."""
    _check_factor(sharpness_factor, "sharpness_factor")
    if not isinstance(img, Tensor):
        return _enhanced(img, "Sharpness", sharpness_factor)
    pixels, _ = white_of(img, "adjust_sharpness")
    return img if min(pixels.shape[-2:]) <= 2 else _blend(pixels, blurred_edges(pixels), sharpness_factor)


def invert(img: Any) -> Any:
    """White less each pixel."""
    if not isinstance(img, Tensor):
        return _operated(img, "invert")
    pixels, white = white_of(img, "invert")
    return as_tensor(pixels.dtype.type(white) - pixels)


def posterize(img: Any, bits: int) -> Any:
    """So many upper bits of each pixel. Tensors have to be uint8."""
    bits = plain(bits)
    if not 0 <= bits <= 8:
        raise ValueError(f"posterize: bits should be from 0 to 8, got {bits}")
    if not isinstance(img, Tensor):
        return _operated(img, "posterize", bits)
    return as_tensor(_bytes_of(img, "posterize") & np.uint8(256 - 2 ** (8 - bits)))


def solarize(img: Any, threshold: float) -> Any:
    """Pixels from the threshold on are inverted."""
    if not isinstance(img, Tensor):
        return _operated(img, "solarize", threshold)
    pixels, white = white_of(img, "solarize")
    if threshold > white:
        raise TypeError(f"solarize: threshold should be at most {white} for pixels of {img.dtype}, got {threshold}")
    return as_tensor(np.where(pixels >= threshold, pixels.dtype.type(white) - pixels, pixels))


def autocontrast(img: Any) -> Any:
    """Each channel's darkest pixels black, its brightest white."""
    if not isinstance(img, Tensor):
        return _operated(img, "autocontrast")
    pixels, white = white_of(img, "autocontrast")
    x = pixels if pixels.dtype.kind == "f" else pixels.astype(np.float32)
    low, high = x.min((-2, -1), keepdims=True), x.max((-2, -1), keepdims=True)
    flat = low == high
    scale = x.dtype.type(white) * (x.dtype.type(1) / np.where(flat, 1, high - low).astype(x.dtype))
    out = (x - np.where(flat, 0, low).astype(x.dtype)) * np.where(flat, 1, scale).astype(x.dtype)
    return as_tensor(np.clip(out, 0, white).astype(pixels.dtype))


def equalize(img: Any) -> Any:
    """Each channel's brightnesses spread evenly. Tensors have to be uint8."""
    if not isinstance(img, Tensor):
        return _operated(img, "equalize")
    pixels = _bytes_of(img, "equalize")
    planes = pixels.reshape(-1, pixels.shape[-2] * pixels.shape[-1])
    return as_tensor(np.stack([_equalized(plane) for plane in planes]).reshape(pixels.shape))


def _equalized(plane: np.ndarray) -> np.ndarray:
    counts = np.bincount(plane, minlength=256)
    step = counts[counts != 0][:-1].sum() // 255
    if not step:
        return plane
    table = (np.add.accumulate(counts) + step // 2) // step
    return np.clip([0, *table[:-1]], 0, 255).astype(np.uint8)[plane]


def _check_factor(factor: float, name: str) -> None:
    if not factor >= 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def _enhanced(img: Any, kind: str, factor: float) -> Any:
    """By Pillow's ImageEnhance."""
    from PIL import ImageEnhance

    name = f"adjust_{kind.lower()}"
    return _by_pillow(lambda image: getattr(ImageEnhance, kind)(image).enhance(factor), img, name)


def _operated(img: Any, name: str, *values: Any) -> Any:
    """By Pillow's ImageOps."""
    from PIL import ImageOps

    return _by_pillow(lambda image: getattr(ImageOps, name)(image, *values), img, name)


def _by_pillow(change: Callable[[Any], Any], img: Any, name: str) -> Any:
    try:
        return change(pil_image(img, name))
    except (OSError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"{name}: Pillow does not do this to an image of mode {img.mode} ({error}); convert it to RGB first"
        ) from error


def _bytes_of(img: Tensor, name: str) -> np.ndarray:
    pixels, _ = white_of(img, name)
    if pixels.dtype != np.uint8:
        raise TypeError(
            f"{name}: only uint8 Tensors, got {img.dtype}; use it before ToTensor(), or after PILToTensor()"
        )
    return pixels


def _blend(pixels: np.ndarray, other: np.ndarray, ratio: float) -> Tensor:
    """ratio * pixels + (1 - ratio) * other, cut at black and white."""
    kind = pixels.dtype.type if pixels.dtype.kind == "f" else np.float32
    white = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else 1
    mixed = kind(ratio) * pixels.astype(kind, copy=False) + kind(1.0 - ratio) * other.astype(kind, copy=False)
    return as_tensor(np.clip(mixed, 0, white).astype(pixels.dtype))


def _to_hsv(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(hue, saturation, value), each (..., H, W) in 0..1, of float32 (..., 3, H, W)."""
    red, green, blue = (x[..., channel, :, :] for channel in range(3))
    most, least = x.max(-3), x.min(-3)
    grey, one = most == least, np.float32(1)
    spread = most - least
    saturation = spread / np.where(grey, one, most)
    below = np.where(grey, one, spread)
    r, g, b = ((most - channel) / below for channel in (red, green, blue))
    is_red, is_green = most == red, (most == green) & (most != red)
    hue = is_red * (b - g) + is_green * (np.float32(2) + r - b)
    hue = hue + ((most != green) & (most != red)) * (np.float32(4) + g - r)
    return np.fmod(hue / np.float32(6) + one, one), saturation, most


def _from_hsv(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """float32 (..., 3, H, W)."""
    one, six = np.float32(1), np.float32(6)
    sector = np.floor(hue * six)
    part = hue * six - sector
    p, q, t = (
        np.clip(value * (one - saturation * share), 0, 1).astype(np.float32) for share in (one, part, one - part)
    )
    sector = sector.astype(np.int32) % 6
    channels = ((value, q, p, p, t, value), (t, value, value, q, p, p), (p, p, t, value, value, q))
    return np.stack([np.choose(sector, each) for each in channels], axis=-3)
