"""Image steps on Tensors (..., C, H, W), by PyTorch's formulas. They have no gradients.

Source: torchvision.transforms._functional_tensor; torch.nn.functional.interpolate with align_corners off.
"""

from __future__ import annotations

import numpy as np

from fastnn.eager.tensor import Tensor

MODES = ("nearest", "nearest-exact", "bilinear", "bicubic")


def resize(img: Tensor, size: tuple[int, int], mode: str, antialias: bool) -> Tensor:
    """An image of height and width ``size``; whole numbers are rounded, uint8 is cut at 0 and 255.

    Raises:
        ValueError: the mode is none of MODES.
    """
    if mode not in MODES:
        raise ValueError(f"Resize: Tensors are resized by {', '.join(MODES)}, not {mode}; put Resize before ToTensor()")
    if tuple(img.shape[-2:]) == size:
        return img
    pixels = img.detach().numpy()
    if mode.startswith("nearest"):
        half = np.float32(0.5 if mode.endswith("exact") else 0)
        rows, columns = (_nearest(old, new, half) for old, new in zip(pixels.shape[-2:], size, strict=True))
        return Tensor(np.ascontiguousarray(pixels[..., rows[:, None], columns]))
    x = pixels if pixels.dtype in (np.float32, np.float64) else pixels.astype(np.float32)
    for new in size[::-1]:  # along the last dimension, which then changes places with the other
        weights = _weights(x.shape[-1], new, mode == "bicubic", antialias).astype(x.dtype)
        lines = np.ascontiguousarray(x.reshape(-1, x.shape[-1]))
        x = (Tensor(lines) @ Tensor(np.ascontiguousarray(weights.T))).numpy()
        x = x.reshape(*pixels.shape[:-2], -1, new).swapaxes(-1, -2)
    if pixels.dtype.kind in "iu":
        x = np.rint(np.clip(x, 0, 255) if pixels.dtype == np.uint8 else x)
    return Tensor(np.ascontiguousarray(x, pixels.dtype))


def grey(img: Tensor, channels: int) -> Tensor:
    """0.2989 R + 0.587 G + 0.114 B, cut to whole numbers where the image has them, so often as wanted.

    Raises:
        ValueError: the image has neither 3 channels nor 1.
    """
    pixels = img.detach().numpy()
    if pixels.ndim < 3 or pixels.shape[-3] not in (1, 3):
        raise ValueError(f"Grayscale: expected a Tensor (..., C, H, W) with 1 or 3 channels, got shape {pixels.shape}")
    if pixels.shape[-3] == 3:
        wide = pixels if pixels.dtype.kind == "f" else pixels.astype(np.float32)
        factors = np.array([0.2989, 0.587, 0.114], wide.dtype)
        red, green, blue = (wide[..., i, :, :] * factors[i] for i in range(3))
        pixels = (red + green + blue).astype(pixels.dtype)[..., None, :, :]
    return Tensor(np.repeat(pixels, channels, axis=-3))


def _nearest(old: int, new: int, half: np.float32) -> np.ndarray:
    """Which of ``old`` pixels each of the ``new`` ones is; in float32, as PyTorch computes it."""
    place = (np.arange(new, dtype=np.float32) + half) * np.float32(old / new)
    return np.minimum(place.astype(np.int64), old - 1)


def _weights(old: int, new: int, cubic: bool, antialias: bool) -> np.ndarray:
    """float64 (new, old): how much of each old pixel is in each new one."""
    scale = old / new
    if antialias:
        centers = scale * (np.arange(new) + 0.5)
        distances = (np.arange(old) + 0.5 - centers[:, None]) / max(scale, 1)
        weights = _cubic(distances, -0.5) if cubic else np.maximum(1 - np.abs(distances), 0)
        return weights / weights.sum(1, keepdims=True)
    places = scale * (np.arange(new) + 0.5) - 0.5
    places = places if cubic else np.maximum(places, 0)
    first = np.floor(places).astype(np.int64)
    weights = np.zeros((new, old))
    for step in range(-1, 3) if cubic else range(2):
        distances = places - first - step
        values = _cubic(distances, -0.75) if cubic else 1 - np.abs(distances)
        np.add.at(weights, (np.arange(new), np.clip(first + step, 0, old - 1)), values)
    return weights


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic convolution kernel."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0))
